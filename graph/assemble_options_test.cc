#include "graph/assemble_options.h"

#include <string>
#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;
using ::testing::Pair;

TEST(AssembleOptionsTest, ReadsEverything) {
  ASSERT_OK_AND_ASSIGN(const AssembleOptions options, AssembleOptions::Parse(R"({
      "layers": [{"from": "./public/", "to": "/srv/www", "mode": "0644", "dir_mode": "750",
                  "owner": "1000:1001"},
                 {"tar": "vendor.tar", "verbatim": true},
                 {"image": {"tools": "1.0"}}, {"image": "tools:2.0"}],
      "config": {"entrypoint": ["/bin/busybox", "httpd"], "cmd": [], "env": {"PORT": 8080},
                 "user": 1000, "working_dir": "/srv/www", "labels": {"team": "shop"},
                 "exposed_ports": ["8080/tcp", 53], "volumes": ["/data"],
                 "stop_signal": "SIGINT"},
      "compression": "zstd:9"})"));
  ASSERT_EQ(options.layers.size(), 4);
  const AssembleLayer& files = options.layers[0];
  EXPECT_EQ(files.kind, AssembleLayer::Kind::kFiles);
  EXPECT_EQ(files.from, "public");
  EXPECT_EQ(files.to, "/srv/www");
  EXPECT_THAT(files.mode, Optional(0644));
  EXPECT_EQ(files.dir_mode, 0750);
  EXPECT_EQ(files.uid, 1000);
  EXPECT_EQ(files.gid, 1001);
  EXPECT_EQ(options.layers[1].tar, "vendor.tar");
  EXPECT_TRUE(options.layers[1].verbatim);
  EXPECT_EQ(options.layers[2].image, "tools:1.0");
  EXPECT_EQ(options.layers[3].image, "tools:2.0");
  EXPECT_THAT(options.config.entrypoint, Optional(ElementsAre("/bin/busybox", "httpd")));
  EXPECT_THAT(options.config.cmd, Optional(ElementsAre()));
  EXPECT_THAT(options.config.env, ElementsAre(Pair("PORT", "8080")));
  EXPECT_THAT(options.config.user, Optional(std::string("1000")));
  EXPECT_THAT(options.config.exposed_ports, ElementsAre("8080/tcp", "53/tcp"));
  EXPECT_EQ(options.compression, "zstd:9");
}

TEST(AssembleOptionsTest, EverythingHasADefault) {
  ASSERT_OK_AND_ASSIGN(const AssembleOptions options, AssembleOptions::Parse("{}"));
  EXPECT_TRUE(options.layers.empty());
  EXPECT_FALSE(options.config.entrypoint.has_value());
  EXPECT_EQ(options.compression, "gzip");
}

struct BadOptions {
  std::string json, place, text;
};

TEST(AssembleOptionsTest, ErrorsNamePlaceFindingAndWhatIsAllowed) {
  const std::vector<BadOptions> cases = {
      {R"([])", "options:", "must be a map"},
      {R"({"layer": []})", "layer:", "did you mean `layers`?"},
      {R"({"layers": {}})", "layers:", "must be a list"},
      {R"({"layers": [{"to": "/x"}]})", "layers[0]:", "from, tar or image"},
      {R"({"layers": [{"from": "a", "too": "/x"}]})", "layers[0].too:", "did you mean `to`?"},
      {R"({"layers": [{"from": "a"}, {"from": "../x"}]})", "layers[1].from:", "without `..`"},
      {R"({"layers": [{"from": "a", "to": "srv"}]})", "layers[0].to:", "absolute path"},
      {R"({"layers": [{"from": "a", "to": "/a/../.."}]})", "layers[0].to:", "without `..`"},
      {R"({"layers": [{"from": "a", "mode": 420}]})", "layers[0].mode:", "found `420`"},
      {R"({"layers": [{"from": "a", "mode": "0888"}]})", "layers[0].mode:", "\"0644\""},
      {R"({"layers": [{"from": "a", "mode": "77777"}]})", "layers[0].mode:", "7777"},
      {R"({"layers": [{"from": "a", "owner": "root"}]})", "layers[0].owner:", "UID:GID"},
      {R"({"layers": [{"tar": "a", "verbatim": "yes"}]})", "layers[0].verbatim:", "true or false"},
      {R"({"layers": [{"tar": "a", "verbatim": true, "to": "/x"}]})", "layers[0].to:", "left out"},
      {R"({"layers": [{"tar": ""}]})", "layers[0].tar:", "path of a tar file"},
      {R"({"layers": [{"image": {"a": "1", "b": "2"}}]})", "layers[0].image:", "{name: version}"},
      {R"({"config": {"entrypoint": "sh"}})", "config.entrypoint:", "a list of texts, found `sh`"},
      {R"({"config": {"env": ["A=1"]}})", "config.env:", "map of names to texts"},
      {R"({"config": {"env": {"A=1": "2"}}})", "config.env:", "without `=`"},
      {R"({"config": {"working_dir": "srv"}})", "config.working_dir:", "absolute"},
      {R"({"config": {"exposed_ports": ["http"]}})", "config.exposed_ports:", "\"8080/tcp\""},
      {R"({"config": {"exposed_ports": ["80/icmp"]}})", "config.exposed_ports:", "1 to 65535"},
      {R"({"config": {"envs": {}}})", "config.envs:", "did you mean `env`?"},
      {R"({"compression": "bzip2"})", "compression:", "found `bzip2`"},
      {R"({"compression": "zstd:40"})", "compression:", "zstd:19"},
  };
  for (const BadOptions& bad : cases) {
    EXPECT_THAT(AssembleOptions::Parse(bad.json),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(::testing::StartsWith(bad.place), HasSubstr(bad.text))))
        << bad.json;
  }
}

TEST(SleepOptionsTest, TakesSecondsOrText) {
  EXPECT_EQ(SleepOptions::Parse("{}")->seconds, 0);
  EXPECT_EQ(SleepOptions::Parse(R"({"duration": 1.5})")->seconds, 1.5);
  EXPECT_EQ(SleepOptions::Parse(R"({"duration": "250ms"})")->seconds, 0.25);
  for (const char* bad : {R"({"duration": "soon"})", R"({"duration": -1})", R"({"for": 1})",
                          R"({"duration": 1e9})", "3"}) {
    EXPECT_THAT(SleepOptions::Parse(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

}  // namespace
}  // namespace stevedore::graph
