#include "oci/image/image_config.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

nlohmann::json Document() {
  return {{"architecture", "arm"},
          {"variant", "v7"},
          {"os", "linux"},
          {"created", "2015-10-31T22:22:56.015925234Z"},
          {"author", "someone"},
          {"config",
           {{"User", "alice"},
            {"ExposedPorts", {{"8080/tcp", nlohmann::json::object()}}},
            {"Env", {"PATH=/bin", "EMPTY="}},
            {"Entrypoint", {"/bin/app"}},
            {"Cmd", nullptr},
            {"Volumes", {{"/data", nlohmann::json::object()}}},
            {"WorkingDir", "/home"},
            {"StopSignal", "SIGTERM"},
            {"Labels", {{"k", "v"}}}}},
          {"rootfs", {{"type", "layers"}, {"diff_ids", {Digest::Of("a").ToString()}}}},
          {"history", {{{"created_by", "one"}}, {{"created_by", "two"}, {"empty_layer", true}}}}};
}

TEST(ImageConfigTest, SurfacesWhatRunnersAndBuildersNeed) {
  const std::string bytes = Document().dump(2);
  ASSERT_OK_AND_ASSIGN(const ImageConfig config, ImageConfig::Parse(bytes));
  EXPECT_EQ(config.bytes(), bytes);
  EXPECT_EQ(config.digest(), Digest::Of(bytes));
  EXPECT_EQ(config.platform().ToString(), "linux/arm/v7");
  EXPECT_EQ(config.created(), "2015-10-31T22:22:56.015925234Z");
  EXPECT_THAT(*config.entrypoint(), ElementsAre("/bin/app"));
  EXPECT_FALSE(config.cmd().has_value());
  EXPECT_THAT(config.env(), ElementsAre("PATH=/bin", "EMPTY="));
  EXPECT_EQ(config.user(), "alice");
  EXPECT_EQ(config.working_dir(), "/home");
  EXPECT_EQ(config.stop_signal(), "SIGTERM");
  EXPECT_THAT(config.labels(), ElementsAre(Pair("k", "v")));
  EXPECT_THAT(config.exposed_ports(), ElementsAre("8080/tcp"));
  EXPECT_THAT(config.volumes(), ElementsAre("/data"));
  EXPECT_THAT(config.diff_ids(), ElementsAre(Digest::Of("a")));
  ASSERT_EQ(config.history().size(), 2u);
  EXPECT_TRUE(config.history()[1].empty_layer);
}

TEST(ImageConfigTest, OnlyArchitectureOsAndRootfsAreNeeded) {
  EXPECT_OK(ImageConfig::Parse(
      "{\"architecture\":\"amd64\",\"os\":\"linux\",\"rootfs\":{\"type\":\"layers\","
      "\"diff_ids\":[]}}"));
  for (const char* member : {"architecture", "os", "rootfs"}) {
    nlohmann::json json = Document();
    json.erase(member);
    EXPECT_THAT(ImageConfig::Parse(json.dump()),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(member)));
  }
}

TEST(ImageConfigTest, RefusesWhatTheSchemaRefuses) {
  const std::vector<std::pair<std::string, nlohmann::json>> changes = {
      {"/os", 123},
      {"/variant", 123},
      {"/config/User", 1000},
      {"/history", "should be a list"},
      {"/history", {"text"}},
      {"/history/0/empty_layer", "yes"},
      {"/config/Env", {7353}},
      {"/config/Env", {"foo"}},
      {"/config/Env", {"=foo"}},
      {"/config/Env", "A=b"},
      {"/config/Volumes", {"/var/job-result-data"}},
      {"/config/ExposedPorts", {"8080/tcp"}},
      {"/config/Labels", {{"a", 1}}},
      {"/config/Entrypoint", "sh"},
      {"/config", "x"},
      {"/rootfs", "x"},
      {"/rootfs/type", "blocks"},
      {"/rootfs/diff_ids", {"sha256:short"}},
  };
  for (const auto& [pointer, value] : changes) {
    nlohmann::json json = Document();
    json[nlohmann::json::json_pointer(pointer)] = value;
    EXPECT_THAT(ImageConfig::Parse(json.dump()), StatusIs(absl::StatusCode::kInvalidArgument))
        << pointer << " " << value;
  }
  EXPECT_THAT(ImageConfig::Parse("invalid JSON"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ImageConfig::Parse("[]"), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace stevedore::oci
