#include "oci/image/descriptor.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/media_type.h"

namespace stevedore::oci {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;

nlohmann::json Minimal() {
  return {{"mediaType", kOciLayer}, {"digest", Digest::Of("{}").ToString()}, {"size", 2}};
}

TEST(DescriptorTest, LeavesOutWhatIsEmpty) {
  const Descriptor descriptor{
      .media_type = kOciLayerGzip, .digest = Digest::Of("hello"), .size = 5};
  EXPECT_THAT(
      CanonicalJson(descriptor.ToJson()),
      IsOkAndHolds(std::string(
          "{\"digest\":\"sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824\","
          "\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"size\":5}")));
}

TEST(DescriptorTest, KeepsEveryMember) {
  const Descriptor descriptor{.media_type = "text/plain",
                              .digest = Digest::Of("hello"),
                              .size = 5,
                              .platform = Platform{.os = "linux", .architecture = "amd64"},
                              .annotations = {{"a", "b"}},
                              .artifact_type = "text/x",
                              .urls = {"https://example.com/x"},
                              .data = "hello"};
  EXPECT_THAT(Descriptor::FromJson(descriptor.ToJson()), IsOkAndHolds(descriptor));
}

TEST(DescriptorTest, AcceptsWhatTheSchemaAccepts) {
  nlohmann::json json = Minimal();
  json["size"] = 0;
  json["unknown"] = {1, 2};
  EXPECT_OK(Descriptor::FromJson(json));
  ASSERT_OK_AND_ASSIGN(
      const Descriptor with_data,
      Descriptor::FromJson(
          {{"mediaType", "text/plain"},
           {"digest", "sha256:2690af59371e9eca9453dc29882643f46e5ca47ec2862bd517b5e17351325153"},
           {"size", 34},
           {"data", "aHR0cHM6Ly9naXRodWIuY29tL29wZW5jb250YWluZXJzCg=="}}));
  EXPECT_EQ(with_data.data, "https://github.com/opencontainers\n");
}

TEST(DescriptorTest, RefusesWhatTheSchemaRefuses) {
  const std::vector<std::pair<std::string, nlohmann::json>> changes = {
      {"mediaType", nullptr},
      {"mediaType", 7},
      {"mediaType", "text"},
      {"mediaType", ".text/plain"},
      {"mediaType", "text/-plain"},
      {"mediaType", absl::StrCat("text/", std::string(128, 'x'))},
      {"digest", "sha256:abc"},
      {"digest", "sha256+foo+-b:abc"},
      {"digest", 1},
      {"size", "2"},
      {"size", -1},
      {"size", 2.5},
      {"size", UINT64_MAX},
      {"platform", "linux/amd64"},
      {"platform", {{"os", "linux"}}},
      {"annotations", {{"a", 1}}},
      {"annotations", "a"},
      {"urls", "x"},
      {"urls", {1}},
      {"urls", {"value with space"}},
      {"data", "e30"},   // Unpadded.
      {"data", "e30h"},  // Three bytes, size says two.
      {"data", "W10="},  // Two other bytes.
      {"artifactType", 1},
  };
  for (const auto& [member, value] : changes) {
    nlohmann::json json = Minimal();
    json[member] = value;
    EXPECT_THAT(Descriptor::FromJson(json), StatusIs(absl::StatusCode::kInvalidArgument))
        << member << " " << value;
  }
  for (const char* member : {"mediaType", "digest", "size"}) {
    nlohmann::json json = Minimal();
    json.erase(member);
    EXPECT_THAT(Descriptor::FromJson(json),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(member)));
  }
  EXPECT_THAT(Descriptor::FromJson(nlohmann::json::array()),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace stevedore::oci
