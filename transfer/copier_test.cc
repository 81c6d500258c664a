#include "transfer/copier.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "oci/image/digest.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/layer/decompress.h"
#include "transfer/memory_images.h"

namespace stevedore::transfer {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// A place in memory that writes down what it is asked, can be a registry's repository, and can
// fail. Thread-safe.
class Place final : public ImageSource, public ImageSink {
 public:
  explicit Place(std::string mount_name = "") : mount_name_(std::move(mount_name)) {}

  MemoryImages& images() { return images_; }
  // Everything that was asked since the last call: "HEAD manifest 1.0".
  std::vector<std::string> TakeLog() {
    base::MutexLock lock(&mu_);
    return std::exchange(log_, {});
  }
  int Count(absl::string_view what) {
    base::MutexLock lock(&mu_);
    return std::count_if(log_.begin(), log_.end(),
                         [&](const std::string& line) { return absl::StartsWith(line, what); });
  }
  // Called before every operation, with its line; an error is returned from there.
  void set_hook(std::function<absl::Status(const std::string&)> hook) { hook_ = std::move(hook); }
  // Repositories of the same registry, from which blobs can be mounted.
  void set_neighbours(std::map<std::string, Place*> neighbours) {
    neighbours_ = std::move(neighbours);
  }

  absl::StatusOr<RawManifest> GetManifest(const std::string& name, std::stop_token) override {
    RETURN_IF_ERROR(Note("GET manifest ", name));
    return images_.GetManifest(name);
  }
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(const std::string& name,
                                                              std::stop_token) override {
    RETURN_IF_ERROR(Note("HEAD manifest ", name));
    return images_.HeadManifest(name);
  }
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                             std::stop_token) override {
    RETURN_IF_ERROR(Note("GET blob ", blob.digest.ToString()));
    return images_.OpenBlob(blob);
  }
  absl::StatusOr<std::vector<oci::Descriptor>> Referrers(const oci::Digest& subject,
                                                         const std::string& type,
                                                         std::stop_token) override {
    RETURN_IF_ERROR(Note("referrers ", subject.ToString()));
    return images_.Referrers(subject, type);
  }
  std::string MountName() const override { return mount_name_; }

  absl::StatusOr<bool> HasBlob(const oci::Digest& digest, std::stop_token) override {
    RETURN_IF_ERROR(Note("HEAD blob ", digest.ToString()));
    return images_.HasBlob(digest);
  }
  absl::Status PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                       std::stop_token) override {
    RETURN_IF_ERROR(Note("PUT blob ", blob.digest.ToString()));
    ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source, opener());
    ASSIGN_OR_RETURN(const std::string bytes, base::ReadAll(*source, 1 << 30));
    Add(bytes, blob.media_type);
    return absl::OkStatus();
  }
  absl::StatusOr<bool> MountBlob(const oci::Digest& digest, const std::string& from,
                                 std::stop_token) override {
    RETURN_IF_ERROR(Note("mount blob ", digest.ToString(), " from ", from));
    const auto neighbour = neighbours_.find(from);
    if (neighbour == neighbours_.end()) return false;
    ASSIGN_OR_RETURN(const bool there, neighbour->second->images_.HasBlob(digest));
    if (!there) return false;
    ASSIGN_OR_RETURN(const std::string bytes, neighbour->second->Bytes(digest));
    Add(bytes, "");
    return true;
  }
  absl::StatusOr<std::unique_ptr<BlobUpload>> StartBlob(std::stop_token stop) override {
    RETURN_IF_ERROR(Note("POST blob"));
    return images_.StartBlob(stop);
  }
  absl::Status AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                             std::stop_token stop) override {
    return images_.AdoptBlobFile(blob, path, stop);
  }
  absl::StatusOr<oci::Digest> PutManifest(const std::string& name, absl::string_view bytes,
                                          const std::string& type, std::stop_token) override {
    RETURN_IF_ERROR(Note("PUT manifest ", name));
    return images_.PutManifest(name, bytes, type);
  }
  absl::Status Finish(std::stop_token) override { return Note("finish"); }
  ImageSource* Readable() override { return this; }
  std::string Describe() const override { return mount_name_.empty() ? "memory" : mount_name_; }

  // The content of a blob whose size is not known.
  absl::StatusOr<std::string> Bytes(const oci::Digest& digest) {
    base::MutexLock lock(&mu_);
    const auto known = contents_.find(digest);
    if (known == contents_.end()) return absl::NotFoundError("not added by Add");
    return known->second;
  }
  // Adds a blob that Bytes knows.
  oci::Descriptor Add(const std::string& bytes, const std::string& type) {
    {
      base::MutexLock lock(&mu_);
      contents_[oci::Digest::Of(bytes)] = bytes;
    }
    return images_.AddBlob(bytes, type);
  }

 private:
  template <typename... Parts>
  absl::Status Note(const Parts&... parts) {
    const std::string line = absl::StrCat(parts...);
    {
      base::MutexLock lock(&mu_);
      log_.push_back(line);
    }
    return hook_ == nullptr ? absl::OkStatus() : hook_(line);
  }

  const std::string mount_name_;
  MemoryImages images_;
  std::map<std::string, Place*> neighbours_;
  std::function<absl::Status(const std::string&)> hook_;
  base::Mutex mu_;
  std::vector<std::string> log_ ABSL_GUARDED_BY(mu_);
  std::map<oci::Digest, std::string> contents_ ABSL_GUARDED_BY(mu_);
};

// An image with layers of the given contents. `name`: a tag, or empty for by digest only.
oci::Descriptor AddImage(Place& place, const std::string& name,
                         const std::vector<std::string>& layers,
                         const std::string& architecture = "amd64",
                         const nlohmann::json& more = nlohmann::json::object()) {
  nlohmann::json config = {{"os", "linux"},
                           {"architecture", architecture},
                           {"rootfs", {{"type", "layers"}, {"diff_ids", nlohmann::json::array()}}}};
  nlohmann::json json = {
      {"schemaVersion", 2}, {"mediaType", oci::kOciManifest}, {"layers", nlohmann::json::array()}};
  for (const std::string& layer : layers) {
    json["layers"].push_back(place.Add(layer, oci::kOciLayer).ToJson());
    config["rootfs"]["diff_ids"].push_back(oci::Digest::Of(layer).ToString());
  }
  json["config"] = place.Add(config.dump(), oci::kOciConfig).ToJson();
  json.update(more);
  const std::string bytes = json.dump();
  const oci::Digest digest = oci::Digest::Of(bytes);
  EXPECT_OK(place.images().PutManifest(name.empty() ? digest.ToString() : name, bytes,
                                       oci::kOciManifest));
  return {.media_type = oci::kOciManifest,
          .digest = digest,
          .size = bytes.size(),
          .platform = oci::Platform{.os = "linux", .architecture = architecture}};
}

oci::Descriptor AddIndex(Place& place, const std::string& name,
                         const std::vector<oci::Descriptor>& children) {
  const oci::Index index = oci::Index::Create(children).value();
  EXPECT_OK(place.images().PutManifest(name.empty() ? index.digest().ToString() : name,
                                       index.bytes(), index.media_type()));
  return index.ToDescriptor();
}

oci::Digest DigestAt(Place& place, const std::string& name) {
  const auto found = place.images().HeadManifest(name);
  EXPECT_OK(found);
  return found.ok() && found->has_value() ? (*found)->digest : oci::Digest();
}

// Position of the only line that begins so.
size_t At(const std::vector<std::string>& log, absl::string_view line) {
  const auto it = std::find_if(log.begin(), log.end(),
                               [&](const std::string& one) { return absl::StartsWith(one, line); });
  EXPECT_NE(it, log.end()) << line;
  return it - log.begin();
}

TEST(Copier, CopiesBlobsThenTheManifestThenTheTag) {
  Place from, to;
  const oci::Descriptor image = AddImage(from, "1.0", {"one", "two", "three"});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "2.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->digest, image.digest);
  EXPECT_EQ(result->media_type, oci::kOciManifest);
  EXPECT_FALSE(result->unchanged);
  EXPECT_FALSE(result->digests_changed);
  EXPECT_EQ(result->blobs_copied, 4u);
  EXPECT_EQ(result->manifests_copied, 1u);
  EXPECT_THAT(result->tags_written, ElementsAre("2.0"));
  EXPECT_EQ(DigestAt(to, "2.0"), image.digest);
  const std::vector<std::string> log = to.TakeLog();
  EXPECT_EQ(log.back(), "finish");
  EXPECT_EQ(log[log.size() - 2], "PUT manifest 2.0");
  EXPECT_EQ(from.Count("GET manifest"), 1);
}

TEST(Copier, ANoOpIsOneHeadPerTagAndSide) {
  Place from, to;
  std::vector<std::string> layers;
  for (int i = 0; i < 100; ++i) layers.push_back(absl::StrCat("layer ", i));
  AddImage(from, "1.0", layers);
  Copier copier;
  const CopyOptions options{.extra_tags = {"1", "latest"}};
  ASSERT_OK(copier.Copy(from, "1.0", to, "1.0", options));
  from.TakeLog();
  to.TakeLog();
  const auto again = copier.Copy(from, "1.0", to, "1.0", options);
  ASSERT_OK(again);
  EXPECT_TRUE(again->unchanged);
  EXPECT_THAT(from.TakeLog(), ElementsAre("HEAD manifest 1.0"));
  EXPECT_THAT(to.TakeLog(), ElementsAre("HEAD manifest 1", "HEAD manifest latest",
                                        "HEAD manifest 1.0", "finish"));
}

TEST(Copier, ANewTagOfAKnownImageAsksForNoBlob) {
  Place from, to;
  AddImage(from, "1.0", {"one"});
  Copier copier;
  ASSERT_OK(copier.Copy(from, "1.0", to, "1.0"));
  to.TakeLog();
  const auto again = copier.Copy(from, "1.0", to, "latest");
  ASSERT_OK(again);
  EXPECT_FALSE(again->unchanged);
  EXPECT_EQ(to.Count("HEAD blob"), 0);
  EXPECT_EQ(to.Count("PUT manifest latest"), 1);
}

TEST(Copier, WhatIsThereIsNotSent) {
  Place from, to;
  AddImage(from, "1.0", {"old", "new"});
  to.Add("old", oci::kOciLayer);
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->blobs_there, 1u);
  EXPECT_EQ(result->blobs_copied, 2u);
  EXPECT_EQ(to.Count("PUT blob"), 2);
}

TEST(Copier, OneRegistryMountsAndDoesNotAskToo) {
  Place from("reg:5000/shop/a"), to("reg:5000/shop/b");
  to.set_neighbours({{"shop/a", &from}});
  AddImage(from, "1.0", {"one", "two"});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->blobs_mounted, 3u);
  EXPECT_EQ(to.Count("mount blob"), 3);
  EXPECT_EQ(to.Count("HEAD blob"), 0);
  EXPECT_EQ(to.Count("PUT blob"), 0);
  EXPECT_EQ(from.Count("GET blob"), 0);
}

TEST(Copier, ARefusedMountIsSent) {
  Place from("reg:5000/shop/a"), to("reg:5000/shop/b");
  AddImage(from, "1.0", {"one"});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->blobs_copied, 2u);
}

TEST(Copier, LaterCopiesMountWhatEarlierOnesSentElsewhere) {
  Place from("far/shop/a"), first("reg:5000/one"), second("reg:5000/two");
  AddImage(from, "1.0", {"layer"});
  second.set_neighbours({{"one", &first}});
  Copier copier;
  ASSERT_OK(copier.Copy(from, "1.0", first, "1.0"));
  ASSERT_OK(copier.Copy(from, "1.0", second, "1.0"));
  EXPECT_EQ(second.Count("mount blob"), 2);
}

TEST(Copier, WithinOneRepositoryOnlyTheManifestMoves) {
  Place place("reg:5000/shop/a");
  const oci::Descriptor image = AddImage(place, "1.0", {"one"});
  Copier copier;
  ASSERT_OK(copier.Copy(place, "1.0", place, "2.0"));
  EXPECT_EQ(DigestAt(place, "2.0"), image.digest);
  EXPECT_EQ(place.Count("HEAD blob") + place.Count("mount") + place.Count("PUT blob"), 0);
}

TEST(Copier, ALayerSharedByPlatformsGoesOnce) {
  Place from, to;
  AddIndex(from, "1.0",
           {AddImage(from, "", {"base", "amd64"}), AddImage(from, "", {"base", "arm64"}, "arm64"),
            AddImage(from, "", {"base", "arm"}, "arm")});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->blobs_copied, 7u);
  EXPECT_EQ(result->manifests_copied, 4u);
  EXPECT_EQ(to.Count("PUT blob " + oci::Digest::Of("base").ToString()), 1);
  EXPECT_EQ(to.Count("HEAD blob " + oci::Digest::Of("base").ToString()), 1);
}

// Defect of a predecessor: nested indexes could not be copied.
TEST(Copier, NestedIndexesGoFromTheInsideOut) {
  Place from, to;
  const oci::Descriptor leaf = AddImage(from, "", {"deep"});
  const oci::Descriptor inner = AddIndex(from, "", {leaf});
  const oci::Descriptor outer = AddIndex(from, "1.0", {inner, AddImage(from, "", {"x"}, "arm64")});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->digest, outer.digest);
  const std::vector<std::string> log = to.TakeLog();
  EXPECT_LT(At(log, "PUT manifest " + leaf.digest.ToString()),
            At(log, "PUT manifest " + inner.digest.ToString()));
  EXPECT_LT(At(log, "PUT manifest " + inner.digest.ToString()), At(log, "PUT manifest 1.0"));
  // Half of it known: only the rest is looked at.
  AddIndex(from, "2.0", {inner, AddImage(from, "", {"y"}, "arm")});
  from.TakeLog();
  ASSERT_OK(copier.Copy(from, "2.0", to, "2.0"));
  EXPECT_EQ(from.Count("GET manifest"), 2);
}

TEST(Copier, IndexesNestedWithoutEndAreRefused) {
  Place from, to;
  oci::Descriptor index = AddIndex(from, "", {AddImage(from, "", {"x"})});
  for (int i = 0; i < 10; ++i) index = AddIndex(from, "deep", {index});
  Copier copier;
  EXPECT_THAT(copier.Copy(from, "deep", to, "deep"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("lies below 8 others")));
  EXPECT_EQ(to.Count("PUT"), 0);
}

TEST(Copier, ChosenPlatformsMakeANewIndex) {
  Place from, to;
  const oci::Descriptor arm = AddImage(from, "", {"arm"}, "arm64");
  AddIndex(from, "1.0", {AddImage(from, "", {"amd"}), arm, AddImage(from, "", {"s"}, "s390x")});
  Copier copier;
  const CopyOptions options{.platforms = {{.os = "linux", .architecture = "arm64"},
                                          {.os = "linux", .architecture = "s390x"}}};
  const auto result = copier.Copy(from, "1.0", to, "1.0", options);
  ASSERT_OK(result);
  EXPECT_TRUE(result->digests_changed);
  EXPECT_EQ(result->blobs_copied, 4u);
  const auto raw = to.images().GetManifest("1.0");
  ASSERT_OK(raw);
  const oci::Index index = oci::Index::Parse(raw->bytes).value();
  ASSERT_EQ(index.manifests().size(), 2u);
  EXPECT_EQ(index.manifests()[0], arm);
  // Again: known after reading the source's index alone.
  from.TakeLog();
  to.TakeLog();
  const auto again = copier.Copy(from, "1.0", to, "1.0", options);
  ASSERT_OK(again);
  EXPECT_TRUE(again->unchanged);
  EXPECT_THAT(from.TakeLog(), ElementsAre("GET manifest 1.0"));
  EXPECT_THAT(to.TakeLog(), ElementsAre("HEAD manifest 1.0", "finish"));
}

TEST(Copier, OnePlatformIsAPlainManifest) {
  Place from, to;
  const oci::Descriptor arm = AddImage(from, "", {"arm"}, "arm64");
  const oci::Descriptor nested = AddIndex(from, "", {arm});
  AddIndex(from, "1.0", {AddImage(from, "", {"amd"}), nested});
  Copier copier;
  const CopyOptions options{.all_platforms = false,
                            .platforms = {{.os = "linux", .architecture = "arm64"}}};
  const auto result = copier.Copy(from, "1.0", to, "1.0", options);
  ASSERT_OK(result);
  EXPECT_EQ(result->digest, arm.digest);
  EXPECT_FALSE(result->digests_changed);
  EXPECT_EQ(DigestAt(to, "1.0"), arm.digest);
  EXPECT_THAT(copier.Copy(from, "1.0", to, "1.0",
                          {.all_platforms = false,
                           .platforms = {{.os = "windows", .architecture = "amd64"}}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("linux/amd64")));
}

TEST(Copier, AnImageForAnotherPlatformIsNotFound) {
  Place from, to;
  AddImage(from, "1.0", {"arm"}, "arm64");
  Copier copier;
  EXPECT_THAT(copier.Copy(from, "1.0", to, "1.0",
                          {.platforms = {{.os = "linux", .architecture = "amd64"}}}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("linux/arm64 only")));
}

TEST(Copier, IndexOnlyLeavesItsManifestsWhereTheyAre) {
  Place from, to;
  const oci::Descriptor index = AddIndex(from, "1.0", {AddImage(from, "", {"amd"})});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0", {.index_only = true});
  ASSERT_OK(result);
  EXPECT_EQ(result->digest, index.digest);
  EXPECT_EQ(to.Count("PUT"), 1);
  // The tag is right, but what it names is not there: a recheck brings it.
  ASSERT_OK(copier.Copy(from, "1.0", to, "1.0", {.recheck = true}));
  EXPECT_EQ(to.Count("PUT blob"), 2);
}

// An artifact attached to `subject`.
oci::Descriptor AddArtifact(Place& place, const oci::Descriptor& subject, const std::string& type) {
  return AddImage(place, "", {type + " content"}, "amd64",
                  {{"subject",
                    {{"mediaType", subject.media_type},
                     {"digest", subject.digest.ToString()},
                     {"size", subject.size}}},
                   {"artifactType", type}});
}

TEST(Copier, AttachedArtifactsComeWithTheOption) {
  Place from, to;
  const oci::Descriptor image = AddImage(from, "1.0", {"x"});
  const oci::Descriptor sbom = AddArtifact(from, image, "application/sbom");
  const oci::Descriptor signature = AddArtifact(from, sbom, "application/signature");
  const oci::Descriptor other = AddArtifact(from, image, "application/other");
  Copier copier;
  ASSERT_OK(copier.Copy(from, "1.0", to, "1.0"));
  EXPECT_EQ(to.Count("PUT manifest"), 1);
  const auto result = copier.Copy(
      from, "1.0", to, "1.0",
      {.referrers = true, .artifact_types = {"application/sbom", "application/signature"}});
  ASSERT_OK(result);
  EXPECT_EQ(result->manifests_copied, 2u);
  EXPECT_EQ(DigestAt(to, sbom.digest.ToString()), sbom.digest);
  EXPECT_EQ(DigestAt(to, signature.digest.ToString()), signature.digest);
  EXPECT_EQ(to.Count("PUT manifest " + other.digest.ToString()), 0);
  EXPECT_THAT(
      copier.Copy(from, "1.0", to, "1.0", {.referrers = true, .format = oci::ImageFormat::kDocker}),
      StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Copier, ATagAppearsAfterAllThatIsAttached) {
  Place from, to;
  const oci::Descriptor image = AddImage(from, "1.0", {"x"});
  const oci::Descriptor sbom = AddArtifact(from, image, "application/sbom");
  Copier copier;
  ASSERT_OK(copier.Copy(from, "1.0", to, "1.0", {.referrers = true}));
  const std::vector<std::string> log = to.TakeLog();
  EXPECT_LT(At(log, "PUT manifest " + sbom.digest.ToString()), At(log, "PUT manifest 1.0"));
}

// Defect of a predecessor: the format was accepted and ignored.
TEST(Copier, ConvertsBetweenFormats) {
  Place from, to;
  AddIndex(from, "1.0", {AddImage(from, "", {"a"}), AddImage(from, "", {"b"}, "arm64")});
  Copier copier;
  const CopyOptions options{.format = oci::ImageFormat::kDocker};
  const auto result = copier.Copy(from, "1.0", to, "1.0", options);
  ASSERT_OK(result);
  EXPECT_TRUE(result->digests_changed);
  EXPECT_EQ(result->media_type, oci::kDockerManifestList);
  const oci::Index index = oci::Index::Parse(to.images().GetManifest("1.0")->bytes).value();
  for (const oci::Descriptor& child : index.manifests()) {
    EXPECT_EQ(child.media_type, oci::kDockerManifest);
    const auto raw = to.images().GetManifest(child.digest.ToString());
    ASSERT_OK(raw);
    const oci::Manifest manifest = oci::Manifest::Parse(raw->bytes).value();
    EXPECT_EQ(manifest.config().media_type, oci::kDockerConfig);
    EXPECT_EQ(manifest.layers()[0].media_type, oci::kDockerLayer);
  }
  to.TakeLog();
  const auto again = copier.Copy(from, "1.0", to, "1.0", options);
  ASSERT_OK(again);
  EXPECT_TRUE(again->unchanged);
  EXPECT_EQ(to.Count("HEAD blob"), 0);
  EXPECT_THAT(copier.Copy(from, "1.0", to, "2.0",
                          {.format = oci::ImageFormat::kDocker, .preserve_digests = true}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("preserved")));
  EXPECT_EQ(to.Count("PUT"), 0);
}

TEST(Copier, RecompressesLayersAndChecksTheirTars) {
  Place from, to;
  const std::string layer(300'000, 'x');
  AddImage(from, "1.0", {layer});
  Copier copier;
  for (const char* text : {"gzip", "zstd"}) {
    const auto result =
        copier.Copy(from, "1.0", to, text, {.compression = oci::Compression::Parse(text).value()});
    ASSERT_OK(result);
    EXPECT_TRUE(result->digests_changed);
    const oci::Manifest manifest =
        oci::Manifest::Parse(to.images().GetManifest(text)->bytes).value();
    EXPECT_EQ(manifest.layers()[0].media_type, absl::StrCat(oci::kOciLayer, "+", text));
    EXPECT_LT(manifest.layers()[0].size, 3'000u);
    auto tar = oci::OpenDecompressed(to.images().OpenBlob(manifest.layers()[0]).value());
    ASSERT_OK(tar);
    EXPECT_EQ(base::ReadAll(*tar->source, 1 << 20).value(), layer);
  }
  // And back: the same image as at first.
  Place back;
  const auto undone = copier.Copy(to, "gzip", back, "1.0",
                                  {.compression = oci::Compression::Parse("none").value()});
  ASSERT_OK(undone);
  EXPECT_EQ(
      oci::Manifest::Parse(back.images().GetManifest("1.0")->bytes).value().layers()[0].digest,
      oci::Digest::Of(layer));
  EXPECT_THAT(copier.Copy(from, "1.0", to, "x",
                          {.format = oci::ImageFormat::kDocker,
                           .compression = oci::Compression::Parse("zstd").value()}),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(Copier, ForeignLayersStayWhereTheyAre) {
  Place from, to;
  const oci::Descriptor foreign{
      .media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
      .digest = oci::Digest::Of("windows"),
      .size = 7,
      .urls = {"https://example.com/windows"}};
  AddImage(from, "1.0", {}, "amd64", {{"layers", {foreign.ToJson()}}});
  Copier copier;
  const auto result = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->blobs_copied, 1u);
  from.Add("windows", foreign.media_type);
  ASSERT_OK(copier.Copy(from, "1.0", to, "1.0", {.foreign_layers = true, .recheck = true}));
  EXPECT_EQ(to.Count("PUT blob " + foreign.digest.ToString()), 1);
}

TEST(Copier, NoClobberKeepsTags) {
  Place from, to;
  AddImage(from, "1.0", {"new"});
  const oci::Descriptor old = AddImage(to, "1.0", {"old"});
  Copier copier;
  const auto result =
      copier.Copy(from, "1.0", to, "1.0", {.no_clobber = true, .extra_tags = {"free"}});
  ASSERT_OK(result);
  EXPECT_THAT(result->tags_kept, ElementsAre("1.0"));
  EXPECT_THAT(result->tags_written, ElementsAre("free"));
  EXPECT_EQ(DigestAt(to, "1.0"), old.digest);
  to.TakeLog();
  const auto again =
      copier.Copy(from, "1.0", to, "1.0", {.no_clobber = true, .extra_tags = {"free"}});
  ASSERT_OK(again);
  EXPECT_TRUE(again->unchanged);
  EXPECT_EQ(again->digest, old.digest);
  EXPECT_EQ(to.Count("PUT"), 0);
}

TEST(Copier, ADryRunWritesNothing) {
  Place from, to;
  const oci::Descriptor image = AddImage(from, "1.0", {"a", "b"});
  to.Add("a", oci::kOciLayer);
  Copier copier;
  std::vector<CopyEvent::Kind> events;
  const auto result = copier.Copy(
      from, "1.0", to, "1.0",
      {.dry_run = true, .on_event = [&](const CopyEvent& event) { events.push_back(event.kind); }});
  ASSERT_OK(result);
  EXPECT_EQ(result->digest, image.digest);
  EXPECT_EQ(result->blobs_there, 1u);
  EXPECT_EQ(result->blobs_copied, 2u);
  EXPECT_THAT(result->tags_written, ElementsAre("1.0"));
  EXPECT_THAT(to.TakeLog(), AllOf(Not(Contains(HasSubstr("PUT"))), Not(Contains("finish"))));
  EXPECT_EQ(events.back(), CopyEvent::Kind::kTag);
}

TEST(Copier, AFailureLeavesTheOldTagAndTheNextRunGoesOn) {
  Place from, to;
  const oci::Descriptor old = AddImage(to, "1.0", {"old"});
  const oci::Descriptor image = AddImage(from, "1.0", {"a", "b", "c", "d", "e"});
  const std::string bad = oci::Digest::Of("e").ToString();
  from.set_hook([&](const std::string& line) {
    return line == "GET blob " + bad ? absl::UnavailableError("pulled the plug") : absl::OkStatus();
  });
  Copier copier;
  EXPECT_THAT(copier.Copy(from, "1.0", to, "1.0", {.parallel_blobs = 1}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr(bad)));
  EXPECT_EQ(DigestAt(to, "1.0"), old.digest);
  EXPECT_EQ(to.Count("PUT manifest"), 0);
  EXPECT_EQ(to.Count("finish"), 0);
  from.set_hook(nullptr);
  const auto again = copier.Copy(from, "1.0", to, "1.0");
  ASSERT_OK(again);
  EXPECT_EQ(again->blobs_copied, 1u);
  EXPECT_EQ(again->blobs_there, 5u);
  EXPECT_EQ(DigestAt(to, "1.0"), image.digest);
}

TEST(Copier, StopsWhenAsked) {
  Place from, to;
  AddImage(from, "1.0", {"a", "b", "c"});
  std::stop_source stop;
  to.set_hook([&](const std::string& line) {
    if (absl::StartsWith(line, "PUT blob")) stop.request_stop();
    return absl::OkStatus();
  });
  Copier copier;
  EXPECT_THAT(copier.Copy(from, "1.0", to, "1.0", {.parallel_blobs = 1}, stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(to.Count("PUT blob"), 1);
  EXPECT_EQ(to.Count("PUT manifest"), 0);
}

TEST(Copier, CopiesAtTheSameTimeSendABlobOnce) {
  Place from("far/shop/a"), to("reg:5000/shop/b");
  AddImage(from, "1", {"shared", "one"});
  AddImage(from, "2", {"shared", "two"});
  Copier copier;
  {
    std::vector<std::jthread> threads;
    for (const char* tag : {"1", "2"}) {
      threads.emplace_back([&, tag] { EXPECT_OK(copier.Copy(from, tag, to, tag)); });
    }
  }
  EXPECT_EQ(to.Count("PUT blob " + oci::Digest::Of("shared").ToString()), 1);
}

TEST(Copier, WrongSizesAreDamage) {
  Place from, to;
  oci::Descriptor image = AddImage(from, "", {"a"});
  image.size += 1;
  AddIndex(from, "1.0", {image});
  Copier copier;
  EXPECT_THAT(copier.Copy(from, "1.0", to, "1.0"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("but what names it says")));
}

TEST(Copier, ByDigestOnly) {
  Place from, to;
  const oci::Descriptor image = AddImage(from, "1.0", {"a"});
  Copier copier;
  ASSERT_OK(copier.Copy(from, image.digest.ToString(), to, ""));
  EXPECT_EQ(to.Count("PUT manifest " + image.digest.ToString()), 1);
  const auto again = copier.Copy(from, image.digest.ToString(), to, "");
  ASSERT_OK(again);
  EXPECT_TRUE(again->unchanged);
}

TEST(Copier, WhatIsNotThereIsNotFound) {
  Place from, to;
  Copier copier;
  EXPECT_THAT(copier.Copy(from, "1.0", to, "1.0"), StatusIs(absl::StatusCode::kNotFound));
}

TEST(Copier, ProgressAddsUp) {
  Place from, to;
  const std::string big(1'000'000, 'b');
  AddImage(from, "1.0", {big});
  uint64_t found = 0, copied = 0, last = 0;
  Copier copier;
  const auto result = copier.Copy(
      from, "1.0", to, "1.0", {.on_event = [&](const CopyEvent& event) {
        if (event.kind == CopyEvent::Kind::kFound) {
          found += event.content.size;
        } else if (event.kind == CopyEvent::Kind::kCopied) {
          copied += event.content.size;
        } else if (event.kind == CopyEvent::Kind::kBytes && event.content.size == big.size()) {
          EXPECT_GT(event.bytes, last);
          last = event.bytes;
        }
      }});
  ASSERT_OK(result);
  EXPECT_EQ(last, big.size());
  EXPECT_EQ(found, copied);
  EXPECT_EQ(result->bytes_copied, copied);
}

}  // namespace
}  // namespace stevedore::transfer
