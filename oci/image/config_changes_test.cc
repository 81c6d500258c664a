#include "oci/image/config_changes.h"

#include <string>

#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;
using Json = nlohmann::json;

// A config with every member, and some that nobody models.
constexpr char kFull[] = R"({
  "Entrypoint": ["/e"], "Cmd": ["c"], "Env": ["A=1", "AB=2"], "User": "u", "WorkingDir": "/w",
  "StopSignal": "SIGINT", "Labels": {"k": "v", "l": "w"}, "ExposedPorts": {"80/tcp": {}},
  "Volumes": {"/v": {}}, "Healthcheck": {"Test": ["NONE"]}, "Shell": ["/bin/sh"],
  "OnBuild": ["RUN x"], "ArgsEscaped": true, "vendor": [1]})";

struct Row {
  const char* what;
  const char* before;
  ConfigChanges changes;
  const char* after;  // A JSON merge patch (RFC 7396) of `before`.
};

std::vector<Row> Rows() {
  return {
      {"nothing", kFull, {}, "{}"},
      {"an entrypoint clears the cmd",
       kFull,
       {.entrypoint = {{"/n"}}},
       R"({"Entrypoint": ["/n"], "Cmd": null})"},
      {"an entrypoint with a cmd",
       kFull,
       {.entrypoint = {{"/n"}}, .cmd = {{"x", "y"}}},
       R"({"Entrypoint": ["/n"], "Cmd": ["x", "y"]})"},
      {"an empty list is not an absent one",
       kFull,
       {.cmd = std::vector<std::string>()},
       R"({"Cmd": []})"},
      {"variables in place, new ones behind",
       kFull,
       {.env = {{"N", "3"}, {"A", "9"}}},
       R"({"Env": ["A=9", "AB=2", "N=3"]})"},
      {"a variable removed by its whole name",
       kFull,
       {.unset_env = {"A", "B"}},
       R"({"Env": ["AB=2"]})"},
      {"the last variable takes the member along",
       kFull,
       {.unset_env = {"A", "AB"}},
       R"({"Env": null})"},
      {"replaced as a whole",
       kFull,
       {.env = {{"ONLY", "1"}},
        .labels = {{"only", "1"}},
        .unset = {RunMember::kEnv, RunMember::kLabels}},
       R"({"Env": ["ONLY=1"], "Labels": {"only": "1", "k": null, "l": null}})"},
      {"labels",
       kFull,
       {.labels = {{"k", "n"}, {"m", "x"}}, .unset_labels = {"l", "none"}},
       R"({"Labels": {"k": "n", "m": "x", "l": null}})"},
      {"ports and volumes",
       kFull,
       {.exposed_ports = {"443/tcp"}, .volumes = {"/n"}, .unset_exposed_ports = {"80/tcp"}},
       R"({"ExposedPorts": {"443/tcp": {}, "80/tcp": null}, "Volumes": {"/n": {}}})"},
      {"the last volume takes the member along",
       kFull,
       {.unset_volumes = {"/v"}},
       R"({"Volumes": null})"},
      {"texts",
       kFull,
       {.user = "1", .working_dir = "/n", .stop_signal = "9"},
       R"({"User": "1", "WorkingDir": "/n", "StopSignal": "9"})"},
      {"an empty text is a value", kFull, {.user = ""}, R"({"User": ""})"},
      {"a health check",
       kFull,
       {.healthcheck = Healthcheck{.test = {"CMD", "/ok"},
                                   .interval_ns = 5'000'000'000,
                                   .timeout_ns = 1,
                                   .start_period_ns = 2,
                                   .retries = 3}},
       R"({"Healthcheck": {"Test": ["CMD", "/ok"], "Interval": 5000000000, "Timeout": 1,
           "StartPeriod": 2, "Retries": 3}})"},
      {"shell and triggers",
       kFull,
       {.shell = {{"/bin/bash", "-c"}}, .on_build = {"RUN y"}},
       R"({"Shell": ["/bin/bash", "-c"], "OnBuild": ["RUN x", "RUN y"]})"},
      {"nulls are no obstacle",
       R"({"Env": null, "Labels": null, "ExposedPorts": null})",
       {.env = {{"A", "1"}},
        .labels = {{"k", "v"}},
        .exposed_ports = {"1/udp"},
        .unset_env = {"B"},
        .unset_labels = {"x"}},
       R"({"Env": ["A=1"], "Labels": {"k": "v"}, "ExposedPorts": {"1/udp": {}}})"},
  };
}

TEST(ConfigChangesTest, Table) {
  for (const Row& row : Rows()) {
    SCOPED_TRACE(row.what);
    Json run = Json::parse(row.before);
    Json expected = run;
    expected.merge_patch(Json::parse(row.after));
    EXPECT_EQ(row.changes.empty(), expected == run);
    ApplyChanges(row.changes, run);
    EXPECT_EQ(run, expected);
  }
}

TEST(ConfigChangesTest, EveryMemberCanBeTakenAway) {
  for (const RunMember member : {RunMember::kEntrypoint, RunMember::kCmd, RunMember::kEnv,
                                 RunMember::kUser, RunMember::kWorkingDir, RunMember::kStopSignal,
                                 RunMember::kLabels, RunMember::kExposedPorts, RunMember::kVolumes,
                                 RunMember::kHealthcheck, RunMember::kShell, RunMember::kOnBuild}) {
    const std::string name(RunMemberName(member));
    Json run = Json::parse(kFull);
    ASSERT_TRUE(run.contains(name)) << name;
    ApplyChanges({.unset = {member}}, run);
    EXPECT_FALSE(run.contains(name));
    EXPECT_EQ(run.size(), Json::parse(kFull).size() - 1);
  }
}

TEST(ConfigChangesTest, ExposedPorts) {
  for (const char* good : {"80", "80/tcp", "53/udp", "3868/sctp", "8000-8010/tcp", "65535"}) {
    EXPECT_OK(CheckExposedPort(good));
  }
  for (const char* bad : {"", "0", "65536", "http", "80/", "80/http", "80/tcp/udp", "1-2-3", "-80",
                          "+80", "80 /tcp"}) {
    EXPECT_THAT(CheckExposedPort(bad),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("8080/tcp")))
        << bad;
  }
}

}  // namespace
}  // namespace stevedore::oci
