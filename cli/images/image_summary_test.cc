#include "cli/images/image_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "oci/image/media_type.h"

namespace stevedore::cli {
namespace {

ImageFacts Facts(const std::string& config_type, const std::string& config) {
  ImageFacts facts{.name = "localhost:5000/shop/web", .digest = oci::Digest::Of("index")};
  facts.tags = {"1", "latest"};
  const std::string manifest = absl::StrCat(
      R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest, R"(","config":{"mediaType":")",
      config_type, R"(","digest":")", oci::Digest::Of(config).ToString(), R"(","size":)",
      config.size(), R"(},"layers":[{"mediaType":")", oci::kOciLayer, R"(","digest":")",
      oci::Digest::Of("layer").ToString(), R"(","size":5,"annotations":{"a":"b"}}]})");
  facts.manifest = *oci::Manifest::Parse(manifest);
  return facts;
}

TEST(ImageSummaryTest, TellsWhatSkopeoTells) {
  const std::string config =
      R"({"os":"linux","architecture":"arm","variant":"v7","created":"2024-01-02T03:04:05Z",)"
      R"("docker_version":"20.10","author":"me","config":{"Env":["A=b"],"Labels":{"l":"m"}},)"
      R"("rootfs":{"type":"layers","diff_ids":[]}})";
  ImageFacts facts = Facts(oci::kOciConfig, config);
  ASSERT_OK_AND_ASSIGN(facts.config, oci::ImageConfig::Parse(config));
  facts.config_bytes = config;
  const std::string layer = oci::Digest::Of("layer").ToString();
  EXPECT_EQ(
      SummarizeImage(facts).dump(),
      absl::StrCat(R"({"Name":"localhost:5000/shop/web","Digest":")",
                   oci::Digest::Of("index").ToString(),
                   R"(","RepoTags":["1","latest"],"Created":"2024-01-02T03:04:05Z",)"
                   R"("DockerVersion":"20.10","Labels":{"l":"m"},"Architecture":"arm",)"
                   R"("Variant":"v7","Os":"linux","Layers":[")",
                   layer, R"("],"LayersData":[{"MIMEType":")", oci::kOciLayer, R"(","Digest":")",
                   layer, R"(","Size":5,"Annotations":{"a":"b"}}],"Env":["A=b"],"Author":"me"})"));
}

TEST(ImageSummaryTest, AnArtifactHasATypeInstead) {
  const nlohmann::ordered_json json = SummarizeImage(Facts("application/x.sig", "{}"));
  EXPECT_EQ(json["ArtifactType"], "application/x.sig");
  EXPECT_FALSE(json.contains("Architecture"));
  EXPECT_FALSE(json.contains("Env"));
}

}  // namespace
}  // namespace stevedore::cli
