#include "transfer/listed_images.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "transfer/ref_name.h"
#include "transfer/verified_source.h"

namespace stevedore::transfer {
namespace {

// So many names are shown in a message.
constexpr size_t kNamesShown = 10;

std::string NamesOf(const std::vector<oci::Descriptor>& entries) {
  std::vector<std::string> names;
  for (const oci::Descriptor& entry : entries) {
    const std::string name = RefNameOf(entry);
    if (!name.empty()) names.push_back(name);
  }
  if (names.empty()) return absl::StrCat(entries.size(), " images without a name");
  const size_t shown = std::min(names.size(), kNamesShown);
  return absl::StrCat(absl::StrJoin(names.begin(), names.begin() + shown, ", "),
                      names.size() > shown ? ", ..." : "");
}

// The tag under which tools list what is attached where there is no API for it.
std::string FallbackTag(const oci::Digest& subject) {
  return absl::StrCat(subject.algorithm(), "-", subject.hex().substr(0, 64));
}

}  // namespace

std::string RefNameOf(const oci::Descriptor& entry) {
  const auto found = entry.annotations.find(oci::kRefNameAnnotation);
  return found == entry.annotations.end() ? "" : found->second;
}

absl::StatusOr<std::string> ListedImages::NameOf(const std::string& tag) const {
  RETURN_IF_ERROR(CheckRefName(tag), Describe());
  return tag;
}

absl::StatusOr<std::string> ListedImages::ReadDocument(const oci::Digest& digest) const {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size, SizeOf(digest), Describe());
  if (!size.has_value()) {
    return absl::NotFoundError(absl::StrCat(Describe(), " has no manifest ", digest.ToString()));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source, OpenContent(digest), Describe());
  ASSIGN_OR_RETURN(std::string bytes, base::ReadAll(*source, oci::kMaxDocumentBytes), Describe(),
                   ": manifest ", digest.ToString());
  RETURN_IF_ERROR(digest.Verify(bytes), Describe());
  return bytes;
}

absl::StatusOr<oci::Descriptor> ListedImages::At(uint64_t position) const {
  ASSIGN_OR_RETURN(std::vector<oci::Descriptor> entries, Entries());
  if (position < entries.size()) return std::move(entries[position]);
  return absl::NotFoundError(absl::StrCat(Describe(), " has no image at position @", position,
                                          "; it has ", entries.size(), ", counted from 0"));
}

absl::StatusOr<oci::Descriptor> ListedImages::Only() const {
  ASSIGN_OR_RETURN(std::vector<oci::Descriptor> entries, Entries());
  if (entries.size() == 1) return std::move(entries[0]);
  if (entries.empty()) return absl::NotFoundError(absl::StrCat(Describe(), " has no images"));
  // Attached artifacts are listed without names beside the image.
  std::set<oci::Digest> named;
  const oci::Descriptor* only = nullptr;
  for (const oci::Descriptor& entry : entries) {
    if (RefNameOf(entry).empty()) continue;
    if (named.insert(entry.digest).second) only = &entry;
  }
  if (named.size() == 1) return *only;
  return absl::InvalidArgumentError(absl::StrCat(Describe(), " has several images; name one of ",
                                                 NamesOf(entries),
                                                 ", a digest, or the position @N, from 0"));
}

absl::StatusOr<std::optional<oci::Descriptor>> ListedImages::Find(
    const std::string& tag_or_digest) const {
  if (!LooksLikeDigest(tag_or_digest)) {
    ASSIGN_OR_RETURN(const std::string name, NameOf(tag_or_digest));
    ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> entries, Entries());
    for (const oci::Descriptor& entry : entries) {
      if (RefNameOf(entry) == name) return entry;
    }
    return std::nullopt;
  }
  // By digest any manifest may be meant, also one that only an index names.
  ASSIGN_OR_RETURN(oci::Digest digest, oci::Digest::Parse(tag_or_digest), Describe());
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size, SizeOf(digest), Describe());
  if (!size.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::string bytes, ReadDocument(digest));
  ASSIGN_OR_RETURN(std::string media_type, oci::DetectMediaType(bytes), Describe(), ": ",
                   digest.ToString());
  return oci::Descriptor{
      .media_type = std::move(media_type), .digest = std::move(digest), .size = bytes.size()};
}

absl::StatusOr<std::optional<oci::Descriptor>> ListedImages::HeadManifest(
    const std::string& tag_or_digest, std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError(absl::StrCat(Describe(), ": cancelled"));
  std::optional<oci::Descriptor> found;
  if (tag_or_digest.empty()) {
    ASSIGN_OR_RETURN(found, Only());
  } else {
    ASSIGN_OR_RETURN(found, Find(tag_or_digest));
  }
  if (!found.has_value()) return std::nullopt;
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size, SizeOf(found->digest), Describe());
  if (!size.has_value()) return std::nullopt;
  return oci::Descriptor{
      .media_type = found->media_type, .digest = found->digest, .size = found->size};
}

absl::StatusOr<RawManifest> ListedImages::GetManifest(const std::string& tag_or_digest,
                                                      std::stop_token stop) {
  ASSIGN_OR_RETURN(std::optional<oci::Descriptor> found, HeadManifest(tag_or_digest, stop));
  if (!found.has_value()) {
    ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> entries, Entries());
    return absl::NotFoundError(absl::StrCat(
        Describe(), " has no manifest ", tag_or_digest,
        entries.empty() ? "; it has no images" : absl::StrCat("; it has ", NamesOf(entries))));
  }
  ASSIGN_OR_RETURN(std::string bytes, ReadDocument(found->digest));
  if (bytes.size() != found->size) {
    return absl::DataLossError(absl::StrCat(Describe(), ": manifest ", found->digest.ToString(),
                                            " has ", bytes.size(), " bytes where its entry says ",
                                            found->size));
  }
  return RawManifest{std::move(bytes), std::move(found->media_type), std::move(found->digest)};
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> ListedImages::OpenBlob(
    const oci::Descriptor& blob, std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size, SizeOf(blob.digest), Describe());
  if (!size.has_value()) {
    return absl::NotFoundError(
        absl::StrCat(Describe(), " has no blob ", blob.digest.ToString(),
                     "; it is incomplete or damaged: build or copy the image again"));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<base::ByteSource> source, OpenContent(blob.digest), Describe());
  return std::make_unique<VerifiedSource>(std::move(source), blob, Describe(), std::move(stop));
}

absl::StatusOr<std::vector<std::string>> ListedImages::ListTags(std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError(absl::StrCat(Describe(), ": cancelled"));
  ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> entries, Entries());
  std::vector<std::string> tags;
  for (const oci::Descriptor& entry : entries) {
    const std::string name = RefNameOf(entry);
    if (name.empty()) continue;
    if (std::optional<std::string> tag = TagOf(name)) tags.push_back(*std::move(tag));
  }
  return tags;
}

absl::Status ListedImages::AddIfReferrer(const oci::Descriptor& entry, const oci::Digest& subject,
                                         const std::string& artifact_type,
                                         std::vector<oci::Descriptor>* out) const {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size, SizeOf(entry.digest), Describe());
  if (!size.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::string bytes, ReadDocument(entry.digest));
  oci::Descriptor found;
  std::optional<oci::Descriptor> of;
  if (oci::IsIndexType(entry.media_type)) {
    ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(std::move(bytes), entry.media_type),
                     Describe());
    found = index.ToDescriptor();
    found.artifact_type = index.artifact_type();
    found.annotations = index.annotations();
    of = index.subject();
  } else {
    ASSIGN_OR_RETURN(const oci::Manifest manifest,
                     oci::Manifest::Parse(std::move(bytes), entry.media_type), Describe());
    found = manifest.ToDescriptor();
    found.artifact_type =
        manifest.artifact_type().empty() ? manifest.config().media_type : manifest.artifact_type();
    found.annotations = manifest.annotations();
    of = manifest.subject();
  }
  if (!of.has_value() || of->digest != subject) return absl::OkStatus();
  if (!artifact_type.empty() && found.artifact_type != artifact_type) return absl::OkStatus();
  for (const oci::Descriptor& known : *out) {
    if (known.digest == found.digest) return absl::OkStatus();
  }
  out->push_back(std::move(found));
  return absl::OkStatus();
}

absl::StatusOr<std::vector<oci::Descriptor>> ListedImages::Referrers(
    const oci::Digest& subject, const std::string& artifact_type, std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> entries, Entries());
  std::vector<oci::Descriptor> found;
  for (const oci::Descriptor& entry : entries) {
    if (stop.stop_requested()) return absl::CancelledError(absl::StrCat(Describe(), ": cancelled"));
    const bool fallback = TagOf(RefNameOf(entry)) == FallbackTag(subject);
    if (!fallback || !oci::IsIndexType(entry.media_type)) {
      RETURN_IF_ERROR(AddIfReferrer(entry, subject, artifact_type, &found));
      continue;
    }
    ASSIGN_OR_RETURN(std::string bytes, ReadDocument(entry.digest));
    ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(std::move(bytes), entry.media_type),
                     Describe());
    for (const oci::Descriptor& child : index.manifests()) {
      RETURN_IF_ERROR(AddIfReferrer(child, subject, artifact_type, &found));
    }
  }
  return found;
}

}  // namespace stevedore::transfer
