#include "credentials/record_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "base/secret.h"
#include "base/testing/status_matchers.h"
#include "credentials/credential_store.h"
#include "credentials/environment_credential_store.h"
#include "credentials/record.h"

namespace stevedore::credentials {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::map<std::string, std::string> Environment(const std::vector<Record>& records) {
  const EnvironmentCredentialStore writer({}, base::Secret("k"));
  std::map<std::string, std::string> environment;
  for (const Record& record : records) {
    environment.insert(*writer.Export(record, RecordFormat::kJson));
  }
  return environment;
}

Record Basic(const std::string& id, const std::string& user) {
  Record record;
  record.id = id;
  record.username = user;
  record.password = base::Secret("p");
  return record;
}

TEST(NameOfIdTest, IsTheMd5) {
  EXPECT_EQ(NameOfId("registry.stevedore.test"), "82e99d42ee1191bb42fbfb444920104d");
  EXPECT_EQ(NameOfId("docker.io"), "0b505db73d92bac18356fa3feb3cf7e3");
  EXPECT_EQ(NameOfId("docker-hub.stevedore.test:5000"), "0d435fd3c8c8fd12f3d68e4381c47b77");
  EXPECT_EQ(NameOfId("gitserver.stevedore.test"), "ce93c7bee3dd946464798d30f06d786f");
}

TEST(RecordCredentialStoreTest, FindsByRegistryLiterally) {
  const EnvironmentCredentialStore records(
      Environment({Basic("reg:5000", "host"), Basic("reg:5000/shop", "space")}), base::Secret("k"));
  const RecordCredentialStore store(&records);
  ASSERT_OK_AND_ASSIGN(const auto host, store.Find("reg:5000", "a/b"));
  EXPECT_EQ(host->username, "host");
  EXPECT_THAT(host->origin, HasSubstr("envvars, id reg:5000"));
  ASSERT_OK_AND_ASSIGN(const auto space, store.Find("reg:5000", "shop/web"));
  EXPECT_EQ(space->username, "space");
  ASSERT_OK_AND_ASSIGN(const auto none, store.Find("reg", "shop/web"));
  EXPECT_FALSE(none.has_value());
}

TEST(RecordCredentialStoreTest, ARecordOfAnotherKindIsAnErrorNotAnonymous) {
  Record key;
  key.id = "reg";
  key.private_key_file = "/k";
  const EnvironmentCredentialStore records(Environment({key}), base::Secret("k"));
  EXPECT_THAT(RecordCredentialStore(&records).Find("reg", "a"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("envvars, id reg"), HasSubstr("no user name"))));
}

TEST(ChainCredentialStoreTest, TheFirstThatKnowsOrFailsDecides) {
  const EnvironmentCredentialStore good(Environment({Basic("reg", "record")}), base::Secret("k"));
  const EnvironmentCredentialStore broken(Environment({Basic("reg", "record")}),
                                          base::Secret("other"));
  const RecordCredentialStore first(&good);
  const RecordCredentialStore failing(&broken);
  const MemoryCredentialStore second({{"reg", {"docker", base::Secret("x"), "docker"}},
                                      {"hub", {"docker", base::Secret("x"), "docker"}}});
  const ChainCredentialStore chain({&first, &second});
  ASSERT_OK_AND_ASSIGN(const auto record, chain.Find("reg", "a"));
  EXPECT_EQ(record->username, "record");
  ASSERT_OK_AND_ASSIGN(const auto docker, chain.Find("hub", "a"));
  EXPECT_EQ(docker->username, "docker");
  const ChainCredentialStore failing_chain({&failing, &second});
  EXPECT_THAT(failing_chain.Find("reg", "a"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_OK(failing_chain.Find("hub", "a"));
}

}  // namespace
}  // namespace stevedore::credentials
