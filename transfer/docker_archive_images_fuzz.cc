// Any bytes as a docker archive: an error, or images whose manifests are there and whose blobs are
// verified; never a crash.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "base/byte_source.h"
#include "oci/image/manifest.h"
#include "transfer/docker_archive_images.h"
#include "transfer/testing/test_archive.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace stevedore;  // NOLINT
  auto archive =
      transfer::testing::OpenBytes(std::string(reinterpret_cast<const char*>(bytes), size));
  if (!archive.ok()) return 0;
  const auto images = transfer::DockerArchiveImages::Open(*std::move(archive), "fuzz");
  if (!images.ok()) return 0;
  (void)(*images)->ListTags();
  (void)(*images)->GetManifest("");
  for (uint64_t i = 0; i < 4; ++i) {
    const auto entry = (*images)->At(i);
    if (!entry.ok()) break;
    const auto raw = (*images)->GetManifest(entry->digest.ToString());
    if (!raw.ok()) abort();
    const auto manifest = oci::Manifest::Parse(raw->bytes);
    if (!manifest.ok()) abort();
    for (const oci::Descriptor& layer : manifest->layers()) {
      const auto source = (*images)->OpenBlob(layer);
      if (!source.ok()) abort();
      const auto read = base::ReadAll(**source, 1 << 24);
      if (read.ok() && !layer.digest.Verify(*read).ok()) abort();
    }
  }
  return 0;
}
