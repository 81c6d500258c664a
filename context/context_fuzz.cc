// What contexts parse of strangers' bytes: artifact manifests, packs, and the caches' files.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/byte_source.h"
#include "base/file.h"
#include "context/pack.h"
#include "context/pack_cache.h"
#include "context/pack_table.h"
#include "context/pack_tree.h"
#include "context/stat_cache.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

// The first byte chooses the parser.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace stevedore;  // NOLINT: one function.
  if (size == 0) return 0;
  const std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  static const base::TemporaryDirectory* const directory =
      new base::TemporaryDirectory(base::TemporaryDirectory::Create().value());
  const std::string path = directory->path() + "/input";
  switch (data[0] % 4) {
    case 0: {
      const auto packs = context::ParseContextManifest(bytes);
      if (!packs.ok()) return 0;
      // What was read can be written, and reads back the same.
      const auto again = context::ContextManifest(oci::Digest::Of("tree"), *packs);
      if (!again.ok()) return 0;
      const auto same = context::ParseContextManifest(*again);
      if (!same.ok() || same->size() != packs->size()) abort();
      return 0;
    }
    case 1: {
      oci::Descriptor pack;
      pack.digest = oci::Digest::Of(bytes);
      pack.size = bytes.size();
      const auto cache = context::PackCache::Open(directory->path() + "/packs", 1 << 20);
      if (!cache.ok()) return 0;
      (void)context::PackTree::Fetch(
          oci::Digest::Of("tree"), {pack}, **cache,
          [&](const oci::Descriptor&) -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
            return std::make_unique<base::StringSource>(bytes);
          });
      return 0;
    }
    case 2:
      if (base::WriteFileAtomically(path, bytes).ok()) context::StatCache::Load(path);
      return 0;
    default:
      if (base::WriteFileAtomically(path, bytes).ok()) context::PackTable::Load(path);
      return 0;
  }
}
