#include "worker/drivers/native_config.h"

#include <gtest/gtest.h>

#include <string>

#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace stevedore::worker::native {
namespace {

using ::testing::ElementsAre;

constexpr char kConfig[] =
    R"({"architecture":"amd64","config":{"Cmd":["a"],"Env":["A=1","P=x=y"],"ExposedPorts":{"80/tcp":{}},)"
    R"("Further":1,"Healthcheck":{"Interval":5000000000,"Retries":3,"Test":["CMD","x"]},)"
    R"("Labels":{"l":"m"},"OnBuild":["RUN x"],"Shell":["/s"],"User":"u","Volumes":{"/v":{}},)"
    R"("WorkingDir":"/w"},"os":"linux","rootfs":{"diff_ids":[],"type":"layers"}})";

TEST(NativeConfigTest, RoundTrip) {
  ASSERT_OK_AND_ASSIGN(const oci::ImageConfig config, oci::ImageConfig::Parse(kConfig));
  ASSERT_OK_AND_ASSIGN(RunConfig run, RunConfig::Of(config));
  EXPECT_EQ(run.ToJson(), nlohmann::json::parse(kConfig)["config"]);
  run.SetEnv("A", "2");
  run.SetEnv("B", "3");
  run.AddDefaultPath();
  run.cmd.reset();
  run.health.reset();
  const nlohmann::json json = run.ToJson();
  EXPECT_EQ(json["Env"][0], "A=2");
  EXPECT_EQ(json["Env"][2], "B=3");
  EXPECT_EQ(json["Env"].size(), 4u);
  EXPECT_FALSE(json.contains("Cmd"));
  EXPECT_FALSE(json.contains("Healthcheck"));
  EXPECT_EQ(json["Further"], 1);
}

TEST(NativeConfigTest, Ports) {
  EXPECT_THAT(*ParsePorts("80"), ElementsAre("80/tcp"));
  EXPECT_THAT(*ParsePorts("53/UDP"), ElementsAre("53/udp"));
  EXPECT_THAT(*ParsePorts("8-10/sctp"), ElementsAre("8/sctp", "9/sctp", "10/sctp"));
  for (const char* text : {"", "x", "80/", "80/x", "65536", "9-8", "-1", "1-", "1-70000"}) {
    EXPECT_FALSE(ParsePorts(text).ok()) << text;
  }
}

TEST(NativeConfigTest, Signals) {
  for (const char* text : {"SIGTERM", "term", "9", "64", "RTMIN+3", "SIGRTMAX-1"}) {
    EXPECT_OK(CheckSignal(text)) << text;
  }
  for (const char* text : {"", "0", "65", "SIGX", "RTMIN+99", "-9"}) {
    EXPECT_FALSE(CheckSignal(text).ok()) << text;
  }
}

}  // namespace
}  // namespace stevedore::worker::native
