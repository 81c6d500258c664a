#include "transfer/flatten.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/image_editor.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "oci/layer/tar_reader.h"
#include "oci/layer/testing/layer_text.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using oci::testing::LayersOf;
using oci::testing::LayerTar;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;

oci::Image ImageOf(const std::vector<Words>& layers,
                   oci::ImageFormat format = oci::ImageFormat::kOci) {
  oci::ImageEditor editor({.os = "linux", .architecture = "amd64"}, format);
  for (const Words& words : layers) {
    const std::string tar = LayerTar(words);
    oci::AppendedLayer layer;
    layer.diff_id = oci::Digest::Of(tar);
    layer.descriptor = {.media_type = oci::kOciLayer, .digest = layer.diff_id, .size = tar.size()};
    layer.created_by = "stevedore";
    EXPECT_OK(editor.AppendLayer(layer));
  }
  absl::StatusOr<oci::Image> image = editor.Finish();
  EXPECT_OK(image.status());
  return *image;
}

class FlattenTest : public ::testing::Test {
 protected:
  FlattenTest() : scratch_(*base::TemporaryDirectory::Create()) {
    options_.scratch_directory = scratch_.path();
    options_.compression = *oci::Compression::Parse("none");
  }

  absl::StatusOr<Flattened> Flatten(const oci::Image& image, const std::vector<Words>& layers) {
    blob_.clear();
    base::StringSink sink(&blob_);
    return FlattenImage(image, LayersOf(layers), options_, &sink);
  }

  const base::TemporaryDirectory scratch_;
  FlattenOptions options_;
  std::string blob_;
};

TEST_F(FlattenTest, KnownAnswerW1ToW2) {
  const std::vector<Words> layers = {{"a=A", "b=B"}, {".wh.a", "c=C"}};
  const oci::Image w1 = ImageOf(layers);
  ASSERT_EQ(w1.manifest.digest().ToString(),
            "sha256:75ff3627cc565e505f1a0dd27cfd94faea54c2d517b9b43e40adb51b954f777f");
  ASSERT_OK_AND_ASSIGN(const Flattened w2, Flatten(w1, layers));
  EXPECT_EQ(w2.layer.diff_id.ToString(),
            "sha256:539ab1442635b456484f9423df3cbd8321143f9d2fd9e60bc6cb14a43f3e0dbd");
  EXPECT_EQ(oci::Digest::Of(blob_), w2.layer.diff_id);
  EXPECT_EQ(w2.image.config.bytes().size(), 202u);
  EXPECT_EQ(w2.image.config.digest().ToString(),
            "sha256:8af7f33377f06e848787501ee027db6582017aa1fd6b4c3d518ae2fc4448be97");
  EXPECT_EQ(w2.image.manifest.bytes().size(), 397u);
  EXPECT_EQ(w2.image.manifest.digest().ToString(),
            "sha256:5bcbc8eda23bf3a3bbe43523cdf27a2cdd4ba12e125abeb3b9a444a5720df599");
}

// Defect 7 of the predecessor: hard links before their targets, and members of the config lost.
TEST_F(FlattenTest, TargetsOfHardLinksComeFirst) {
  const std::vector<Words> layers = {{"z=Z"}, {"a=>z", "b/", "b/c=>a"}};
  ASSERT_OK_AND_ASSIGN(const Flattened flat, Flatten(ImageOf(layers), layers));
  base::StringSource source(blob_);
  oci::TarReader reader(&source);
  Words seen;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const std::optional<oci::TarEntry> entry, reader.Next());
    if (!entry.has_value()) break;
    seen.push_back(absl::StrCat(entry->entry.path, ">", entry->entry.link_target));
  }
  EXPECT_THAT(seen, ElementsAre("a>", "b>", "b/c>a", "z>a"));
}

TEST_F(FlattenTest, EveryMemberOfTheConfigStays) {
  const std::vector<Words> layers = {{"a=A"}, {"b=B"}};
  const oci::Image image = ImageOf(layers);
  nlohmann::json config = nlohmann::json::parse(image.config.bytes());
  config["created"] = "2024-01-02T03:04:05Z";
  config["author"] = "somebody";
  config["config"] = {{"ExposedPorts", {{"80/tcp", nlohmann::json::object()}}},
                      {"Volumes", {{"/data", nlohmann::json::object()}}},
                      {"StopSignal", "SIGQUIT"},
                      {"Healthcheck", {{"Test", {"CMD", "true"}}}},
                      {"Something", "new"}};
  const nlohmann::json step = {{"created_by", "ENV A=1"}, {"empty_layer", true}};
  config["history"].insert(config["history"].begin(), step);
  nlohmann::json manifest = nlohmann::json::parse(image.manifest.bytes());
  const std::string config_bytes = config.dump();
  manifest["config"]["digest"] = oci::Digest::Of(config_bytes).ToString();
  manifest["config"]["size"] = config_bytes.size();
  manifest["annotations"] = {{"who", "me"}};
  oci::Image full;
  ASSERT_OK_AND_ASSIGN(full.config, oci::ImageConfig::Parse(config_bytes));
  ASSERT_OK_AND_ASSIGN(full.manifest, oci::Manifest::Parse(manifest.dump()));
  options_.created_by = "flatten";
  ASSERT_OK_AND_ASSIGN(const Flattened flat, Flatten(full, layers));
  const nlohmann::json result = nlohmann::json::parse(flat.image.config.bytes());
  EXPECT_EQ(result["config"], config["config"]);
  EXPECT_EQ(result["created"], config["created"]);
  EXPECT_EQ(result["author"], "somebody");
  ASSERT_EQ(result["history"].size(), 1u);
  EXPECT_EQ(result["history"][0].dump(), R"({"created_by":"flatten"})");
  EXPECT_THAT(flat.image.config.diff_ids(), ElementsAre(flat.layer.diff_id));
  EXPECT_EQ(flat.image.manifest.annotations().at("who"), "me");
  // Again is the same, byte for byte; compressed it is the same tar.
  ASSERT_OK_AND_ASSIGN(const Flattened again, Flatten(full, layers));
  EXPECT_EQ(again.image.manifest.digest(), flat.image.manifest.digest());
  options_.compression = *oci::Compression::Parse("zstd");
  ASSERT_OK_AND_ASSIGN(const Flattened zstd, Flatten(full, layers));
  EXPECT_EQ(zstd.layer.diff_id, flat.layer.diff_id);
  EXPECT_EQ(zstd.image.manifest.layers()[0].media_type, oci::kOciLayerZstd);
}

TEST_F(FlattenTest, DockerImagesStayDockerImages) {
  const std::vector<Words> layers = {{"a=A"}, {"b=B"}};
  const oci::Image image = ImageOf(layers, oci::ImageFormat::kDocker);
  options_.compression = oci::Compression();
  ASSERT_OK_AND_ASSIGN(const Flattened flat, Flatten(image, layers));
  EXPECT_EQ(flat.image.manifest.media_type(), oci::kDockerManifest);
  EXPECT_EQ(flat.image.manifest.layers()[0].media_type, oci::kDockerLayerGzip);
  options_.compression = *oci::Compression::Parse("zstd");
  EXPECT_THAT(Flatten(image, layers), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(FlattenTest, BadLayersAreErrorsWithTheImage) {
  const oci::Image image = ImageOf({{"a"}});
  EXPECT_THAT(Flatten(image, {{".wh."}}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(absl::StrCat("flatten ", image.manifest.digest().ToString(),
                                              ": layer 0: whiteout `.wh.`"))));
}

}  // namespace
}  // namespace stevedore::transfer
