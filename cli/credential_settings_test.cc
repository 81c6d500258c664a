#include "cli/credential_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"
#include "graph/configuration.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(OpenRecordStoreTest, OpensWhatIsConfigured) {
  graph::Configuration configuration;
  configuration.credentials_local_storage_path = "some/folder";
  ASSERT_OK_AND_ASSIGN(const auto local, OpenRecordStore(configuration));
  EXPECT_THAT(local->Describe(), HasSubstr("some/folder"));
  configuration.credentials_storage_type = "envvars";
  ASSERT_OK_AND_ASSIGN(const auto environment, OpenRecordStore(configuration));
  EXPECT_THAT(environment->Describe(), HasSubstr("envvars"));
  configuration.credentials_storage_type = "vault";
  EXPECT_THAT(OpenRecordStore(configuration),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("`vault`"), HasSubstr("`envvars`"))));
}

TEST(UseLocalStoragePathTest, OnlyForStoresWithAFolder) {
  graph::Configuration configuration;
  ASSERT_OK(UseLocalStoragePath("", &configuration));
  EXPECT_EQ(configuration.credentials_local_storage_path, "credentials");
  ASSERT_OK(UseLocalStoragePath("other", &configuration));
  EXPECT_EQ(configuration.credentials_local_storage_path, "other");
  configuration.credentials_storage_type = "envvars";
  EXPECT_THAT(UseLocalStoragePath("other", &configuration),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("`envvars`")));
}

}  // namespace
}  // namespace stevedore::cli
