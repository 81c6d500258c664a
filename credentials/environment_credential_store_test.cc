#include "credentials/environment_credential_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/secret.h"
#include "base/testing/status_matchers.h"
#include "credentials/record.h"
#include "credentials/record_store.h"

namespace stevedore::credentials {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kVariable[] = "STEVEDORE_ENVVARS_CREDENTIALS_82E99D42EE1191BB42FBFB444920104D";
constexpr char kKnownText[] =
    "000102030405060708090a0b83f6a1e94d0552e19d3e44f51ff82b7cac790d2eb6730797b5dd56bc31aa0c0b9c274a"
    "375fdd4af799cb5b7d35c467";

TEST(EnvironmentCredentialStoreTest, ReadsWhatGostevedoreExported) {
  const EnvironmentCredentialStore store({{kVariable, kKnownText}}, base::Secret("unit-test-key"));
  ASSERT_OK_AND_ASSIGN(const auto record, store.Get("registry.stevedore.test"));
  ASSERT_TRUE(record.has_value());
  EXPECT_EQ(record->username, "u");
  EXPECT_EQ(record->id, "registry.stevedore.test");
  ASSERT_OK_AND_ASSIGN(const auto none, store.Get("docker.io"));
  EXPECT_FALSE(none.has_value());
}

TEST(EnvironmentCredentialStoreTest, WhatIsExportedIsFound) {
  const EnvironmentCredentialStore writer({}, base::Secret("k"));
  Record record;
  record.id = "reg";
  record.username = "u";
  record.password = base::Secret("p");
  for (const RecordFormat format : {RecordFormat::kJson, RecordFormat::kYaml}) {
    ASSERT_OK_AND_ASSIGN(const auto variable, writer.Export(record, format));
    const EnvironmentCredentialStore reader({variable, {"OTHER", "x"}}, base::Secret("k"));
    ASSERT_OK_AND_ASSIGN(const auto found, reader.Get("reg"));
    EXPECT_EQ(found->password.Reveal(), "p");
    ASSERT_OK_AND_ASSIGN(const auto entries, reader.List());
    ASSERT_EQ(entries.size(), 1u);
    EXPECT_EQ(entries[0].record->id, "reg");
  }
}

TEST(EnvironmentCredentialStoreTest, FailuresNameStoreIdAndVariable) {
  const std::string id = "registry.stevedore.test";
  EXPECT_THAT(EnvironmentCredentialStore({{kVariable, kKnownText}}, base::Secret("wrong")).Get(id),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("envvars"), HasSubstr(id), HasSubstr(kVariable))));
  EXPECT_THAT(EnvironmentCredentialStore({{kVariable, kKnownText}}, base::Secret()).Get(id),
              StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(EnvironmentCredentialStore({{kVariable, "{}"}}, base::Secret("k")).Get(id),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(EnvironmentCredentialStore({}, base::Secret()).Export(Record(), RecordFormat::kJson),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(EnvironmentCredentialStoreTest, ABadEntryIsListedAsSuch) {
  const EnvironmentCredentialStore store({{kVariable, "00"}}, base::Secret("k"));
  ASSERT_OK_AND_ASSIGN(const auto entries, store.List());
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_THAT(entries[0].record.status().message(), HasSubstr(kVariable));
}

}  // namespace
}  // namespace stevedore::credentials
