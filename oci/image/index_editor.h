// New indexes from old ones.

#ifndef STEVEDORE_OCI_IMAGE_INDEX_EDITOR_H_
#define STEVEDORE_OCI_IMAGE_INDEX_EDITOR_H_

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/image.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"

namespace stevedore::oci {

// In the entry of an attestation (provenance, SBOM) that a build added: the digest of the entry
// that it speaks about. Such entries have the platform unknown/unknown.
inline constexpr char kAttestedDigestAnnotation[] = "vnd.docker.reference.digest";

// The entry of an index for `image`: media type, digest, size, the platform of its config with
// variant, version and features, and its artifact type if it has one.
Descriptor IndexEntry(const Image& image);

// True for entries that are not run: attestations, artifacts, entries for no platform. Thread-safe.
bool IsAttachment(const Descriptor& entry);

// Collects changes to the list of an index, whose entries may be images, artifacts and indexes, and
// writes it as canonical JSON. Members that it does not know are kept, in the index and in its
// entries; an index in which nothing changed keeps its bytes. Not thread-safe.
class IndexEditor {
 public:
  // Starts with an index of no entries.
  explicit IndexEditor(ImageFormat format = ImageFormat::kOci);
  // Starts with `base`, in its own family of media types. INVALID_ARGUMENT if it is damaged.
  static absl::StatusOr<IndexEditor> Create(const Index& base);

  IndexEditor(IndexEditor&&) noexcept;
  IndexEditor& operator=(IndexEditor&&) noexcept;
  ~IndexEditor();

  // Adds an entry at the end. One with the same digest and platform is there already: then it is
  // replaced where it is.
  void Append(const Descriptor& entry);
  // Adds all entries of `nested` as they are, in their order: the flat form of an index inside an
  // index. INVALID_ARGUMENT if it is damaged.
  absl::Status AppendEntriesOf(const Index& nested);

  // Puts `entry` in the place of the entry `old`: media type, digest, size, platform and what else
  // it says; members and annotations that only the old entry has stay, embedded data does not.
  // NOT_FOUND if there is no such entry.
  absl::Status Replace(const Digest& old, const Descriptor& entry);
  // Takes all entries with this digest away. NOT_FOUND if there is none.
  absl::Status Remove(const Digest& digest);
  // Keeps entries whose platform satisfies one of `platforms`, and what attests those. Returns how
  // many went.
  size_t Filter(absl::Span<const Platform> platforms);
  // Takes away attestations of entries that are not there. Returns how many went.
  size_t RemoveOrphans();

  // Annotations of the index.
  void Annotate(const std::map<std::string, std::string>& annotations);
  void RemoveAnnotation(const std::string& name);
  // Annotations of the entries with this digest. NOT_FOUND if there is none.
  absl::Status AnnotateEntry(const Digest& digest,
                             const std::map<std::string, std::string>& annotations);
  absl::Status RemoveEntryAnnotation(const Digest& digest, const std::string& name);
  // What the index is attached to; nullopt: nothing.
  void SetSubject(const std::optional<Descriptor>& subject);
  // Empty: none.
  void SetArtifactType(const std::string& artifact_type);

  // The entries so far. INVALID_ARGUMENT if the base had damaged ones.
  absl::StatusOr<std::vector<Descriptor>> entries() const;

  // The new index. INVALID_ARGUMENT if a text is not UTF-8 or it became larger than registries
  // take.
  absl::StatusOr<Index> Finish() const;

 private:
  struct State;
  explicit IndexEditor(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_INDEX_EDITOR_H_
