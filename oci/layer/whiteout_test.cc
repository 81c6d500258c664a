#include "oci/layer/whiteout.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using Kind = Whiteout::Kind;

TEST(WhiteoutTest, WhatNamesMean) {
  const struct {
    const char* path;
    Kind kind;
    const char* hidden;
  } cases[] = {
      {"a", Kind::kNone, ""},
      {"a.wh.b", Kind::kNone, ""},
      {"wh.a/.whatever", Kind::kNone, ""},
      {".wh.a", Kind::kPath, "a"},
      {"d/e/.wh.a", Kind::kPath, "d/e/a"},
      {"d/.wh.a b", Kind::kPath, "d/a b"},
      {"d/.wh..hidden", Kind::kPath, "d/.hidden"},
      {".wh..wh..opq", Kind::kOpaque, ""},
      {"d/.wh..wh..opq", Kind::kOpaque, "d"},
      {".wh..wh.plnk", Kind::kIgnored, ""},
      {".wh..wh.plnk/12.34", Kind::kIgnored, ""},
      {".wh..wh.aufs", Kind::kIgnored, ""},
  };
  for (const auto& wanted : cases) {
    SCOPED_TRACE(wanted.path);
    ASSERT_OK_AND_ASSIGN(const Whiteout whiteout, ParseWhiteout(wanted.path));
    EXPECT_EQ(whiteout.kind, wanted.kind);
    EXPECT_EQ(whiteout.path, wanted.hidden);
  }
}

TEST(WhiteoutTest, NamesThatHideNothingAreErrors) {
  for (const char* path : {".wh.", "d/.wh.", ".wh..", ".wh...", ".wh.a/b", "d/.wh.a/b/c"}) {
    EXPECT_THAT(ParseWhiteout(path), StatusIs(absl::StatusCode::kInvalidArgument)) << path;
  }
}

}  // namespace
}  // namespace stevedore::oci
