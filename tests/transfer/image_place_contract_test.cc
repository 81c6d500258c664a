// One contract for all places of images that can be read while they are written. Archives and
// engines are in endpoint_contract_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/testing/status_matchers.h"
#include "credentials/credential_store.h"
#include "http/client.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"
#include "oci/layout/layout.h"
#include "tests/harness/registry.h"
#include "transfer/directory_images.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"
#include "transfer/layout_images.h"
#include "transfer/layout_repository.h"
#include "transfer/memory_images.h"
#include "transfer/registry_client.h"
#include "transfer/registry_repository.h"
#include "transfer/static_images.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

// A place with two repositories, "shop/web" and "shop/base".
class Place {
 public:
  virtual ~Place() = default;
  virtual ImageSource& source() = 0;
  virtual ImageSink& sink() = 0;
  virtual ImageSink& base_sink() = 0;
};

class RegistryPlace final : public Place {
 public:
  RegistryPlace()
      : registry_(*stevedore::testing::Registry::Start()),
        client_(&http_, &nobody_),
        web_(&client_, *oci::Reference::Parse(registry_->host() + "/shop/web")),
        base_(&client_, *oci::Reference::Parse(registry_->host() + "/shop/base")) {}
  ImageSource& source() override { return web_; }
  ImageSink& sink() override { return web_; }
  ImageSink& base_sink() override { return base_; }

 private:
  const std::unique_ptr<stevedore::testing::Registry> registry_;
  http::Client http_;
  credentials::MemoryCredentialStore nobody_;
  RegistryClient client_;
  RegistryRepository web_, base_;
};

class LayoutPlace final : public Place {
 public:
  LayoutPlace()
      : directory_(*base::TemporaryDirectory::Create()),
        layout_(*oci::Layout::OpenOrCreate(directory_.path() + "/images")),
        web_(&layout_, *oci::Reference::Parse("localhost:5000/shop/web")),
        base_(&layout_, *oci::Reference::Parse("localhost:5000/shop/base")) {}
  ImageSource& source() override { return web_; }
  ImageSink& sink() override { return web_; }
  ImageSink& base_sink() override { return base_; }

 private:
  const base::TemporaryDirectory directory_;
  const oci::Layout layout_;
  LayoutRepository web_, base_;
};

// The layout as an endpoint: under plain names.
class LayoutImagesPlace final : public Place {
 public:
  LayoutImagesPlace()
      : directory_(*base::TemporaryDirectory::Create()),
        web_(*oci::Layout::OpenOrCreate(directory_.path() + "/shop/web")),
        base_(web_.layout()) {}
  ImageSource& source() override { return web_; }
  ImageSink& sink() override { return web_; }
  ImageSink& base_sink() override { return base_; }

 private:
  const base::TemporaryDirectory directory_;
  LayoutImages web_, base_;
};

class DirectoryPlace final : public Place {
 public:
  DirectoryPlace()
      : directory_(*base::TemporaryDirectory::Create()),
        web_(*DirectoryImages::OpenOrCreate(directory_.path() + "/shop/web")),
        base_(*DirectoryImages::OpenOrCreate(directory_.path() + "/shop/web")) {}
  ImageSource& source() override { return *web_; }
  ImageSink& sink() override { return *web_; }
  ImageSink& base_sink() override { return *base_; }

 private:
  const base::TemporaryDirectory directory_;
  const std::unique_ptr<DirectoryImages> web_, base_;
};

class StaticPlace final : public Place {
 public:
  StaticPlace()
      : directory_(*base::TemporaryDirectory::Create()),
        web_(*StaticImages::OpenOrCreate(directory_.path(), "shop/web")),
        base_(*StaticImages::OpenOrCreate(directory_.path(), "shop/base")) {}
  ImageSource& source() override { return *web_; }
  ImageSink& sink() override { return *web_; }
  ImageSink& base_sink() override { return *base_; }

 private:
  const base::TemporaryDirectory directory_;
  const std::unique_ptr<StaticImages> web_, base_;
};

class MemoryPlace final : public Place {
 public:
  ImageSource& source() override { return images_; }
  ImageSink& sink() override { return images_; }
  ImageSink& base_sink() override { return images_; }

 private:
  MemoryImages images_{"memory (shop/web)"};
};

std::unique_ptr<Place> MakePlace(const std::string& kind) {
  if (kind == "Registry") return std::make_unique<RegistryPlace>();
  if (kind == "Layout") return std::make_unique<LayoutPlace>();
  if (kind == "LayoutImages") return std::make_unique<LayoutImagesPlace>();
  if (kind == "Directory") return std::make_unique<DirectoryPlace>();
  if (kind == "Static") return std::make_unique<StaticPlace>();
  return std::make_unique<MemoryPlace>();
}

oci::Descriptor Describe(const std::string& bytes) {
  return {.media_type = oci::kOciLayer, .digest = oci::Digest::Of(bytes), .size = bytes.size()};
}

BlobOpener Opener(const std::string& bytes) {
  return [bytes]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    return std::make_unique<base::StringSource>(bytes);
  };
}

class ImagePlaceTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override { place_ = MakePlace(GetParam()); }

  std::string Read(const oci::Descriptor& blob) {
    const auto source = place_->source().OpenBlob(blob);
    if (!source.ok()) return source.status().ToString();
    return base::ReadAll(**source, 10 << 20).value_or("?");
  }

  // Stores an empty image and returns its manifest.
  std::string PutImage(const std::string& tag_or_digest, const std::string& config) {
    EXPECT_OK(place_->sink().PutBlob(Describe(config), Opener(config)));
    const std::string manifest = absl::StrCat(
        R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest, R"(","config":{"mediaType":")",
        oci::kOciConfig, R"(","digest":")", oci::Digest::Of(config).ToString(), R"(","size":)",
        config.size(), R"(},"layers":[]})");
    EXPECT_OK(place_->sink().PutManifest(
        tag_or_digest.empty() ? oci::Digest::Of(manifest).ToString() : tag_or_digest, manifest,
        oci::kOciManifest));
    return manifest;
  }

  std::unique_ptr<Place> place_;
};

TEST_P(ImagePlaceTest, KeepsBlobs) {
  const std::string bytes(200000, 'x');
  EXPECT_THAT(place_->sink().HasBlob(oci::Digest::Of(bytes)), IsOkAndHolds(false));
  EXPECT_THAT(place_->source().OpenBlob(Describe(bytes)), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK(place_->sink().PutBlob(Describe(bytes), Opener(bytes)));
  ASSERT_OK(place_->sink().PutBlob(Describe(bytes), Opener(bytes)));
  EXPECT_THAT(place_->sink().HasBlob(oci::Digest::Of(bytes)), IsOkAndHolds(true));
  EXPECT_EQ(Read(Describe(bytes)), bytes);
}

TEST_P(ImagePlaceTest, RefusesBlobsThatAreNotTheirDigest) {
  oci::Descriptor wrong = Describe("announced");
  EXPECT_THAT(place_->sink().PutBlob(wrong, Opener("delivered")),
              StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(place_->sink().PutBlob(wrong, Opener("less")), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(place_->sink().HasBlob(wrong.digest), IsOkAndHolds(false));
}

TEST_P(ImagePlaceTest, TakesBlobsOfUnknownDigest) {
  ASSERT_OK_AND_ASSIGN(const auto upload, place_->sink().StartBlob());
  ASSERT_OK(upload->Write("one "));
  ASSERT_OK(upload->Write("two"));
  ASSERT_OK(upload->Close());
  ASSERT_OK_AND_ASSIGN(const oci::Descriptor stored, upload->Commit());
  EXPECT_EQ(stored.digest, oci::Digest::Of("one two"));
  EXPECT_EQ(stored.size, 7);
  EXPECT_EQ(Read(stored), "one two");
  ASSERT_OK_AND_ASSIGN(const auto other, place_->sink().StartBlob());
  ASSERT_OK(other->Write("three"));
  EXPECT_THAT(other->Commit(oci::Digest::Of("four")), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(place_->sink().HasBlob(oci::Digest::Of("three")), IsOkAndHolds(false));
}

TEST_P(ImagePlaceTest, AdoptsFiles) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const std::string path = directory.path() + "/file";
  ASSERT_OK(base::WriteFileAtomically(path, "from a file"));
  ASSERT_OK(place_->sink().AdoptBlobFile(Describe("from a file"), path));
  EXPECT_EQ(Read(Describe("from a file")), "from a file");
}

TEST_P(ImagePlaceTest, MountsFromTheOtherRepository) {
  EXPECT_THAT(place_->sink().MountBlob(oci::Digest::Of("shared"), "shop/base"),
              IsOkAndHolds(false));
  ASSERT_OK(place_->base_sink().PutBlob(Describe("shared"), Opener("shared")));
  EXPECT_THAT(place_->sink().MountBlob(oci::Digest::Of("shared"), "shop/base"), IsOkAndHolds(true));
  EXPECT_EQ(Read(Describe("shared")), "shared");
}

TEST_P(ImagePlaceTest, KeepsManifestsByTagAndDigest) {
  EXPECT_THAT(place_->source().HeadManifest("1.0"), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(place_->source().GetManifest("1.0"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("shop/web")));
  const std::string manifest = PutImage("1.0", "{}");
  const std::string digest = oci::Digest::Of(manifest).ToString();
  for (const std::string& name : {std::string("1.0"), digest}) {
    ASSERT_OK_AND_ASSIGN(const RawManifest got, place_->source().GetManifest(name));
    EXPECT_EQ(got.bytes, manifest);
    EXPECT_EQ(got.media_type, oci::kOciManifest);
    EXPECT_EQ(got.digest.ToString(), digest);
    ASSERT_OK_AND_ASSIGN(const auto head, place_->source().HeadManifest(name));
    ASSERT_TRUE(head.has_value());
    EXPECT_EQ(head->digest.ToString(), digest);
    EXPECT_EQ(head->size, manifest.size());
    EXPECT_EQ(head->media_type, oci::kOciManifest);
  }
}

TEST_P(ImagePlaceTest, AManifestWithoutATagIsThereByDigest) {
  const std::string manifest = PutImage("", R"({"a":1})");
  ASSERT_OK_AND_ASSIGN(const RawManifest got,
                       place_->source().GetManifest(oci::Digest::Of(manifest).ToString()));
  EXPECT_EQ(got.bytes, manifest);
  EXPECT_THAT(
      place_->sink().PutManifest(oci::Digest::Of("other").ToString(), manifest, oci::kOciManifest),
      StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(ImagePlaceTest, TagsMove) {
  PutImage("1.0", "{}");
  const std::string second = PutImage("1.0", R"({"b":2})");
  EXPECT_EQ(place_->source().GetManifest("1.0")->bytes, second);
}

TEST_P(ImagePlaceTest, RefusesWhatIsNoTagOrDigest) {
  EXPECT_THAT(place_->source().GetManifest("../x"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(place_->source().GetManifest("sha256:1"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(place_->sink().PutManifest("", "{}", oci::kOciManifest),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(ImagePlaceTest, TakesBlobsFromManyThreads) {
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([this, t] {
        for (int i = 0; i < 5; ++i) {
          const std::string bytes = absl::StrCat("blob ", t, " ", i);
          EXPECT_OK(place_->sink().PutBlob(Describe(bytes), Opener(bytes)));
          EXPECT_OK(place_->sink().PutBlob(Describe("same"), Opener("same")));
        }
      });
    }
  }
  EXPECT_EQ(Read(Describe("blob 3 4")), "blob 3 4");
  EXPECT_EQ(Read(Describe("same")), "same");
}

TEST_P(ImagePlaceTest, StoppedWorkIsCancelled) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(place_->sink().PutBlob(Describe("never"), Opener("never"), stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(place_->sink().HasBlob(oci::Digest::Of("never")), IsOkAndHolds(false));
}

TEST_P(ImagePlaceTest, SaysWhereItIs) {
  EXPECT_THAT(place_->source().Describe(), HasSubstr("shop/web"));
  EXPECT_EQ(place_->source().Describe(), place_->sink().Describe());
}

TEST_P(ImagePlaceTest, ListsTags) {
  PutImage("1.0", "{}");
  PutImage("1.1", R"({"b":2})");
  if (GetParam() == "Directory") {
    EXPECT_THAT(place_->source().ListTags(), StatusIs(absl::StatusCode::kInvalidArgument));
    return;
  }
  EXPECT_THAT(place_->source().ListTags(), IsOkAndHolds(UnorderedElementsAre("1.0", "1.1")));
}

TEST_P(ImagePlaceTest, OnlyAFinishedPlaceIsDone) { EXPECT_OK(place_->sink().Finish()); }

TEST_P(ImagePlaceTest, ASinkThatCanBeReadIsTheSameTwice) {
  const std::string manifest = PutImage("1.0", "{}");
  ImageSource* const readable = place_->sink().Readable();
  ASSERT_NE(readable, nullptr);
  EXPECT_EQ(readable->GetManifest("1.0")->bytes, manifest);
}

// Places of files; registries have tests of their own for these.
class FilePlaceTest : public ImagePlaceTest {};

TEST_P(FilePlaceTest, FindsReferrers) {
  const std::string image = PutImage("1.0", "{}");
  const std::string subject =
      absl::StrCat(R"({"mediaType":")", oci::kOciManifest, R"(","digest":")",
                   oci::Digest::Of(image).ToString(), R"(","size":)", image.size(), "}");
  const std::string sbom =
      absl::StrCat(R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest,
                   R"(","artifactType":"application/spdx+json","config":{"mediaType":")",
                   oci::kOciEmpty, R"(","digest":")", oci::Digest::Of("{}").ToString(),
                   R"(","size":2},"layers":[],"subject":)", subject, "}");
  ASSERT_OK(place_->sink().PutManifest(oci::Digest::Of(sbom).ToString(), sbom, oci::kOciManifest));
  ASSERT_OK_AND_ASSIGN(const auto found,
                       place_->source().Referrers(oci::Digest::Of(image), "application/spdx+json"));
  ASSERT_EQ(found.size(), 1);
  EXPECT_EQ(found[0].digest, oci::Digest::Of(sbom));
  EXPECT_EQ(found[0].size, sbom.size());
  EXPECT_EQ(place_->source().Referrers(oci::Digest::Of(image), "text/plain")->size(), 0);
  EXPECT_EQ(place_->source().Referrers(oci::Digest::Of(sbom), "")->size(), 0);
  // What is attached does not make the image ambiguous, and stays at the end of a copy.
  ASSERT_OK(place_->sink().Finish());
  EXPECT_EQ(place_->source().Referrers(oci::Digest::Of(image), "")->size(), 1);
}

TEST_P(FilePlaceTest, Deletes) {
  const std::string first = PutImage("1.0", "{}");
  const std::string second = PutImage("1.1", R"({"b":2})");
  if (GetParam() == "Directory") {
    EXPECT_THAT(place_->sink().DeleteManifest("1.0"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("shop/web")));
    return;
  }
  ASSERT_OK(place_->sink().DeleteManifest("1.0"));
  EXPECT_THAT(place_->sink().DeleteManifest("1.0"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(place_->source().HeadManifest("1.0"), IsOkAndHolds(std::nullopt));
  EXPECT_THAT(place_->source().ListTags(), IsOkAndHolds(ElementsAre("1.1")));
  ASSERT_OK(place_->sink().DeleteManifest(oci::Digest::Of(second).ToString()));
  EXPECT_THAT(place_->source().ListTags(), IsOkAndHolds(ElementsAre()));
  EXPECT_THAT(place_->sink().DeleteManifest("../x"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(FilePlaceTest, StoredInSha512) {
  const oci::Descriptor blob{.media_type = oci::kOciLayer,
                             .digest = oci::Digest::Of("long", base::HashAlgorithm::kSha512),
                             .size = 4};
  ASSERT_OK(place_->sink().PutBlob(blob, Opener("long")));
  EXPECT_THAT(place_->sink().HasBlob(blob.digest), IsOkAndHolds(true));
  EXPECT_EQ(Read(blob), "long");
  EXPECT_THAT(
      place_->sink().PutBlob(
          {.digest = oci::Digest::Of("a", base::HashAlgorithm::kSha512), .size = 1}, Opener("b")),
      StatusIs(absl::StatusCode::kDataLoss));
}

TEST_P(FilePlaceTest, MountNameIsOnlyForRegistries) { EXPECT_EQ(place_->source().MountName(), ""); }

const auto kParameterName = [](const auto& info) { return info.param; };
INSTANTIATE_TEST_SUITE_P(, ImagePlaceTest,
                         ::testing::Values("Registry", "Layout", "LayoutImages", "Directory",
                                           "Static", "Memory"),
                         kParameterName);
INSTANTIATE_TEST_SUITE_P(, FilePlaceTest,
                         ::testing::Values("Layout", "LayoutImages", "Directory", "Static",
                                           "Memory"),
                         kParameterName);

}  // namespace
}  // namespace stevedore::transfer
