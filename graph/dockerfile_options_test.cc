#include "graph/dockerfile_options.h"

#include <string>
#include <utility>
#include <vector>

#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(DockerfileOptionsTest, DefaultsAreDockers) {
  for (const char* text : {"", "{}", R"({"target":null})"}) {
    ASSERT_OK_AND_ASSIGN(const DockerfileOptions options, DockerfileOptions::Parse(text));
    EXPECT_EQ(options.dockerfile, "Dockerfile");
    EXPECT_EQ(options.target, "");
    EXPECT_FALSE(options.pull);
    EXPECT_EQ(options.memory_bytes, 0u);
    EXPECT_EQ(options.timeout, absl::InfiniteDuration());
    EXPECT_EQ(options.compression, "gzip");
  }
}

TEST(DockerfileOptionsTest, AllMembers) {
  ASSERT_OK_AND_ASSIGN(const DockerfileOptions options, DockerfileOptions::Parse(R"({
      "dockerfile": "./docker//Dockerfile.prod", "target": 2, "pull": true, "no_cache": "true",
      "network": "none", "cache_from": ["a:1", "b"], "extra_hosts": ["db:10.0.0.5", "v:[::1]"],
      "memory": "1.5g", "cpus": 1.5, "cpu_shares": 512, "shm_size": "64MiB",
      "ulimits": ["nofile=1024:4096", "core=0"], "timeout": "10m", "compression": "zstd:5",
      "keep_image": true})"));
  EXPECT_EQ(options.dockerfile, "docker/Dockerfile.prod");
  EXPECT_EQ(options.target, "2");
  EXPECT_TRUE(options.pull);
  EXPECT_TRUE(options.no_cache);
  EXPECT_EQ(options.network, "none");
  EXPECT_THAT(options.cache_from, ElementsAre("a:1", "b"));
  EXPECT_THAT(options.extra_hosts, ElementsAre("db:10.0.0.5", "v:::1"));
  EXPECT_EQ(options.memory_bytes, uint64_t{3} << 29);
  EXPECT_EQ(options.cpus, 1.5);
  EXPECT_EQ(options.cpu_shares, 512);
  EXPECT_EQ(options.shm_bytes, uint64_t{64} << 20);
  ASSERT_EQ(options.ulimits.size(), 2u);
  EXPECT_EQ(options.ulimits[0].name, "nofile");
  EXPECT_EQ(options.ulimits[0].soft, 1024);
  EXPECT_EQ(options.ulimits[0].hard, 4096);
  EXPECT_EQ(options.ulimits[1].hard, 0);
  EXPECT_EQ(options.timeout, absl::Minutes(10));
  EXPECT_EQ(options.compression, "zstd:5");
  EXPECT_TRUE(options.keep_image);
}

TEST(DockerfileOptionsTest, OtherSpellings) {
  ASSERT_OK_AND_ASSIGN(const DockerfileOptions options, DockerfileOptions::Parse(R"({
      "cache_from": "a:1", "extra_hosts": {"db": "10.0.0.5"}, "memory": 67108864,
      "ulimits": {"nofile": {"soft": 10, "hard": 20}, "nproc": 7, "core": "unlimited"},
      "timeout": 90})"));
  EXPECT_THAT(options.cache_from, ElementsAre("a:1"));
  EXPECT_THAT(options.extra_hosts, ElementsAre("db:10.0.0.5"));
  EXPECT_EQ(options.memory_bytes, uint64_t{64} << 20);
  ASSERT_EQ(options.ulimits.size(), 3u);
  EXPECT_EQ(options.ulimits[0].soft, -1);
  EXPECT_EQ(options.ulimits[1].hard, 20);
  EXPECT_EQ(options.ulimits[2].soft, 7);
  EXPECT_EQ(options.timeout, absl::Seconds(90));
}

TEST(DockerfileOptionsTest, FurtherMembersAreLeftToTheCaller) {
  EXPECT_OK(DockerfileOptions::Parse(R"({"secrets": [1]})", {"secrets"}).status());
  EXPECT_THAT(DockerfileOptions::Parse(R"({"secret": [1]})", {"secrets"}).status().message(),
              HasSubstr("did you mean `secrets`"));
}

TEST(DockerfileOptionsTest, ErrorsNameTheMemberAndWhatIsAllowed) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {R"([])", "options must be an object"},
      {R"({"dockerfil": "x"})", "dockerfil: there is no such option; did you mean `dockerfile`"},
      {R"({"dockerfile": "../x"})", "dockerfile: must be a path inside the context"},
      {R"({"dockerfile": "/"})", "dockerfile: must be the path of a file"},
      {R"({"dockerfile": ["x"]})", "dockerfile: must be a text"},
      {R"({"pull": "maybe"})", "pull: must be true or false, found `maybe`"},
      {R"({"cache_from": [{}]})", "cache_from[0]: must be a text"},
      {R"({"cache_from": {}})", "cache_from: must be a list of texts"},
      {R"({"extra_hosts": ["db"]})", "extra_hosts[0]: must be \"host:ip\""},
      {R"({"extra_hosts": ["db:web"]})", "extra_hosts[0]: must be \"host:ip\""},
      {R"({"memory": "lots"})", "memory: must be a size in bytes"},
      {R"({"memory": "1x"})", "memory: must be a size in bytes"},
      {R"({"memory": "-1"})", "memory: must be a size in bytes"},
      {R"({"memory": "1m"})", "memory: must be 6m or more"},
      {R"({"memory": "99999999999t"})", "memory: must be a size in bytes"},
      {R"({"cpus": 0})", "cpus: must be a number of cores"},
      {R"({"cpus": "nan"})", "cpus: must be a number of cores"},
      {R"({"cpu_shares": 1})", "cpu_shares: must be a whole number from 2 to 262144"},
      {R"({"shm_size": 0})", "shm_size: must be above zero"},
      {R"({"ulimits": "nofile=1"})", "ulimits: must be a list"},
      {R"({"ulimits": ["nofile"]})", "ulimits[0]: must be \"name=soft\""},
      {R"({"ulimits": ["nofile=2:1"]})", "ulimits (nofile): must be a soft limit"},
      {R"({"ulimits": ["files=2"]})", "ulimits: must be limits of core, cpu"},
      {R"({"ulimits": {"nofile": {"hard": 1}}})", "ulimits.nofile: must be a number or"},
      {R"({"ulimits": {"nofile": {"sof": 1}}})", "ulimits.nofile.sof: there is no such option"},
      {R"({"timeout": "soon"})", "timeout: must be a length of time"},
      {R"({"timeout": "0s"})", "timeout: must be a length of time"},
      {R"({"compression": "zip"})", "compression: must be gzip, gzip:fast"},
  };
  for (const auto& [text, message] : cases) {
    const absl::Status status = DockerfileOptions::Parse(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr(message)) << text;
  }
}

}  // namespace
}  // namespace stevedore::graph
