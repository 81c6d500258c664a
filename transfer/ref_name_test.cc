#include "transfer/ref_name.h"

#include <gtest/gtest.h>

#include <string>

#include "base/testing/status_matchers.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;

TEST(RefNameTest, TakesTagsAndReferences) {
  for (const char* name : {"1.4", "v1.", "_x", "a..b", "docker.io/library/alpine:3.20",
                           "shop/web:1.0@sha256:44", "localhost:5000/a/b:x", "1.0+build"}) {
    EXPECT_OK(CheckRefName(name)) << name;
  }
  EXPECT_OK(CheckRefName(std::string(512, 'a')));
}

TEST(RefNameTest, RefusesWhatCouldBeAPathOrAnOption) {
  for (const char* name : {"", "../x", "a/../b", "/a", "a/", "a//b", "-x", "@1", "a b", "a\nb"}) {
    EXPECT_THAT(CheckRefName(name), StatusIs(absl::StatusCode::kInvalidArgument)) << name;
  }
  EXPECT_THAT(CheckRefName(std::string(513, 'a')), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(RefNameTest, TellsDigestsFromNames) {
  EXPECT_TRUE(LooksLikeDigest("sha256:1"));
  EXPECT_TRUE(LooksLikeDigest("sha512:abc"));
  EXPECT_FALSE(LooksLikeDigest("alpine:3.20"));
  EXPECT_FALSE(LooksLikeDigest(""));
}

}  // namespace
}  // namespace stevedore::transfer
