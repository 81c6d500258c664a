#include "graph/buildkit_options.h"

#include <string>

#include "absl/status/status.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

TEST(BuildkitOptionsTest, Everything) {
  const auto options = BuildkitOptions::Parse(R"({
    "dockerfile": "D", "target": "t", "network": "none",
    "cache_from": ["reg/app:cache", "type=s3,bucket=c"], "cache_to": "type=inline",
    "secrets": [{"id": "npm", "env": "NPM_TOKEN"}, {"id": "key", "file": "/k"},
                {"id": "hub", "credentials_id": "registry.test"}],
    "ssh": ["default", "git=/run/agent"], "frontend": "docker/dockerfile:1",
    "build_contexts": {"base": "docker-image://alpine"}})");
  ASSERT_OK(options);
  EXPECT_EQ(options->common.dockerfile, "D");
  ASSERT_THAT(options->cache_from, SizeIs(2));
  EXPECT_EQ(options->cache_from[0].type, "registry");
  EXPECT_THAT(options->cache_from[0].attributes, ElementsAre(Pair("ref", "reg/app:cache")));
  EXPECT_EQ(options->cache_from[1].type, "s3");
  EXPECT_EQ(options->cache_to[0].type, "inline");
  ASSERT_THAT(options->secrets, SizeIs(3));
  EXPECT_EQ(options->secrets[0].kind, BuildSecret::Kind::kEnvironment);
  EXPECT_EQ(options->secrets[2].source, "registry.test");
  EXPECT_THAT(options->ssh, ElementsAre(Pair("default", ""), Pair("git", "/run/agent")));
  EXPECT_THAT(options->build_contexts, ElementsAre(Pair("base", "docker-image://alpine")));
}

TEST(BuildkitOptionsTest, BrokenInputSaysWhereAndWhatIsAllowed) {
  struct Case {
    std::string json;
    std::string message;
  };
  for (const Case& c : std::vector<Case>{
           {R"({"secrets": "x"})", "secrets: must be a list of {id: NAME"},
           {R"({"secrets": [{"id": "a"}]})", "secrets[0]: must be {id: NAME, file: PATH"},
           {R"({"secrets": [{"id": "a", "env": "A", "file": "b"}]})", "secrets[0]: must be"},
           {R"({"secrets": [{"id": "a", "evn": "A"}]})", "secrets[0]"},
           {R"({"secrets": [{"id": "a", "env": "A"}, {"id": "a", "env": "B"}]})",
            "secrets[1].id: must be an id that no other secret has"},
           {R"({"cache_to": ["ref=a"]})", "cache_to[0]: must be NAME of an image"},
           {R"({"cache_to": ["type=local,dest=/c"]})", "cache_to[0]: must be a place that every"},
           {R"({"cache_from": ["a b"]})", "cache_from[0]: must be NAME of an image"},
           {R"({"build_contexts": {"a": "./b"}})", "build_contexts.a: must be target:NAME:VERSION"},
           {R"({"ssh": "=x"})", "ssh: must be default, or ID=SOCKET"},
           {R"({"memory": "1g"})", "memory: BuildKit cannot do this for one build; limit"},
           {R"({"network": "mine"})", "network: BuildKit cannot do this for one build; allowed"},
           {R"({"chache_to": "x"})", "cache_to"},
       }) {
    const auto options = BuildkitOptions::Parse(c.json);
    EXPECT_EQ(options.status().code(), absl::StatusCode::kInvalidArgument) << c.json;
    EXPECT_THAT(std::string(options.status().message()), HasSubstr(c.message));
  }
}

}  // namespace
}  // namespace stevedore::graph
