#include "credentials/login_chain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "credentials/file_credential_store.h"
#include "http/client.h"

namespace stevedore::credentials {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

class LoginChainTest : public ::testing::Test {
 protected:
  LoginChainTest() {
    settings_.local_path = directory_.path() + "/store";
    // alice:sesame, for both registries.
    EXPECT_OK(base::WriteFileAtomically(directory_.path() + "/config.json",
                                        R"({"auths": {"one:5000": {"auth": "YWxpY2U6c2VzYW1l"},
                      "two:5000": {"auth": "YWxpY2U6c2VzYW1l"}}})"));
    Record record;
    record.id = "one:5000";
    record.username = "bob";
    record.password = base::Secret("builder");
    FileCredentialStore store(settings_.local_path, base::Secret("key"), RecordFormat::kJson);
    EXPECT_OK(store.Put(record, FileCredentialStore::Replace::kNo));
  }

  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
  http::Client http_;
  RecordStoreSettings settings_;
};

TEST_F(LoginChainTest, TheStoreComesBeforeDocker) {
  settings_.encryption_key = base::Secret("key");
  LoginChain chain(&http_, {{"DOCKER_CONFIG", directory_.path()}});
  ASSERT_OK_AND_ASSIGN(auto found, chain.Find("one:5000", "shop/web"));
  EXPECT_EQ(found->username, "alice");
  EXPECT_EQ(chain.records(), nullptr);
  ASSERT_OK_AND_ASSIGN(auto store, OpenRecordStore(settings_));
  chain.UseStore(std::move(store));
  ASSERT_OK_AND_ASSIGN(found, chain.Find("one:5000", "shop/web"));
  EXPECT_EQ(found->username, "bob");
  ASSERT_OK_AND_ASSIGN(found, chain.Find("two:5000", "shop/web"));
  EXPECT_EQ(found->username, "alice");
  ASSERT_OK_AND_ASSIGN(found, chain.Find("three:5000", "shop/web"));
  EXPECT_FALSE(found.has_value());
}

TEST_F(LoginChainTest, ALookupThatFailsIsNeverAnonymous) {
  settings_.encryption_key = base::Secret("another key");
  LoginChain chain(&http_, {{"DOCKER_CONFIG", directory_.path()}});
  ASSERT_OK_AND_ASSIGN(auto store, OpenRecordStore(settings_));
  chain.UseStore(std::move(store));
  EXPECT_THAT(
      chain.Find("one:5000", "shop/web"),
      StatusIs(absl::StatusCode::kUnauthenticated,
               AllOf(HasSubstr(settings_.local_path), HasSubstr("`one:5000`"), HasSubstr("key"))));
}

TEST(OpenRecordStoreTest, KnowsTwoTypes) {
  ASSERT_OK_AND_ASSIGN(const auto environment, OpenRecordStore({.type = "envvars"}));
  EXPECT_THAT(environment->Describe(), HasSubstr("envvars"));
  EXPECT_THAT(OpenRecordStore({.type = "vault"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("`vault`"), HasSubstr("`envvars`"))));
}

}  // namespace
}  // namespace stevedore::credentials
