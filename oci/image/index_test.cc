#include "oci/image/index.h"

#include <string>
#include <utility>
#include <vector>

#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

Descriptor Child(absl::string_view content, const char* platform) {
  return {.media_type = kOciManifest,
          .digest = Digest::Of(content),
          .size = content.size(),
          .platform = *Platform::Parse(platform)};
}

TEST(IndexTest, AnEmptyIndexHasTheKnownDigest) {
  ASSERT_OK_AND_ASSIGN(const Index index, Index::Create({}));
  EXPECT_EQ(index.digest().hex(),
            "93e16ab8fb1bfb08f051a420835b414851eaeedb9f7105d26dacb84f26d810b5");
  EXPECT_TRUE(index.manifests().empty());
}

TEST(IndexTest, SelectsTheFirstEntryThatServes) {
  Descriptor nameless = Child("x", "linux/amd64");
  nameless.platform.reset();
  ASSERT_OK_AND_ASSIGN(
      const Index index,
      Index::Create({nameless, Child("a", "linux/amd64"), Child("b", "linux/arm/v6"),
                     Child("c", "linux/arm/v7"), Child("d", "linux/amd64")}));
  ASSERT_OK_AND_ASSIGN(const Index again, Index::Parse(index.bytes()));
  EXPECT_EQ(again.manifests(), index.manifests());
  EXPECT_EQ(index.Select(*Platform::Parse("linux/amd64"))->digest, Digest::Of("a"));
  EXPECT_EQ(index.Select(*Platform::Parse("linux/arm"))->digest, Digest::Of("b"));
  EXPECT_EQ(index.Select(*Platform::Parse("linux/arm/v7"))->digest, Digest::Of("c"));
  EXPECT_THAT(index.Select(*Platform::Parse("linux/s390x")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("linux/arm/v6")));
}

TEST(IndexTest, RefusesWhatTheSchemaRefuses) {
  const nlohmann::json good = nlohmann::json::parse(
      Index::Create({Child("a", "linux/amd64")}, ImageFormat::kDocker)->bytes());
  const std::vector<std::pair<std::string, nlohmann::json>> changes = {
      {"mediaType", "invalid"},
      {"mediaType", kOciManifest},
      {"mediaType", 4},
      {"schemaVersion", 1},
      {"manifests", "x"},
      {"manifests", {{{"mediaType", kOciManifest}, {"size", 3}}}},
      {"manifests", {{{"mediaType", ""}, {"size", 3}, {"digest", Digest::Of("").ToString()}}}},
      {"layers", nlohmann::json::array()},
      {"config", nlohmann::json::object()},
      {"annotations", 3},
      {"subject", 3},
      {"artifactType", 3},
  };
  for (const auto& [member, value] : changes) {
    nlohmann::json json = good;
    json[member] = value;
    EXPECT_THAT(Index::Parse(json.dump()), StatusIs(absl::StatusCode::kInvalidArgument))
        << member << " " << value;
  }
  EXPECT_OK(Index::Parse(good.dump(), kDockerManifestList));
  EXPECT_THAT(Index::Parse(good.dump(), kOciIndex),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("came as")));
  EXPECT_THAT(Index::Parse("{}"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Index::Parse("3"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(IndexTest, AcceptsCustomChildrenAndSubjects) {
  nlohmann::json json = nlohmann::json::parse(Index::Create({})->bytes());
  json["manifests"] = {{{"mediaType", "application/vnd.example+json"},
                        {"size", 0},
                        {"digest", Digest::Of("").ToString()},
                        {"artifactType", "text/x"}}};
  json["artifactType"] = "text/y";
  json["subject"] = Child("s", "").ToJson();
  json["subject"].erase("platform");
  ASSERT_OK_AND_ASSIGN(const Index index, Index::Parse(json.dump()));
  EXPECT_EQ(index.artifact_type(), "text/y");
  EXPECT_TRUE(index.subject().has_value());
  EXPECT_EQ(index.manifests()[0].artifact_type, "text/x");
}

}  // namespace
}  // namespace stevedore::oci
