// One contract for all endpoints: what is written through a text is read back through it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "credentials/credential_store.h"
#include "http/client.h"
#include "oci/image/digest.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "tests/harness/registry.h"
#include "transfer/endpoint.h"
#include "transfer/endpoints.h"
#include "transfer/registry_client.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;
using testing::OpenerOf;
using testing::PutTestImage;
using testing::TestImage;

// The texts of the kinds; `%` is a folder, `$` the host of a registry.
const std::map<std::string, std::string> kTexts = {
    {"Registry", "docker://$/shop/web:1.0"},
    {"Layout", "oci:%/layout:1.0"},
    {"LayoutArchive", "oci-archive:%/i.tar:1.0"},
    {"DockerArchive", "docker-archive:%/i.tar:shop/web:1.0"},
    {"Directory", "dir:%/dir"},
    {"Static", "static:%/pub:shop/web:1.0"},
};

class EndpointContractTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    if (GetParam() == "Registry") {
      ASSERT_OK_AND_ASSIGN(registry_, stevedore::testing::Registry::Start());
    }
  }

  Endpoint At(const std::string& text) const {
    return *ParseEndpoint(absl::StrReplaceAll(
        text, {{"%", directory_.path()}, {"$", registry_ == nullptr ? "x" : registry_->host()}}));
  }
  Endpoint Mine() const { return At(kTexts.at(GetParam())); }
  bool IsArchive() const { return absl::StrContains(GetParam(), "Archive"); }

  static std::string Read(ImageSource& source, const oci::Descriptor& blob) {
    const auto stream = source.OpenBlob(blob);
    if (!stream.ok()) return stream.status().ToString();
    return base::ReadAll(**stream, 10 << 20).value_or("?");
  }

  const base::TemporaryDirectory directory_ = *base::TemporaryDirectory::Create();
  std::unique_ptr<stevedore::testing::Registry> registry_;
  http::Client http_;
  credentials::MemoryCredentialStore nobody_;
  RegistryClient client_{&http_, &nobody_};
  Endpoints endpoints_{&client_, {.scratch_directory = directory_.path() + "/scratch"}};
};

TEST_P(EndpointContractTest, WhatIsWrittenIsRead) {
  const TestImage image;
  {
    ASSERT_OK_AND_ASSIGN(const OpenedSink sink, endpoints_.OpenSink(Mine()));
    ASSERT_FALSE(sink.tag_or_digest.empty());
    ASSERT_OK(PutTestImage(*sink.images, sink.tag_or_digest, image));
    if (IsArchive()) {
      EXPECT_THAT(endpoints_.OpenSource(Mine()), StatusIs(absl::StatusCode::kNotFound));
    }
    ASSERT_OK(sink.images->Finish());
  }
  ASSERT_OK_AND_ASSIGN(const OpenedSource source, endpoints_.OpenSource(Mine()));
  ASSERT_OK_AND_ASSIGN(const RawManifest manifest,
                       source.images->GetManifest(source.tag_or_digest));
  EXPECT_EQ(manifest.bytes, image.manifest);
  EXPECT_EQ(manifest.media_type, oci::kOciManifest);
  EXPECT_EQ(source.images->GetManifest(image.digest())->bytes, image.manifest);
  EXPECT_EQ(Read(*source.images, image.ConfigDescriptor()), image.config);
  EXPECT_EQ(Read(*source.images, image.LayerDescriptor()), image.layer);
  EXPECT_THAT(source.images->OpenBlob({.digest = oci::Digest::Of("no"), .size = 2}),
              StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(EndpointContractTest, WhatIsNotThereIsNotFound) {
  const absl::StatusOr<OpenedSource> source = endpoints_.OpenSource(Mine());
  const absl::Status status =
      source.ok() ? source->images->GetManifest(source->tag_or_digest).status() : source.status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(EndpointContractTest, NothingIsLeftInTheScratchFolder) {
  {
    ASSERT_OK_AND_ASSIGN(const OpenedSink sink, endpoints_.OpenSink(Mine()));
    ASSERT_OK(PutTestImage(*sink.images, sink.tag_or_digest));
  }
  const std::string scratch = directory_.path() + "/scratch";
  EXPECT_TRUE(!base::Exists(scratch) || std::filesystem::is_empty(scratch));
}

TEST_P(EndpointContractTest, IndexesStayIndexes) {
  const TestImage image;
  ASSERT_OK_AND_ASSIGN(const auto index,
                       oci::Index::Create({{.media_type = oci::kOciManifest,
                                            .digest = oci::Digest::Of(image.manifest),
                                            .size = image.manifest.size()}}));
  ASSERT_OK_AND_ASSIGN(const OpenedSink sink, endpoints_.OpenSink(Mine()));
  ASSERT_OK(PutTestImage(*sink.images, image.digest(), image));
  const auto put = sink.images->PutManifest(sink.tag_or_digest, index.bytes(), oci::kOciIndex);
  if (GetParam() == "DockerArchive") {
    EXPECT_THAT(put, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--platform")));
    return;
  }
  ASSERT_OK(put.status());
  ASSERT_OK(sink.images->Finish());
  ASSERT_OK_AND_ASSIGN(const OpenedSource source, endpoints_.OpenSource(Mine()));
  EXPECT_EQ(source.images->GetManifest(source.tag_or_digest)->bytes, index.bytes());
  EXPECT_EQ(source.images->GetManifest(image.digest())->bytes, image.manifest);
  if (GetParam() == "Registry") return;
  // Without a name it is the only image: children do not count.
  Endpoint nameless = Mine();
  nameless.tag.clear();
  ASSERT_OK_AND_ASSIGN(const OpenedSource only, endpoints_.OpenSource(nameless));
  EXPECT_EQ(only.tag_or_digest, index.digest().ToString());
}

TEST_P(EndpointContractTest, PositionsAreLookedUpAndNotWrittenTo) {
  if (GetParam() == "Registry" || GetParam() == "Directory" || GetParam() == "Static") return;
  const TestImage image;
  {
    ASSERT_OK_AND_ASSIGN(const OpenedSink sink, endpoints_.OpenSink(Mine()));
    ASSERT_OK(PutTestImage(*sink.images, sink.tag_or_digest, image));
    ASSERT_OK(sink.images->Finish());
  }
  Endpoint at = Mine();
  at.tag.clear();
  at.position = 0;
  EXPECT_EQ(endpoints_.OpenSource(at)->tag_or_digest, image.digest());
  EXPECT_THAT(endpoints_.OpenSink(at), StatusIs(absl::StatusCode::kInvalidArgument));
  at.position = 1;
  EXPECT_THAT(endpoints_.OpenSource(at), StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(EndpointContractTest, StoppedOpeningIsCancelled) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(endpoints_.OpenSource(Mine(), stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(endpoints_.OpenSink(Mine(), stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
}

INSTANTIATE_TEST_SUITE_P(, EndpointContractTest,
                         ::testing::Values("Registry", "Layout", "LayoutArchive", "DockerArchive",
                                           "Directory", "Static"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace stevedore::transfer
