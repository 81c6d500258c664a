#include "worker/drivers/docker_inputs.h"

#include <string>
#include <utility>
#include <vector>

#include "base/secret.h"
#include "base/testing/status_matchers.h"
#include "context/tree.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

constexpr char kPin[] = "1.2@sha256:00";

BuildRequest Request(const std::string& dockerfile) {
  BuildRequest request;
  request.id = "web:1";
  request.reference = "reg.test/shop/web:1";
  request.context = *context::MemoryTree::Create(
      {{.path = "Dockerfile", .content = dockerfile}, {.path = "a", .content = "b"}});
  ParentImage parent;
  parent.id = "base:1.2";
  parent.reference = "reg.test/shop/base:1.2";
  request.parents.push_back(std::move(parent));
  return request;
}

const std::vector<PinnedParent>& Pinned() {
  static const auto& pinned = *new std::vector<PinnedParent>{
      {.reference = "reg.test/shop/base:1.2@sha256:00", .tag = kPin}};
  return pinned;
}

TEST(DockerInputsTest, AutomaticArgumentsArePinnedAndTheUsersStay) {
  BuildRequest request = Request("FROM scratch\n");
  request.arguments = {
      {"BASE", "reg.test/shop/base:1.2"}, {"TAG", "1.2"}, {"NAME", "base"}, {"mine", "1.2"}};
  request.parent_arguments = {{"BASE", "reference"}, {"TAG", "tag"}, {"NAME", "name"}};
  EXPECT_THAT(PinnedArguments(request, Pinned()),
              ElementsAre(Pair("BASE", "reg.test/shop/base:1.2@sha256:00"), Pair("NAME", "base"),
                          Pair("TAG", kPin), Pair("mine", "1.2")));
}

TEST(DockerInputsTest, ParentsThatTheDockerfileNamesArePinnedInIt) {
  const BuildRequest request =
      Request("FROM reg.test/shop/base:1.2\nCOPY --from=other.test/x:1 /a /b\n");
  ASSERT_OK_AND_ASSIGN(const PinnedContext context,
                       PinContext(request, "Dockerfile", {}, Pinned()));
  const context::TreeEntry* file = context.tree->Find("Dockerfile");
  ASSERT_NE(file, nullptr);
  std::string text(file->size, '\0');
  ASSERT_OK_AND_ASSIGN(const auto reader, context.tree->OpenContent(file->content_id));
  ASSERT_OK(reader->ReadAt(0, text.data(), text.size()));
  EXPECT_EQ(text, "FROM reg.test/shop/base:1.2@sha256:00\nCOPY --from=other.test/x:1 /a /b\n");
  EXPECT_NE(context.tree->Find("a"), nullptr);
  ASSERT_EQ(context.references.size(), 2u);
  EXPECT_EQ(context.references[1].image, "other.test/x:1");
}

TEST(DockerInputsTest, OtherDockerfilesStayAsTheyAre) {
  const BuildRequest request = Request("FROM reg.test/shop/base:1.3\n");
  ASSERT_OK_AND_ASSIGN(const PinnedContext context,
                       PinContext(request, "Dockerfile", {}, Pinned()));
  EXPECT_EQ(context.tree, request.context);
  EXPECT_THAT(PinContext(request, "docker/Dockerfile", {}, Pinned()).status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("option `dockerfile`")));
}

TEST(DockerInputsTest, LoginsForEveryRegistryInUse) {
  const BuildRequest request = Request("FROM busybox\nCOPY --from=other.test/x:1 /a /b\n");
  const credentials::MemoryCredentialStore store({{"docker.io", {"hub", base::Secret("1")}},
                                                  {"other.test", {"other", base::Secret("2")}},
                                                  {"reg.test/shop", {"own", base::Secret("3")}},
                                                  {"unused.test", {"no", base::Secret("4")}},
                                                  {"cache.test", {"cache", base::Secret("5")}}});
  graph::DockerfileOptions options;
  options.cache_from = {"cache.test/c:1"};
  ASSERT_OK_AND_ASSIGN(const PinnedContext context, PinContext(request, "Dockerfile", {}, {}));
  ASSERT_OK_AND_ASSIGN(const auto logins, FindLogins(request, context.references, options, &store));
  std::vector<std::string> registries;
  for (const auto& [registry, login] : logins)
    registries.push_back(registry + " " + login.username);
  EXPECT_THAT(registries,
              ElementsAre("cache.test cache", "docker.io hub", "other.test other", "reg.test own"));
}

TEST(DockerInputsTest, TheQueryHasWhatWasAskedFor) {
  graph::DockerfileOptions options;
  options.dockerfile = "d/Dockerfile";
  options.target = "final";
  options.pull = options.no_cache = true;
  options.network = "none";
  options.cache_from = {"a"};
  options.extra_hosts = {"db:10.0.0.1", "x:10.0.0.2"};
  options.memory_bytes = 1 << 20;
  options.cpus = 1.5;
  options.cpu_shares = 2;
  options.shm_bytes = 3;
  options.ulimits = {{"nofile", 1, 2}};
  EXPECT_THAT(
      BuildQuery(options, {{"A", "b"}}, {{"l", "v"}}, "linux/arm64", "t:1"),
      ElementsAre(Pair("version", "1"), Pair("t", "t:1"), Pair("dockerfile", "d/Dockerfile"),
                  Pair("rm", "1"), Pair("forcerm", "1"), Pair("buildargs", R"({"A":"b"})"),
                  Pair("labels", R"({"l":"v"})"), Pair("target", "final"), Pair("pull", "1"),
                  Pair("nocache", "1"), Pair("networkmode", "none"),
                  Pair("platform", "linux/arm64"), Pair("cachefrom", R"(["a"])"),
                  Pair("extrahosts", "db:10.0.0.1"), Pair("extrahosts", "x:10.0.0.2"),
                  Pair("memory", "1048576"), Pair("cpuperiod", "100000"),
                  Pair("cpuquota", "150000"), Pair("cpushares", "2"), Pair("shmsize", "3"),
                  Pair("ulimits", R"([{"Hard":2,"Name":"nofile","Soft":1}])")));
  EXPECT_THAT(BuildQuery({}, {}, {}, "", "t"), Not(::testing::Contains(Pair("platform", ""))));
}

}  // namespace
}  // namespace stevedore::worker
