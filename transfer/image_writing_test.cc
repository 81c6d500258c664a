#include "transfer/image_writing.h"

#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "oci/image/artifact.h"
#include "oci/image/image_editor.h"
#include "oci/image/index.h"
#include "oci/image/index_editor.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "transfer/memory_images.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

// A repository that writes down what it is asked, "registry/repository" or a folder. Thread-safe.
class FakeRepository final : public ImageSource, public ImageSink {
 public:
  explicit FakeRepository(std::string mount_name, bool allow_mounts = true)
      : mount_name_(std::move(mount_name)), allow_mounts_(allow_mounts) {}

  absl::StatusOr<RawManifest> GetManifest(const std::string&, std::stop_token) override {
    return absl::NotFoundError("no manifest");
  }
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(const std::string&,
                                                              std::stop_token) override {
    return std::optional<oci::Descriptor>();
  }
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                             std::stop_token) override {
    Log("open", blob.digest);
    base::MutexLock lock(&mu_);
    const auto it = blobs_.find(blob.digest);
    if (it == blobs_.end()) return absl::NotFoundError("no blob");
    return std::make_unique<base::StringSource>(it->second);
  }
  absl::StatusOr<bool> HasBlob(const oci::Digest& digest, std::stop_token) override {
    Log("has", digest);
    base::MutexLock lock(&mu_);
    return blobs_.count(digest) != 0;
  }
  absl::Status PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                       std::stop_token) override {
    Log("put", blob.digest);
    absl::StatusOr<std::unique_ptr<base::ByteSource>> source = opener();
    if (!source.ok()) return source.status();
    absl::StatusOr<std::string> bytes = base::ReadAll(**source, 1 << 20);
    if (!bytes.ok()) return bytes.status();
    Add(*bytes);
    return absl::OkStatus();
  }
  absl::StatusOr<bool> MountBlob(const oci::Digest& digest, const std::string& from,
                                 std::stop_token) override {
    Log(absl::StrCat("mount ", from), digest);
    return allow_mounts_;
  }
  absl::StatusOr<std::unique_ptr<BlobUpload>> StartBlob(std::stop_token) override {
    return absl::InternalError("not asked for");
  }
  absl::Status AdoptBlobFile(const oci::Descriptor&, const std::string&, std::stop_token) override {
    return absl::InternalError("not asked for");
  }
  absl::StatusOr<oci::Digest> PutManifest(const std::string& name, absl::string_view bytes,
                                          const std::string&, std::stop_token) override {
    base::MutexLock lock(&mu_);
    manifests_.push_back(name);
    return oci::Digest::Of(bytes);
  }
  ImageSource* Readable() override { return this; }
  std::string MountName() const override { return mount_name_; }
  std::string Describe() const override { return mount_name_.empty() ? "folder" : mount_name_; }

  oci::Descriptor Add(const std::string& bytes) {
    base::MutexLock lock(&mu_);
    blobs_[oci::Digest::Of(bytes)] = bytes;
    return {.media_type = oci::kOciLayer, .digest = oci::Digest::Of(bytes), .size = bytes.size()};
  }
  // "put layer-a": what was asked about known contents, in order.
  std::vector<std::string> log() const {
    base::MutexLock lock(&mu_);
    return log_;
  }
  std::vector<std::string> manifests() const {
    base::MutexLock lock(&mu_);
    return manifests_;
  }

 private:
  void Log(const std::string& verb, const oci::Digest& digest) {
    for (const char* name : {"a", "b", "c"}) {
      if (oci::Digest::Of(name) != digest) continue;
      base::MutexLock lock(&mu_);
      log_.push_back(absl::StrCat(verb, " ", name));
    }
  }

  const std::string mount_name_;
  const bool allow_mounts_;
  mutable base::Mutex mu_;
  std::map<oci::Digest, std::string> blobs_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> log_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> manifests_ ABSL_GUARDED_BY(mu_);
};

oci::Descriptor Blob(const std::string& bytes) {
  return {.media_type = oci::kOciLayer, .digest = oci::Digest::Of(bytes), .size = bytes.size()};
}

NewBlob Made(const std::string& bytes) {
  return {.blob = Blob(bytes),
          .opener = [bytes]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
            return std::make_unique<base::StringSource>(bytes);
          }};
}

// An image of layers with these contents.
oci::Image ImageOf(const std::vector<std::string>& layers) {
  oci::ImageEditor editor(*oci::Platform::Parse("linux/amd64"));
  for (const std::string& layer : layers) {
    EXPECT_OK(editor.AppendLayer({.diff_id = oci::Digest::Of(layer), .descriptor = Blob(layer)}));
  }
  return *editor.Finish();
}

TEST(WriteImageTest, SendsNewLayersAndPublishesLast) {
  FakeRepository sink("r/app");
  const oci::Image image = ImageOf({"a", "b"});
  ASSERT_OK_AND_ASSIGN(
      const ImageWritten written,
      WriteImage(sink, "1.0", image, {.new_blobs = {Made("a"), Made("b")}, .parallel_blobs = 1}));
  EXPECT_EQ(written.digest, image.manifest.digest());
  EXPECT_EQ(written.blobs_copied, 2u);
  EXPECT_EQ(written.bytes_copied, 2u);
  EXPECT_THAT(sink.log(), ElementsAre("has a", "put a", "has b", "put b"));
  EXPECT_THAT(sink.manifests(), ElementsAre("1.0"));
  EXPECT_TRUE(*sink.HasBlob(image.config.digest(), {}));
}

TEST(WriteImageTest, LayersOfTheOwnRepositoryAreNotEvenAskedFor) {
  FakeRepository sink("r/app");
  FakeRepository base("r/base");
  ASSERT_OK_AND_ASSIGN(
      const ImageWritten written,
      WriteImage(sink, "", ImageOf({"a"}),
                 {.places = {{&base, {Blob("a")}}, {&sink, {Blob("a")}}}, .parallel_blobs = 1}));
  EXPECT_EQ(written.blobs_there, 1u);
  EXPECT_THAT(sink.log(), IsEmpty());
  EXPECT_THAT(base.log(), IsEmpty());
  EXPECT_THAT(sink.manifests(), ElementsAre(HasSubstr("sha256:")));
}

TEST(WriteImageTest, LayersOfTheSameRegistryAreMountedNeverDownloaded) {
  FakeRepository sink("r/app");
  FakeRepository far("elsewhere/base");
  FakeRepository near("r/shop/base");
  ASSERT_OK_AND_ASSIGN(const ImageWritten written,
                       WriteImage(sink, "1", ImageOf({"a"}),
                                  {.places = {{&far, {Blob("a")}}, {&near, {Blob("a")}}}}));
  EXPECT_EQ(written.blobs_mounted, 1u);
  EXPECT_THAT(sink.log(), ElementsAre("mount shop/base a"));
  EXPECT_THAT(far.log(), IsEmpty());
  EXPECT_THAT(near.log(), IsEmpty());
}

TEST(WriteImageTest, ARegistryThatDoesNotMountGetsACopy) {
  FakeRepository sink("r/app", /*allow_mounts=*/false);
  FakeRepository base("r/base");
  base.Add("a");
  ASSERT_OK_AND_ASSIGN(const ImageWritten written,
                       WriteImage(sink, "1", ImageOf({"a"}), {.places = {{&base, {Blob("a")}}}}));
  EXPECT_EQ(written.blobs_copied, 1u);
  EXPECT_THAT(sink.log(), ElementsAre("mount base a", "has a", "put a"));
  EXPECT_THAT(base.log(), ElementsAre("open a"));
}

TEST(WriteImageTest, OtherPlacesAreCopiedFromUnlessTheLayerIsThere) {
  FakeRepository sink("");
  FakeRepository base("r/base");
  base.Add("a");
  base.Add("b");
  sink.Add("b");
  ASSERT_OK_AND_ASSIGN(
      const ImageWritten written,
      WriteImage(sink, "1", ImageOf({"a", "b"}), {.places = {{&base, {Blob("a"), Blob("b")}}}}));
  EXPECT_EQ(written.blobs_copied, 1u);
  EXPECT_EQ(written.blobs_there, 1u);
  EXPECT_THAT(sink.log(), UnorderedElementsAre("has a", "put a", "has b"));
  EXPECT_THAT(base.log(), ElementsAre("open a"));
}

TEST(WriteImageTest, TheSameLayerTwiceIsSentOnce) {
  FakeRepository sink("r/app");
  ASSERT_OK_AND_ASSIGN(const ImageWritten written,
                       WriteImage(sink, "1", ImageOf({"a", "a"}), {.new_blobs = {Made("a")}}));
  EXPECT_EQ(written.blobs_copied, 1u);
}

TEST(WriteImageTest, WithoutALayerNothingIsPublished) {
  FakeRepository sink("r/app");
  EXPECT_THAT(WriteImage(sink, "1", ImageOf({"a", "b"}), {.new_blobs = {Made("b")}}),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr(oci::Digest::Of("a").Short()), HasSubstr("r/app"))));
  EXPECT_THAT(sink.manifests(), IsEmpty());
}

TEST(WriteImageTest, CancelledBeforeItBegan) {
  FakeRepository sink("r/app");
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(WriteImage(sink, "1", ImageOf({"a"}), {.new_blobs = {Made("a")}}, stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(sink.log(), IsEmpty());
}

TEST(CopyDocumentTest, TakesNestedIndexesAndArtifactsAlong) {
  MemoryImages from;
  const oci::Image image = ImageOf({"a"});
  from.AddBlob("a");
  from.AddBlob(image.config.bytes());
  from.AddBlob("{}");
  const auto put = [&from](const std::string& bytes, const std::string& type) {
    EXPECT_OK(from.PutManifest(oci::Digest::Of(bytes).ToString(), bytes, type));
  };
  put(image.manifest.bytes(), image.manifest.media_type());
  const oci::Manifest artifact = *oci::MakeArtifact({.artifact_type = "x/y"});
  put(artifact.bytes(), artifact.media_type());
  const oci::Index inner = *oci::Index::Create({oci::IndexEntry(image), artifact.ToDescriptor()});
  put(inner.bytes(), inner.media_type());
  const oci::Index outer = *oci::Index::Create({inner.ToDescriptor()});
  MemoryImages to;
  ASSERT_OK_AND_ASSIGN(const ImageWritten written, CopyDocument(to, "all", from,
                                                                {.bytes = outer.bytes(),
                                                                 .media_type = outer.media_type(),
                                                                 .digest = outer.digest()}));
  EXPECT_EQ(written.digest, outer.digest());
  EXPECT_EQ(written.blobs_copied, 3u);  // Layer, config, and the empty blob, which is one.
  EXPECT_EQ(to.GetManifest("all")->bytes, outer.bytes());
  EXPECT_EQ(to.GetManifest(image.manifest.digest().ToString())->bytes, image.manifest.bytes());
  EXPECT_TRUE(*to.HasBlob(oci::Digest::Of("{}")));
}

TEST(CopyDocumentTest, RefusesIndexesWithoutEnd) {
  MemoryImages from;
  oci::Index index = *oci::Index::Create({});
  for (int i = 0; i < 20; ++i) {
    EXPECT_OK(from.PutManifest(index.digest().ToString(), index.bytes(), index.media_type()));
    index = *oci::Index::Create({index.ToDescriptor()});
  }
  MemoryImages to;
  EXPECT_THAT(
      CopyDocument(
          to, "all", from,
          {.bytes = index.bytes(), .media_type = index.media_type(), .digest = index.digest()}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nested")));
}

}  // namespace
}  // namespace stevedore::transfer
