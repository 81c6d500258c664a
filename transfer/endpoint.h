// Texts that say where an image is: a registry, a folder, an archive, a Docker engine.

#ifndef STEVEDORE_TRANSFER_ENDPOINT_H_
#define STEVEDORE_TRANSFER_ENDPOINT_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"

namespace stevedore::transfer {

// The kinds of places, with the prefix of their texts.
enum class EndpointKind {
  kRegistry,       // docker://
  kLayout,         // oci:
  kLayoutArchive,  // oci-archive:
  kDockerArchive,  // docker-archive:
  kDirectory,      // dir:
  kStatic,         // static:
  kDockerDaemon,   // docker-daemon:
};

// Where an image is. A value: parsed, nothing opened.
struct Endpoint {
  EndpointKind kind = EndpointKind::kRegistry;
  // Of a registry or an engine; empty for an engine's image by its id (`digest`).
  oci::Reference reference = {};
  // Of the other kinds: folder or file; "-" is standard input or output (archives only).
  std::string path = "";
  // Of a static tree: the repository below v2/ ("shop/web"). Empty: the only one when reading,
  // what InheritName gives it or "image" when writing.
  std::string repository = "";
  // The ref name, tag or (docker-archive) name of the image in its place. Empty: the only one.
  std::string tag = "";
  // The image's digest, if it is named by that.
  std::optional<oci::Digest> digest = std::nullopt;
  // The image's position in index.json or manifest.json, from 0: "oci:path:@2" is 2.
  std::optional<uint64_t> position = std::nullopt;

  // What names the image inside its place: its digest, else its tag; empty if there is neither.
  std::string TagOrDigest() const;
  // The full text: parses to an equal value.
  std::string ToString() const;

  friend bool operator==(const Endpoint& a, const Endpoint& b);
};

// Parses the text of a place:
//
//   [docker://]NAME[:TAG][@DIGEST]          docker-daemon:NAME[:TAG]   docker-daemon:sha256:ID
//   oci:PATH[:REF]                          oci-archive:PATH[:REF]
//   docker-archive:PATH[:NAME[:TAG]]        dir:PATH       static:PATH[:[REPOSITORY:]TAG]
//
// REF, and what follows the path of a docker-archive, may be `@N` (position); PATH or REF may be
// followed by `@sha256:…`. A path of an archive may be `-`. INVALID_ARGUMENT, saying what is
// allowed, for anything else ("ftp://nope", kinds of other tools). Thread-safe.
absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text);

// Gives `to`, if it is a static tree without a repository, that of `from` if that is a registry's
// image. To be called before a copy from the one to the other. Thread-safe.
void InheritName(const Endpoint& from, Endpoint* to);

// "oci:", "docker://", ...: the prefix of `kind`. Thread-safe.
absl::string_view EndpointPrefix(EndpointKind kind);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_ENDPOINT_H_
