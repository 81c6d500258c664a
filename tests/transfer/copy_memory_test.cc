// Copies hold no blob in memory, whatever its size.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "credentials/credential_store.h"
#include "http/client.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"
#include "oci/layer/compression.h"
#include "oci/layout/layout.h"
#include "tests/harness/registry.h"
#include "transfer/copier.h"
#include "transfer/layout_images.h"
#include "transfer/registry_client.h"
#include "transfer/registry_repository.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define STEVEDORE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define STEVEDORE_SANITIZED 1
#endif
#endif

namespace stevedore::transfer {
namespace {

using ::stevedore::testing::Registry;

// The most that this process ever held, in MiB.
int64_t PeakMemoryMib() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

// Adds an image with a layer of `layer_bytes` in a layout, written piece by piece.
void AddLargeImage(const oci::Layout& layout, int layers, uint64_t layer_bytes) {
  nlohmann::json config = {{"os", "linux"},
                           {"architecture", "amd64"},
                           {"rootfs", {{"type", "layers"}, {"diff_ids", nlohmann::json::array()}}}};
  nlohmann::json json = {
      {"schemaVersion", 2}, {"mediaType", oci::kOciManifest}, {"layers", nlohmann::json::array()}};
  for (int i = 0; i < layers; ++i) {
    ASSERT_OK_AND_ASSIGN(const std::unique_ptr<oci::BlobWriter> writer, layout.StartBlob());
    const std::string piece(1 << 20, static_cast<char>('a' + i));
    for (uint64_t done = 0; done < layer_bytes; done += piece.size()) {
      ASSERT_OK(writer->Write(piece));
    }
    ASSERT_OK_AND_ASSIGN(const oci::Digest digest, writer->Commit());
    json["layers"].push_back(
        {{"mediaType", oci::kOciLayer}, {"digest", digest.ToString()}, {"size", layer_bytes}});
    config["rootfs"]["diff_ids"].push_back(digest.ToString());
  }
  const std::string config_bytes = config.dump();
  ASSERT_OK_AND_ASSIGN(const oci::Digest digest, layout.PutBlob(config_bytes));
  json["config"] = {
      {"mediaType", oci::kOciConfig}, {"digest", digest.ToString()}, {"size", config_bytes.size()}};
  ASSERT_OK(layout.PutManifest(json.dump(), oci::kOciManifest, "1.0"));
}

TEST(CopyMemory, ManyLargeLayersAtOnceFitInto64MiB) {
#ifdef STEVEDORE_SANITIZED
  GTEST_SKIP() << "sanitizers need memory of their own";
#endif
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory folder, base::TemporaryDirectory::Create());
  ASSERT_OK_AND_ASSIGN(oci::Layout layout, oci::Layout::OpenOrCreate(folder.path() + "/layout"));
  AddLargeImage(layout, 6, 50 << 20);
  ASSERT_OK_AND_ASSIGN(const auto first, Registry::Start());
  ASSERT_OK_AND_ASSIGN(const auto second, Registry::Start());
  http::Client http;
  const credentials::MemoryCredentialStore credentials;
  RegistryClient registries(&http, &credentials);
  Copier copier;
  LayoutImages from(std::move(layout));
  RegistryRepository middle(&registries, oci::Reference::Parse(first->host() + "/large").value());
  const auto pushed = copier.Copy(from, "1.0", middle, "1.0");
  ASSERT_OK(pushed);
  RegistryRepository to(&registries, oci::Reference::Parse(second->host() + "/large").value());
  const auto copied = copier.Copy(middle, "1.0", to, "1.0");
  ASSERT_OK(copied);
  EXPECT_EQ(copied->bytes_copied, pushed->bytes_copied);
  EXPECT_GT(copied->bytes_copied, uint64_t{300} << 20);
  EXPECT_LE(PeakMemoryMib(), 64);
  RegistryRepository zstd(&registries, oci::Reference::Parse(second->host() + "/zstd").value());
  const auto recompressed = copier.Copy(middle, "1.0", zstd, "1.0",
                                        {.compression = oci::Compression::Parse("zstd").value()});
  ASSERT_OK(recompressed);
  EXPECT_EQ(recompressed->blobs_copied, 6u);
  // The config: the registry has it in another repository.
  EXPECT_EQ(recompressed->blobs_mounted, 1u);
  EXPECT_LE(PeakMemoryMib(), 64);
}

}  // namespace
}  // namespace stevedore::transfer
