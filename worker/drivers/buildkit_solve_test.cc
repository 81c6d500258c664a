#include "worker/drivers/buildkit_solve.h"

#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(MakeSolveTest, OptionsBecomeAttributes) {
  const auto options = graph::BuildkitOptions::Parse(R"({
    "dockerfile": "docker/Prod.Dockerfile", "target": "app", "no_cache": true, "pull": true,
    "network": "host", "extra_hosts": ["db:10.0.0.5", "v6:::1"], "shm_size": "64m",
    "ulimits": ["nofile=10:20"], "cache_from": ["reg/a:c"],
    "build_contexts": {"x": "docker-image://y"}})");
  ASSERT_OK(options);
  BuildRequest request;
  request.platform = {.os = "linux", .architecture = "arm64"};
  request.labels = {{"l", "v"}};
  request.source_date_epoch = 7;
  const Solve solve = MakeSolve(*options, request, {{"A", "1=2"}}, false);
  EXPECT_EQ(solve.frontend, "dockerfile.v0");
  EXPECT_THAT(
      solve.frontend_attributes,
      ElementsAre(Pair("add-hosts", "db=10.0.0.5,v6=::1"), Pair("build-arg:A", "1=2"),
                  Pair("build-arg:SOURCE_DATE_EPOCH", "7"), Pair("cache-from", "reg/a:c"),
                  Pair("context:x", "docker-image://y"), Pair("filename", "Prod.Dockerfile"),
                  Pair("force-network-mode", "host"), Pair("image-resolve-mode", "pull"),
                  Pair("label:l", "v"), Pair("no-cache", ""), Pair("platform", "linux/arm64"),
                  Pair("shm-size", "67108864"), Pair("target", "app"),
                  Pair("ulimit", "nofile=10:20")));
  EXPECT_THAT(solve.entitlements, ElementsAre("network.host"));
  EXPECT_EQ(MakeSolve(*options, request, {}, true).frontend_attributes.at("image-resolve-mode"),
            "local");
}

TEST(PinContextsTest, ParentsAreNamedByTheirDigests) {
  BuildRequest request;
  request.parents = {{.id = "os:1", .reference = "os:1"},
                     {.id = "base:2", .reference = "reg.test/ns/base:2"}};
  Solve solve;
  solve.frontend_attributes = {{"context:a", "docker-image://reg.test/ns/base:2"},
                               {"context:b", "docker-image://docker.io/library/os:1"},
                               {"context:c", "docker-image://reg.test/ns/other:2"},
                               {"context:d", "https://git.test/x.git"},
                               {"build-arg:X", "docker-image://reg.test/ns/base:2"}};
  PinContexts(request, {{.reference = "pinned-os"}, {.reference = "pinned-base"}}, &solve);
  EXPECT_THAT(solve.frontend_attributes,
              ElementsAre(Pair("build-arg:X", "docker-image://reg.test/ns/base:2"),
                          Pair("context:a", "docker-image://pinned-base"),
                          Pair("context:b", "docker-image://pinned-os"),
                          Pair("context:c", "docker-image://reg.test/ns/other:2"),
                          Pair("context:d", "https://git.test/x.git")));
}

TEST(DockerfileFolderTest, HoldsTheOneFile) {
  auto tree = context::MemoryTree::Create({{.path = "d/Prod", .content = "FROM scratch\n"},
                                           {.path = "d/Prod.dockerignore", .content = "*"}});
  ASSERT_OK(tree);
  const auto folder = DockerfileFolder(**tree, "d/Prod");
  ASSERT_OK(folder);
  ASSERT_EQ((*folder)->entries().size(), 1U);
  EXPECT_EQ((*folder)->entries()[0].path, "Prod");
  const absl::Status missing = DockerfileFolder(**tree, "Dockerfile").status();
  EXPECT_TRUE(absl::IsNotFound(missing));
  EXPECT_THAT(std::string(missing.message()), HasSubstr("correct the option `dockerfile`"));
}

TEST(LoginForTest, DockerHubHasManyNames) {
  const std::map<std::string, credentials::Credential> logins = {{"docker.io", {.username = "hub"}},
                                                                 {"reg:5000", {.username = "reg"}}};
  EXPECT_EQ(LoginFor("registry-1.docker.io", logins)->username, "hub");
  EXPECT_EQ(LoginFor("reg:5000", logins)->username, "reg");
  EXPECT_FALSE(LoginFor("other", logins).has_value());
}

TEST(ReadSecretsTest, FilesVariablesAndCredentials) {
  auto folder = base::TemporaryDirectory::Create();
  ASSERT_OK(folder);
  const std::string path = base::JoinPath(folder->path(), "s");
  ASSERT_OK(base::WriteFileAtomically(path, "from a file", 0600));
  const credentials::MemoryCredentialStore store(
      {{"reg.test", {.username = "u", .password = base::Secret("from a store")}}});
  using Kind = graph::BuildSecret::Kind;
  const auto secrets = ReadSecrets({{"f", Kind::kFile, path},
                                    {"e", Kind::kEnvironment, "TOKEN"},
                                    {"c", Kind::kCredentials, "reg.test"}},
                                   {{"TOKEN", "from a variable"}}, &store);
  ASSERT_OK(secrets);
  EXPECT_EQ(secrets->at("f").Reveal(), "from a file");
  EXPECT_EQ(secrets->at("e").Reveal(), "from a variable");
  EXPECT_EQ(secrets->at("c").Reveal(), "from a store");
}

TEST(ReadSecretsTest, WhatIsMissingIsNamed) {
  using Kind = graph::BuildSecret::Kind;
  const absl::Status variable =
      ReadSecrets({{"e", Kind::kEnvironment, "TOKEN"}}, {}, nullptr).status();
  EXPECT_THAT(std::string(variable.message()),
              HasSubstr("secret e: the variable TOKEN is not set"));
  const absl::Status credential =
      ReadSecrets({{"c", Kind::kCredentials, "x"}}, {}, nullptr).status();
  EXPECT_THAT(std::string(credential.message()), HasSubstr("secret c: no credentials `x`"));
  const absl::Status file = ReadSecrets({{"f", Kind::kFile, "/no/such"}}, {}, nullptr).status();
  EXPECT_THAT(std::string(file.message()), HasSubstr("secret f: "));
}

TEST(FindAgentsTest, DefaultIsTheUsersAgent) {
  auto agents = FindAgents({{"default", ""}, {"git", "/a"}}, {{"SSH_AUTH_SOCK", "/s"}});
  ASSERT_OK(agents);
  EXPECT_THAT(*agents, ElementsAre(Pair("default", "/s"), Pair("git", "/a")));
  EXPECT_TRUE(absl::IsNotFound(FindAgents({{"default", ""}}, {}).status()));
  EXPECT_THAT(*FindAgents({}, {}), IsEmpty());
}

TEST(BuildkitSolveTest, ImagesThatOptionsName) {
  const auto options = graph::BuildkitOptions::Parse(R"({
      "cache_from": ["reg.test/app:cache", "type=s3,bucket=b"],
      "cache_to": "type=registry,ref=other.test/app:cache",
      "frontend": "third.test/frontend:1",
      "build_contexts": {"base": "docker-image://fourth.test/base:1",
                         "g": "https://host.test/g"}})");
  ASSERT_OK(options);
  EXPECT_THAT(ImagesOf(*options),
              ::testing::ElementsAre("reg.test/app:cache", "other.test/app:cache",
                                     "third.test/frontend:1", "fourth.test/base:1"));
}

}  // namespace
}  // namespace stevedore::worker
