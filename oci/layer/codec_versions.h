// Which codec libraries are linked: their output is part of layers' identities.

#ifndef STEVEDORE_OCI_LAYER_CODEC_VERSIONS_H_
#define STEVEDORE_OCI_LAYER_CODEC_VERSIONS_H_

#include <string>

namespace stevedore::oci {

// Versions such as "1.14"; the one that runs where the library tells, else the one compiled
// against. Thread-safe.
std::string IsalVersion();
std::string LibdeflateVersion();
std::string ZstdVersion();

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_LAYER_CODEC_VERSIONS_H_
