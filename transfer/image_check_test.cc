#include "transfer/image_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/byte_source.h"
#include "base/testing/fake_clock.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"
#include "oci/layer/testing/layer_text.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using oci::testing::LayerTar;
using ::testing::HasSubstr;
using Json = nlohmann::json;

// A place that believes everything it was given.
class GullibleImages final : public ImageSource {
 public:
  Json Add(const std::string& bytes, const std::string& media_type) {
    const std::string digest = oci::Digest::Of(bytes).ToString();
    content[digest] = bytes;
    types[digest] = media_type;
    return {{"mediaType", media_type}, {"digest", digest}, {"size", bytes.size()}};
  }
  absl::StatusOr<RawManifest> GetManifest(const std::string& name, std::stop_token) override {
    if (!failure.ok()) return failure;
    const std::string digest = name.find(':') == std::string::npos ? tag : name;
    if (content.count(digest) == 0) return absl::NotFoundError(absl::StrCat("no ", name));
    return RawManifest{content[digest], types[digest], *oci::Digest::Parse(digest)};
  }
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(const std::string&,
                                                              std::stop_token) override {
    return std::nullopt;
  }
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                             std::stop_token) override {
    const std::string digest = blob.digest.ToString();
    if (content.count(digest) == 0) return absl::NotFoundError("there is no such blob");
    ++opened;
    return std::make_unique<base::StringSource>(content[digest]);
  }
  std::string Describe() const override { return "here"; }

  std::map<std::string, std::string> content, types;  // By digest.
  std::string tag;
  absl::Status failure;
  int opened = 0;
};

// Parts of an image of two layers for two platforms; a case changes some before they are stored.
struct Parts {
  std::vector<std::string> tars = {LayerTar({"a=A", "b=B"}), LayerTar({".wh.a", "c=C"})};
  std::vector<std::string> layer_types = {oci::kOciLayer, oci::kOciLayer};
  Json config = {{"os", "linux"},
                 {"architecture", "amd64"},
                 {"config", Json::object()},
                 {"rootfs", {{"type", "layers"}, {"diff_ids", Json::array()}}},
                 {"history",
                  {{{"created_by", "1"}},
                   {{"created_by", "2"}, {"empty_layer", true}},
                   {{"created_by", "3"}}}}};
  std::function<void(Json& config)> edit_config = [](Json&) {};
  std::function<void(Json& manifest)> edit_manifest = [](Json&) {};
  std::function<void(Json& index)> edit_index = [](Json&) {};
  std::function<void(GullibleImages& images)> damage = [](GullibleImages&) {};
};

void Store(const Parts& parts, GullibleImages& images) {
  Json layers = Json::array();
  Json config = parts.config;
  for (size_t i = 0; i < parts.tars.size(); ++i) {
    layers.push_back(images.Add(parts.tars[i], parts.layer_types[i]));
    config["rootfs"]["diff_ids"].push_back(layers.back()["digest"]);
  }
  parts.edit_config(config);
  Json manifest = {{"schemaVersion", 2},
                   {"mediaType", oci::kOciManifest},
                   {"config", images.Add(config.dump(), oci::kOciConfig)},
                   {"layers", layers}};
  parts.edit_manifest(manifest);
  Json entry = images.Add(manifest.dump(), oci::kOciManifest);
  entry["platform"] = {{"os", "linux"}, {"architecture", "amd64"}};
  Json index = {{"schemaVersion", 2}, {"mediaType", oci::kOciIndex}, {"manifests", {entry}}};
  parts.edit_index(index);
  images.tag = images.Add(index.dump(), oci::kOciIndex)["digest"];
  parts.damage(images);
}

std::string LinesOf(const ImageCheckReport& report) {
  std::string lines;
  for (const ImageFinding& finding : report.findings) {
    absl::StrAppend(&lines,
                    finding.severity == ImageFinding::Severity::kError ? "error: " : "warning: ",
                    finding.object, ": ", finding.problem, "\n");
  }
  return lines;
}

TEST(ImageCheckTest, AGoodImageHasNoFindings) {
  GullibleImages images;
  Store({}, images);
  ASSERT_OK_AND_ASSIGN(const ImageCheckReport report, CheckImage(images, "v1"));
  EXPECT_EQ(LinesOf(report), "");
  EXPECT_TRUE(report.ok());
  EXPECT_EQ(report.indexes, 1u);
  EXPECT_EQ(report.manifests, 1u);
  EXPECT_EQ(report.blobs, 3u);
  EXPECT_EQ(report.tar_bytes, 3072u + 2560u);
  EXPECT_GT(report.blob_bytes, report.tar_bytes);
}

// One damage, and the lines that tell of it.
struct Damage {
  const char* name;
  std::function<void(Parts&)> edit;
  std::vector<const char*> lines;
  bool broken = true;
};

void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

std::vector<Damage> Damages() {
  return {
      {"LayerMissing",
       [](Parts& parts) {
         parts.damage = [tar = parts.tars[1]](GullibleImages& images) {
           images.content.erase(oci::Digest::Of(tar).ToString());
         };
       },
       {"error: layer 2 of linux/amd64: there is no such blob"}},
      {"LayerChanged",
       [](Parts& parts) {
         parts.damage = [tar = parts.tars[0]](GullibleImages& images) {
           images.content[oci::Digest::Of(tar).ToString()][600] ^= 1;
         };
       },
       {"error: layer 1 of linux/amd64: its bytes have the digest sha256:"}},
      {"LayerCut",
       [](Parts& parts) {
         parts.damage = [tar = parts.tars[0]](GullibleImages& images) {
           images.content[oci::Digest::Of(tar).ToString()].resize(1000);
         };
       },
       {"error: layer 1 of linux/amd64: has 1000 bytes, but its descriptor says 3072",
        "error: layer 1 of linux/amd64: its bytes have the digest"}},
      {"LayerSizeWrong",
       [](Parts& parts) {
         parts.edit_manifest = [](Json& manifest) { manifest["layers"][0]["size"] = 5; };
       },
       {"error: layer 1 of linux/amd64: has 3072 bytes, but its descriptor says 5"}},
      {"DiffIdWrong",
       [](Parts& parts) {
         parts.edit_config = [](Json& config) {
           std::swap(config["rootfs"]["diff_ids"][0], config["rootfs"]["diff_ids"][1]);
         };
       },
       {"error: layer 1 of linux/amd64: its tar has the diff id sha256:",
        "error: layer 2 of linux/amd64: its tar has the diff id sha256:"}},
      {"DiffIdMissing",
       [](Parts& parts) {
         parts.edit_config = [](Json& config) { config["rootfs"]["diff_ids"].erase(1); };
       },
       {"error: manifest linux/amd64: has 2 layers, but its config 1 diff ids"}},
      {"HistoryTooShort",
       [](Parts& parts) { parts.edit_config = [](Json& config) { config["history"].erase(2); }; },
       {"error: config linux/amd64: its history tells of 1 layers, but there are 2"}},
      {"NotATar",
       [](Parts& parts) { parts.tars[0] = std::string(1000, 'x'); },
       {"error: layer 1 of linux/amd64: tar, header at byte 0: checksum does not match"}},
      {"TarLeadsOutside",
       [](Parts& parts) { parts.tars[0] = LayerTar({"../evil"}); },
       {"error: layer 1 of linux/amd64: tar, header at byte 0: path `../evil`"}},
      {"BareWhiteout",
       [](Parts& parts) { parts.tars[0] = LayerTar({".wh."}); },
       {"error: layer 1 of linux/amd64: whiteout `.wh.` names nothing"}},
      {"MediaTypeOfCompression",
       [](Parts& parts) { parts.layer_types[0] = oci::kOciLayerGzip; },
       {"warning: layer 1 of linux/amd64: its media type "
        "application/vnd.oci.image.layer.v1.tar+gzip says gzip, but it has no compression"},
       false},
      {"MediaTypeOfNoLayer",
       [](Parts& parts) { parts.layer_types[0] = "text/plain"; },
       {"error: layer 1 of linux/amd64: has the media type `text/plain`, which is not that of a "
        "layer"}},
      {"ConfigMissing",
       [](Parts& parts) {
         parts.edit_manifest = [](Json& manifest) {
           manifest["config"]["digest"] = oci::Digest::Of("nothing").ToString();
         };
       },
       {"error: config linux/amd64: "}},
      {"ConfigIsNoJson",
       [](Parts& parts) {
         parts.damage = [](GullibleImages& images) {
           for (auto& [digest, bytes] : images.content) {
             if (images.types[digest] == oci::kOciConfig) bytes[0] = '!';
           }
         };
       },
       {"error: config linux/amd64: "}},
      {"PlatformOfAnotherMachine",
       [](Parts& parts) { parts.config["architecture"] = "arm64"; },
       {"error: config linux/amd64: is for linux/arm64, but the index says linux/amd64"}},
      {"ManifestMissing",
       [](Parts& parts) {
         parts.edit_index = [](Json& index) {
           index["manifests"][0]["digest"] = oci::Digest::Of("x").ToString();
         };
       },
       {"error: manifest linux/amd64: no sha256:"}},
      {"ManifestSizeWrong",
       [](Parts& parts) {
         parts.edit_index = [](Json& index) { index["manifests"][0]["size"] = 3; };
       },
       {
           "error: manifest linux/amd64: has ",
       }},
      {"ManifestTypeWrong",
       [](Parts& parts) {
         parts.edit_index = [](Json& index) {
           index["manifests"][0]["mediaType"] = oci::kDockerManifest;
         };
       },
       {"error: manifest linux/amd64: is application/vnd.oci.image.manifest.v1+json, but the "
        "index says application/vnd.docker"}},
      {"ManifestTypeUnknown",
       [](Parts& parts) {
         parts.edit_index = [](Json& index) { index["manifests"][0]["mediaType"] = "text/x"; };
       },
       {"error: manifest linux/amd64: the index calls it `text/x`"}},
      {"ManifestAndIndexAtOnce",
       [](Parts& parts) {
         parts.edit_manifest = [](Json& manifest) { manifest["manifests"] = Json::array(); };
       },
       {"error: manifest linux/amd64: the document has both"}},
      {"ManifestChanged",
       [](Parts& parts) {
         parts.damage = [](GullibleImages& images) {
           for (auto& [digest, bytes] : images.content) {
             if (images.types[digest] == oci::kOciManifest) bytes += " ";
           }
         };
       },
       {"error: manifest linux/amd64: "}},
      {"IndexIsNoJson",
       [](Parts& parts) {
         parts.damage = [](GullibleImages& images) {
           images.tag = std::string(images.Add("]", oci::kOciIndex)["digest"]);
         };
       },
       {"error: manifest: "}},
      {"ForeignLayerElsewhere",
       [](Parts& parts) {
         parts.edit_manifest = [](Json& manifest) {
           manifest["layers"][0]["urls"] = {"https://layers.example.org/1"};
         };
         parts.damage = [tar = parts.tars[0]](GullibleImages& images) {
           images.content.erase(oci::Digest::Of(tar).ToString());
         };
       },
       {"warning: layer 1 of linux/amd64: is not here, only at `https://layers.example.org/1`"},
       false},
  };
}

class DamagedImageTest : public ::testing::TestWithParam<Damage> {};

TEST_P(DamagedImageTest, IsFoundOut) {
  Parts parts;
  GetParam().edit(parts);
  GullibleImages images;
  Store(parts, images);
  ASSERT_OK_AND_ASSIGN(const ImageCheckReport report, CheckImage(images, "v1"));
  EXPECT_EQ(report.ok(), !GetParam().broken) << LinesOf(report);
  EXPECT_EQ(report.findings.size(), GetParam().lines.size()) << LinesOf(report);
  for (const char* line : GetParam().lines) EXPECT_THAT(LinesOf(report), HasSubstr(line));
}

INSTANTIATE_TEST_SUITE_P(Each, DamagedImageTest, ::testing::ValuesIn(Damages()),
                         [](const auto& info) { return info.param.name; });

TEST(ImageCheckTest, FastAsksForLayersWithoutReadingThem) {
  Parts parts;
  parts.tars[0] = std::string(1000, 'x');
  parts.damage = [tar = parts.tars[1]](GullibleImages& images) {
    images.content.erase(oci::Digest::Of(tar).ToString());
  };
  GullibleImages images;
  Store(parts, images);
  ASSERT_OK_AND_ASSIGN(const ImageCheckReport report, CheckImage(images, "v1", {.fast = true}));
  EXPECT_EQ(LinesOf(report), "error: layer 2 of linux/amd64: there is no such blob\n");
  EXPECT_EQ(report.tar_bytes, 0u);
}

TEST(ImageCheckTest, WhatSeveralManifestsShareIsReadOnce) {
  Parts parts;
  parts.edit_index = [](Json& index) {
    index["manifests"].push_back(index["manifests"][0]);
    index["manifests"][1]["platform"]["variant"] = "v2";
  };
  GullibleImages images;
  Store(parts, images);
  ASSERT_OK_AND_ASSIGN(const ImageCheckReport report, CheckImage(images, "v1"));
  EXPECT_EQ(LinesOf(report), "");
  EXPECT_EQ(images.opened, 3);
}

TEST(ImageCheckTest, IndexesInsideIndexesAndArtifacts) {
  GullibleImages images;
  Parts parts;
  parts.tars[1] = LayerTar({".wh."});
  Store(parts, images);
  const std::string inner = images.tag;
  Json artifact = {{"schemaVersion", 2},
                   {"mediaType", oci::kOciManifest},
                   {"artifactType", "application/spdx+json"},
                   {"config", images.Add("{}", oci::kOciEmpty)},
                   {"layers", {images.Add("text", "application/spdx+json")}}};
  Json index = {
      {"schemaVersion", 2},
      {"mediaType", oci::kOciIndex},
      {"manifests",
       {{{"mediaType", oci::kOciIndex}, {"digest", inner}, {"size", images.content[inner].size()}},
        images.Add(artifact.dump(), oci::kOciManifest)}}};
  images.tag = images.Add(index.dump(), oci::kOciIndex)["digest"];
  ASSERT_OK_AND_ASSIGN(const ImageCheckReport report, CheckImage(images, "v1"));
  EXPECT_THAT(LinesOf(report), HasSubstr("error: layer 2 of linux/amd64: whiteout"));
  EXPECT_EQ(report.findings.size(), 1u) << LinesOf(report);
  EXPECT_EQ(report.indexes, 2u);
  EXPECT_EQ(report.manifests, 2u);
}

TEST(ImageCheckTest, OnePlatformOnly) {
  Parts parts;
  parts.edit_index = [](Json& index) {
    Json other = index["manifests"][0];
    other["platform"]["architecture"] = "s390x";
    other["digest"] = oci::Digest::Of("not there").ToString();
    index["manifests"].push_back(other);
  };
  GullibleImages images;
  Store(parts, images);
  ASSERT_OK_AND_ASSIGN(const ImageCheckReport all, CheckImage(images, "v1"));
  EXPECT_THAT(LinesOf(all), HasSubstr("error: manifest linux/s390x"));
  ImageCheckOptions options;
  options.platform = oci::Platform{.os = "linux", .architecture = "amd64"};
  ASSERT_OK_AND_ASSIGN(const ImageCheckReport one, CheckImage(images, "v1", options));
  EXPECT_EQ(LinesOf(one), "");
  options.platform->architecture = "riscv64";
  EXPECT_THAT(CheckImage(images, "v1", options),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("linux/riscv64")));
}

TEST(ImageCheckTest, PlacesThatDoNotAnswerAreErrorsNotFindings) {
  GullibleImages images;
  Store({}, images);
  EXPECT_THAT(CheckImage(images, oci::Digest::Of("none").ToString()),
              StatusIs(absl::StatusCode::kNotFound));
  images.failure = absl::UnavailableError("away");
  EXPECT_THAT(CheckImage(images, "v1"), StatusIs(absl::StatusCode::kUnavailable));
  images.failure = absl::OkStatus();
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(CheckImage(images, "v1", {.stop = stop.get_token()}),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST(ImageCheckTest, BombsAndTimeHaveLimits) {
  GullibleImages images;
  Store({}, images);
  ImageCheckOptions options;
  options.decompress.max_output_bytes = 4000;
  ASSERT_OK_AND_ASSIGN(const ImageCheckReport small, CheckImage(images, "v1", options));
  EXPECT_THAT(LinesOf(small), HasSubstr("error: layer 2 of linux/amd64: uncompressed stream: more "
                                        "than the 928 bytes allowed"));
  base::testing::FakeClock clock;
  options = {};
  options.clock = &clock;
  options.max_time = absl::Seconds(-1);
  ASSERT_OK_AND_ASSIGN(const ImageCheckReport late, CheckImage(images, "v1", options));
  EXPECT_THAT(LinesOf(late), HasSubstr("took longer than"));
  EXPECT_FALSE(late.ok());
}

}  // namespace
}  // namespace stevedore::transfer
