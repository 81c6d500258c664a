#include "credentials/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"

namespace stevedore::credentials {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(BundleTest, ComesBackAsItWas) {
  CredentialBundle bundle;
  bundle.registries.push_back(
      {{"reg:5000/shop/web", "reg:5000/shop/base"}, {"ci", base::Secret("päss \"word\""), "here"}});
  Record git;
  git.id = "git.example.com";
  git.private_key_file = "/home/me/.ssh/id_ed25519";
  git.private_key = base::Secret("-----BEGIN KEY-----\nabc\n");
  git.private_key_password = base::Secret("open sesame");
  bundle.records.push_back(git);

  ASSERT_OK_AND_ASSIGN(const base::Secret text, FormatBundle(bundle));
  ASSERT_OK_AND_ASSIGN(const CredentialBundle read, ParseBundle(text));
  ASSERT_EQ(read.registries.size(), 1u);
  EXPECT_THAT(read.registries[0].repositories,
              ElementsAre("reg:5000/shop/web", "reg:5000/shop/base"));
  EXPECT_EQ(read.registries[0].credential.username, "ci");
  EXPECT_EQ(read.registries[0].credential.password.Reveal(), "päss \"word\"");
  EXPECT_EQ(read.registries[0].credential.origin, "sealed with the build");
  ASSERT_EQ(read.records.size(), 1u);
  EXPECT_EQ(read.records[0].id, git.id);
  EXPECT_TRUE(read.records[0].private_key == git.private_key);
  EXPECT_TRUE(read.records[0].private_key_password == git.private_key_password);
  EXPECT_EQ(read.records[0].type(), RecordType::kPrivateKeyFile);
}

TEST(BundleTest, WhatIsNoBundleIsRefusedWithoutQuotingIt) {
  const char* broken[] = {
      "",
      "secret-word",
      "[]",
      R"({"version": 2, "registries": [], "records": []})",
      R"({"version": 1, "records": []})",
      R"({"version": 1, "registries": {}, "records": []})",
      R"({"version": 1, "registries": ["secret-word"], "records": []})",
      R"({"version": 1, "registries": [{"repositories": "secret-word"}], "records": []})",
      R"({"version": 1, "registries": [{"repositories": [1]}], "records": []})",
      R"({"version": 1, "registries": [{"repositories": [], "username": 1}], "records": []})",
      R"({"version": 1, "registries": [], "records": [{"record": "secret-word"}]})",
      R"({"version": 1, "registries": [], "records": [{"record": {"secret": "secret-word"}}]})",
      R"({"version": 1, "registries": [], "records": [[[[[[[[[[]]]]]]]]]]})",
  };
  for (const char* text : broken) {
    const auto bundle = ParseBundle(base::Secret(text));
    EXPECT_THAT(bundle, StatusIs(absl::StatusCode::kInvalidArgument)) << text;
    EXPECT_EQ(bundle.status().message().find("secret-word"), absl::string_view::npos) << text;
  }
  CredentialBundle bundle;
  bundle.registries.push_back({{"r"}, {"u", base::Secret("\xff\xfe"), ""}});
  EXPECT_THAT(FormatBundle(bundle),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
}

TEST(BundleTest, StoresOfRecords) {
  Record one;
  one.id = "one";
  one.username = "sealed";
  Record other_one = one;
  other_one.username = "own";
  Record two;
  two.id = "two";
  const MemoryRecordStore sealed("sealed", {one});
  const MemoryRecordStore own("own", {two, other_one});
  const ChainRecordStore chain({&sealed, &own});
  ASSERT_OK_AND_ASSIGN(const auto found, chain.Get("one"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->username, "sealed");
  ASSERT_OK_AND_ASSIGN(const auto second, chain.Get("two"));
  EXPECT_TRUE(second.has_value());
  ASSERT_OK_AND_ASSIGN(const auto none, chain.Get("three"));
  EXPECT_FALSE(none.has_value());
  ASSERT_OK_AND_ASSIGN(const auto list, chain.List());
  EXPECT_EQ(list.size(), 3u);
  EXPECT_EQ(chain.Describe(), "sealed and own");
}

}  // namespace
}  // namespace stevedore::credentials
