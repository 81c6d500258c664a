#include "credentials/open_credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "credentials/bundle.h"

namespace stevedore::credentials {
namespace {

TEST(OpenCredentialsTest, TheRecordsComeBeforeDockersFile) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  ASSERT_OK(base::WriteFileAtomically(base::JoinPath(directory.path(), "config.json"),
                                      R"({"auths": {"both": {"username": "docker", "password": "d"},
                    "file": {"username": "docker", "password": "d"}}})"));
  Record record;
  record.id = "both";
  record.username = "record";
  record.password = base::Secret("r");
  const MemoryRecordStore records("records of the test", {record});
  http::Client http;
  const auto store = OpenCredentials(
      {.records = &records, .http = &http, .environment = {{"DOCKER_CONFIG", directory.path()}}});
  ASSERT_OK_AND_ASSIGN(auto found, store->Find("both", "a/b"));
  EXPECT_EQ(found->username, "record");
  ASSERT_OK_AND_ASSIGN(found, store->Find("file", "a/b"));
  EXPECT_EQ(found->username, "docker");
  ASSERT_OK_AND_ASSIGN(found, store->Find("none", "a/b"));
  EXPECT_FALSE(found.has_value());
}

TEST(OpenCredentialsTest, ReadsTheProcessesVariables) {
  setenv("STEVEDORE_TEST_VARIABLE", "a=b", 1);
  EXPECT_EQ(ProcessEnvironment()["STEVEDORE_TEST_VARIABLE"], "a=b");
}

}  // namespace
}  // namespace stevedore::credentials
