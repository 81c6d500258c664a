#include "cli/images/image_flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ImageFlagsTest, ParsesAllFlags) {
  CLI::App app;
  ImageFlags flags;
  AddImageFlags(app, &flags);
  app.parse(
      "--platform linux/arm64 --insecure a:1 --insecure-registry b --authfile f --output json");
  EXPECT_THAT(flags.insecure_registries, ElementsAre("a:1", "b"));
  EXPECT_EQ(flags.authfile, "f");
  EXPECT_EQ(flags.output, "json");
  const auto platform = PlatformOf(flags);
  ASSERT_OK(platform.status());
  EXPECT_EQ((*platform)->ToString(), "linux/arm64");
}

TEST(ImageFlagsTest, AllAndNothingAreNoPlatform) {
  EXPECT_EQ(*PlatformOf({}), std::nullopt);
  EXPECT_EQ(*PlatformOf({.platform = "all"}), std::nullopt);
  EXPECT_THAT(PlatformOf({.platform = "a/b/c/d"}).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--platform")));
}

TEST(ImageFlagsTest, ResultsComeInTheFormatAskedFor) {
  const nlohmann::ordered_json json = {{"digest", "sha256:1"}};
  EXPECT_EQ(FormatResult({}, "sha256:1\n", json), "sha256:1\n");
  EXPECT_EQ(FormatResult({.output = "json"}, "x", json), "{\n  \"digest\": \"sha256:1\"\n}\n");
  EXPECT_THAT(FormatResult({.output = "yaml"}, "x", json), HasSubstr("digest: "));
}

}  // namespace
}  // namespace stevedore::cli
