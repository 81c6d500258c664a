#include "oci/layer/codec_versions.h"

#include <isa-l.h>
#include <libdeflate.h>
#include <zstd.h>

#include "absl/strings/str_cat.h"

namespace stevedore::oci {

std::string IsalVersion() {
  return absl::StrCat(ISAL_MAJOR_VERSION, ".", ISAL_MINOR_VERSION, ".", ISAL_PATCH_VERSION);
}

std::string LibdeflateVersion() { return LIBDEFLATE_VERSION_STRING; }

std::string ZstdVersion() { return ZSTD_versionString(); }

}  // namespace stevedore::oci
