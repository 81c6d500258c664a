#include "oci/image/platform.h"

#include <string>
#include <vector>

#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(PlatformTest, TextAndBack) {
  for (const char* text : {"", "linux", "linux/amd64", "linux/amd64/v7", "linux/amd64:1.2.3.4",
                           "windows/amd64:10.0.17763"}) {
    ASSERT_OK_AND_ASSIGN(const Platform platform, Platform::Parse(text));
    EXPECT_EQ(platform.ToString(), text);
  }
  EXPECT_TRUE(Platform::Parse("")->empty());
  for (const char* bad : {"linux/amd64/v7/s9", "/amd64", "linux/", "linux//v7"}) {
    EXPECT_THAT(Platform::Parse(bad),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("os/architecture")))
        << bad;
  }
}

struct SatisfiesCase {
  Platform have, want;
  bool result;
};

TEST(PlatformTest, SatisfiesWhatIsAskedAndIgnoresWhatIsNot) {
  const Platform amd64{.os = "linux", .architecture = "amd64"};
  const auto with = [&](auto change) {
    Platform platform = amd64;
    change(platform);
    return platform;
  };
  const Platform version5 = with([](Platform& p) { p.os_version = "5.0"; });
  const Platform pios = with([](Platform& p) { p.variant = "pios"; });
  const Platform ab = with([](Platform& p) { p.os_features = {"a", "b"}; });
  const std::vector<SatisfiesCase> cases = {
      {amd64, amd64, true},
      {amd64, {.os = "linux", .architecture = "arm64"}, false},
      {amd64, {.os = "darwin", .architecture = "amd64"}, false},
      {version5, amd64, true},
      {version5, with([](Platform& p) { p.os_version = "3.6"; }), false},
      {pios, amd64, true},
      {pios, with([](Platform& p) { p.variant = "ubuntu"; }), false},
      {amd64, ab, false},
      {ab, amd64, true},
      {ab, with([](Platform& p) {
         p.os_features = {"b", "a"};
       }),
       true},
      {ab, with([](Platform& p) {
         p.os_features = {"ac", "bd"};
       }),
       false},
      {amd64, {.os = "linux"}, true},
      {{.os = "linux", .architecture = "arm64"},
       {.os = "linux", .architecture = "arm64", .variant = "v8"},
       true},
      {{.os = "linux", .architecture = "arm", .variant = "v6"},
       {.os = "linux", .architecture = "arm", .variant = "v7"},
       false},
  };
  for (const SatisfiesCase& c : cases) {
    EXPECT_EQ(c.have.Satisfies(c.want), c.result)
        << c.have.ToString() << " for " << c.want.ToString();
  }
}

TEST(PlatformTest, EqualityComparesFeaturesAsSets) {
  const Platform a{.os = "linux", .architecture = "amd64", .os_features = {"x", "y"}};
  const Platform b{.os = "linux", .architecture = "amd64", .os_features = {"y", "x"}};
  EXPECT_TRUE(a == b);
  EXPECT_FALSE(a == (Platform{.os = "linux", .architecture = "amd64"}));
}

TEST(PlatformTest, JsonKeepsEveryMember) {
  const Platform platform{.os = "windows",
                          .architecture = "arm",
                          .variant = "v7",
                          .os_version = "10.0",
                          .os_features = {"win32k"}};
  ASSERT_OK_AND_ASSIGN(const Platform back, Platform::FromJson(platform.ToJson()));
  EXPECT_TRUE(back == platform);
  for (const char* bad : {"[]", "{\"os\":\"linux\"}", "{\"os\":1,\"architecture\":\"a\"}",
                          "{\"os\":\"l\",\"architecture\":\"a\",\"os.features\":\"x\"}",
                          "{\"os\":\"l\",\"architecture\":\"a\",\"os.features\":[1]}"}) {
    EXPECT_THAT(Platform::FromJson(nlohmann::json::parse(bad)),
                StatusIs(absl::StatusCode::kInvalidArgument))
        << bad;
  }
}

TEST(PlatformTest, TheHostHasAName) {
  const Platform host = Platform::Host();
  EXPECT_EQ(host.os, "linux");
  EXPECT_NE(host.architecture, "");
  EXPECT_NE(host.architecture, "x86_64");
}

}  // namespace
}  // namespace stevedore::oci
