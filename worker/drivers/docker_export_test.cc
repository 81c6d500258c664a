#include "worker/drivers/docker_export.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/memory_budget.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "oci/image/media_type.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_reader.h"
#include "oci/layer/tar_writer.h"
#include "oci/layout/layout.h"
#include "transfer/layout_repository.h"
#include "worker/drivers/docker_parents.h"

namespace stevedore::worker {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// The tar of a layer that holds one file.
std::string LayerTar(const std::string& name, const std::string& content) {
  std::string tar;
  base::StringSink sink(&tar);
  oci::TarWriter writer(&sink);
  oci::LayerEntry entry;
  entry.path = name;
  EXPECT_OK(writer.Append(entry, content));
  EXPECT_OK(writer.Finish());
  return tar;
}

std::string ConfigWith(const std::vector<std::string>& layers) {
  std::vector<std::string> ids;
  std::string list;
  for (const std::string& layer : layers) {
    absl::StrAppend(&list, list.empty() ? "" : ",", "\"", oci::Digest::Of(layer).ToString(), "\"");
  }
  return absl::StrCat(R"({"architecture":"amd64","os":"linux","docker_version":"20.10.24",)",
                      R"("rootfs":{"type":"layers","diff_ids":[)", list, "]}}");
}

class DockerExportTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(base::TemporaryDirectory folder, base::TemporaryDirectory::Create());
    folder_.emplace(std::move(folder));
    ASSERT_OK_AND_ASSIGN(oci::Layout layout,
                         oci::Layout::OpenOrCreate(base::JoinPath(folder_->path(), "layout")));
    layout_.emplace(std::move(layout));
    repository_.emplace(&*layout_, *oci::Reference::Parse("localhost:5000/web"));
    resources_.budget = &budget_;
    resources_.cache_directory = base::JoinPath(folder_->path(), "cache");
    resources_.scratch_directory = base::JoinPath(folder_->path(), "scratch");
    request_.output = &*repository_;
    request_.id = "web:1";
  }

  // The archive of an image, as `add` and Docker 20.10 name its layers.
  std::string Archive(const std::vector<std::string>& layers, const std::string& config,
                      bool as_blobs = false) {
    std::string archive;
    base::StringSink sink(&archive);
    oci::TarWriter writer(&sink);
    const auto add = [&](const std::string& path, const std::string& content) {
      oci::LayerEntry entry;
      entry.path = path;
      EXPECT_OK(writer.Append(entry, content));
    };
    for (size_t i = 0; i < layers.size(); ++i) {
      if (as_blobs) {
        add(absl::StrCat("blobs/sha256/", oci::Digest::Of(layers[i]).hex()), layers[i]);
        continue;
      }
      add(absl::StrCat("folder", i, "/VERSION"), "1.0");
      add(absl::StrCat("folder", i, "/layer.tar"), layers[i]);
    }
    const std::string hex(oci::Digest::Of(config).hex());
    if (!config.empty()) add(as_blobs ? "blobs/sha256/" + hex : hex + ".json", config);
    add("manifest.json", "[]");
    EXPECT_OK(writer.Finish());
    return archive;
  }

  transfer::EngineImage ImageOf(const std::vector<std::string>& layers, const std::string& config) {
    transfer::EngineImage image;
    image.id = oci::Digest::Of(config).ToString();
    for (const std::string& layer : layers) {
      image.diff_ids.push_back(oci::Digest::Of(layer).ToString());
    }
    return image;
  }

  absl::StatusOr<BuiltImage> Import(const transfer::EngineImage& image,
                                    const std::string& archive) {
    base::StringSource source(archive);
    return ImportArchive({.resources = resources_, .request = request_, .names = &names_}, image,
                         source);
  }

  std::string Content(const oci::Descriptor& layer) {
    auto blob = repository_->OpenBlob(layer);
    EXPECT_OK(blob.status());
    auto plain = oci::OpenDecompressed(*std::move(blob));
    EXPECT_OK(plain.status());
    return base::ReadAll(*plain->source, 1 << 20).value_or("broken");
  }

  const std::string base_ = LayerTar("base", "from the parent");
  const std::string own_ = LayerTar("own", "new");
  std::optional<base::TemporaryDirectory> folder_;
  std::optional<oci::Layout> layout_;
  std::optional<transfer::LayoutRepository> repository_;
  base::MemoryBudget budget_{64 << 20};
  DriverResources resources_;
  BuildRequest request_;
  ArchiveNames names_;
};

TEST_F(DockerExportTest, KeepsConfigAndTarsByteForByte) {
  const std::string config = ConfigWith({base_, own_});
  for (const bool as_blobs : {false, true}) {
    ASSERT_OK_AND_ASSIGN(const BuiltImage built, Import(ImageOf({base_, own_}, config),
                                                        Archive({own_, base_}, config, as_blobs)));
    EXPECT_EQ(built.image.config.bytes(), config);
    EXPECT_EQ(built.image.manifest.config().digest, oci::Digest::Of(config));
    EXPECT_EQ(built.image.manifest.media_type(), oci::kOciManifest);
    ASSERT_THAT(built.image.manifest.layers(), SizeIs(2));
    EXPECT_EQ(Content(built.image.manifest.layers()[0]), base_);
    EXPECT_EQ(Content(built.image.manifest.layers()[1]), own_);
    EXPECT_THAT(built.inherited, SizeIs(0));
    // The second time both are in the layer cache.
    EXPECT_EQ(built.new_layer_bytes > 0, !as_blobs);
  }
}

TEST_F(DockerExportTest, LayersOfParentsAreInherited) {
  const std::string parent_config = ConfigWith({base_});
  ASSERT_OK_AND_ASSIGN(BuiltImage parent,
                       Import(ImageOf({base_}, parent_config), Archive({base_}, parent_config)));
  request_.parents.push_back({.id = "base:1", .reference = "base:1", .image = parent.image});
  const std::string config = ConfigWith({base_, own_});
  ASSERT_OK_AND_ASSIGN(const BuiltImage built,
                       Import(ImageOf({base_, own_}, config), Archive({base_, own_}, config)));
  ASSERT_THAT(built.inherited, SizeIs(1));
  EXPECT_EQ(built.inherited[0].parent, 0);
  EXPECT_EQ(built.inherited[0].descriptor, parent.image.manifest.layers()[0]);
  EXPECT_EQ(built.image.manifest.layers()[0].digest, parent.image.manifest.layers()[0].digest);
  EXPECT_EQ(Content(built.image.manifest.layers()[1]), own_);
}

TEST_F(DockerExportTest, ArchivesThatAreNotTheImages) {
  const std::string config = ConfigWith({base_, own_});
  const transfer::EngineImage image = ImageOf({base_, own_}, config);
  const std::string other = ConfigWith({own_});
  EXPECT_THAT(Import(image, Archive({base_}, config)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has no layer")));
  EXPECT_THAT(Import(image, Archive({base_, own_}, "")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("containerd image store")));
  EXPECT_THAT(Import(image, Archive({base_, own_}, other)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has no config")));
  const std::string whole = Archive({base_, own_}, config);
  EXPECT_THAT(Import(image, whole.substr(0, 1000)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("engine's archive")));
  // A layer that changed on the way: its name promised another one.
  names_.Learn("folder0", oci::Digest::Of(base_));
  request_.parents.clear();
  resources_.cache_directory.clear();
  EXPECT_THAT(Import(image, Archive({own_, own_}, config)),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("in the place of")));
}

TEST_F(DockerExportTest, ImagesWithoutLayersAreSaidToBeImpossible) {
  EXPECT_THAT(Import(ImageOf({}, "{}"), ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no layers")));
}

TEST_F(DockerExportTest, ParentsGoIntoTheEngineAsTheyAre) {
  for (const char* compression : {"gzip", "zstd", "none"}) {
    const std::string config = ConfigWith({base_, own_});
    base::StringSource in(Archive({base_, own_}, config));
    DockerExport parts{.resources = resources_,
                       .request = request_,
                       .compression = *oci::Compression::Parse(compression),
                       .names = &names_};
    ASSERT_OK_AND_ASSIGN(const BuiltImage built,
                         ImportArchive(parts, ImageOf({base_, own_}, config), in));
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<base::ByteSource> archive,
                         OpenDockerArchive(built.image, &*repository_, "base:1-x",
                                           resources_.scratch_directory, {}));
    oci::TarReader reader(archive.get());
    std::vector<std::string> names;
    while (true) {
      ASSERT_OK_AND_ASSIGN(const std::optional<oci::TarEntry> entry, reader.Next());
      if (!entry.has_value()) break;
      if (entry->entry.type == oci::LayerEntry::Type::kDirectory) continue;
      names.push_back(entry->entry.path);
      ASSERT_OK_AND_ASSIGN(std::string bytes, base::ReadAll(reader.Content(), 1 << 20));
      auto plain = oci::OpenDecompressed(std::make_unique<base::StringSource>(bytes));
      ASSERT_OK(plain.status());
      if (names.size() == 1) EXPECT_EQ(bytes, config);
      if (names.size() == 2) EXPECT_THAT(bytes, HasSubstr(R"("RepoTags":["base:1-x"])"));
      if (names.size() == 3) EXPECT_EQ(base::ReadAll(*plain->source, 1 << 20).value(), base_);
      if (names.size() == 4) EXPECT_EQ(base::ReadAll(*plain->source, 1 << 20).value(), own_);
      // Engines before version 23 cannot unpack zstd.
      EXPECT_NE(plain->compression, oci::LayerCompression::kZstd);
    }
    EXPECT_THAT(names,
                ElementsAre(absl::StrCat(oci::Digest::Of(config).hex(), ".json"), "manifest.json",
                            EndsWith("/layer.tar"), EndsWith("/layer.tar")));
  }
}

}  // namespace
}  // namespace stevedore::worker
