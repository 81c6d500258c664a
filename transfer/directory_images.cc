#include "transfer/directory_images.h"

#include <unistd.h>

#include <filesystem>
#include <set>
#include <system_error>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "oci/image/canonical_json.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "transfer/put_checks.h"
#include "transfer/ref_name.h"

namespace stevedore::transfer {
namespace {

constexpr char kManifest[] = "manifest.json";
constexpr char kVersion[] = "version";
constexpr char kVersionText[] = "Directory Transport Version: 1.1\n";
constexpr char kManifestEnding[] = ".manifest.json";
// Indexes of indexes: real ones have two levels.
constexpr int kMaxNesting = 8;

std::string BlobName(const oci::Digest& digest) {
  if (digest.algorithm() == "sha256") return std::string(digest.hex());
  return absl::StrCat(digest.algorithm(), "-", digest.hex());
}

std::string ManifestName(const oci::Digest& digest) {
  return absl::StrCat(BlobName(digest), kManifestEnding);
}

// The digest in the name of a blob or manifest.
std::optional<oci::Digest> DigestOf(absl::string_view name) {
  absl::ConsumeSuffix(&name, kManifestEnding);
  const absl::StatusOr<oci::Digest> digest =
      oci::Digest::Parse(absl::ConsumePrefix(&name, "sha512-") ? absl::StrCat("sha512:", name)
                                                               : absl::StrCat("sha256:", name));
  if (!digest.ok()) return std::nullopt;
  return *digest;
}

absl::StatusOr<std::vector<std::string>> FilesIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(directory, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error) return base::ErrnoStatus(error.value(), directory);
  absl::c_sort(names);
  return names;
}

}  // namespace

DirectoryImages::DirectoryImages(std::string directory)
    : directory_(std::move(directory)),
      blobs_(directory_, BlobName, absl::StrCat("dir:", directory_)) {}

std::string DirectoryImages::PathOf(const std::string& name) const {
  return base::JoinPath(directory_, name);
}

std::string DirectoryImages::Describe() const { return absl::StrCat("dir:", directory_); }

absl::StatusOr<std::unique_ptr<DirectoryImages>> DirectoryImages::Open(
    const std::string& directory) {
  std::unique_ptr<DirectoryImages> images(new DirectoryImages(directory));
  ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> main, images->Main());
  if (main.has_value()) return images;
  return absl::NotFoundError(absl::StrCat(
      images->Describe(), " has no manifest.json, so there is no image in it",
      base::Exists(base::JoinPath(directory, "oci-layout")) ? "; it is a layout: try oci:" : ""));
}

absl::StatusOr<std::unique_ptr<DirectoryImages>> DirectoryImages::OpenOrCreate(
    const std::string& directory) {
  RETURN_IF_ERROR(base::MakeDirectories(directory));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, FilesIn(directory));
  const bool ours =
      absl::c_linear_search(names, kVersion) || absl::c_linear_search(names, kManifest);
  if (!names.empty() && !ours) {
    return absl::FailedPreconditionError(absl::StrCat("dir:", directory,
                                                      " holds something that is no image (`",
                                                      names[0], "`); choose another folder"));
  }
  if (!absl::c_linear_search(names, kVersion)) {
    RETURN_IF_ERROR(base::WriteFileAtomically(base::JoinPath(directory, kVersion), kVersionText));
  }
  return std::unique_ptr<DirectoryImages>(new DirectoryImages(directory));
}

absl::StatusOr<std::optional<oci::Descriptor>> DirectoryImages::Main() const {
  const absl::StatusOr<std::string> bytes =
      ReadRegularFile(PathOf(kManifest), oci::kMaxDocumentBytes);
  if (absl::IsNotFound(bytes.status())) return std::nullopt;
  RETURN_IF_ERROR(bytes.status(), Describe());
  ASSIGN_OR_RETURN(std::string media_type, oci::DetectMediaType(*bytes), Describe(),
                   ": manifest.json");
  return oci::Descriptor{.media_type = std::move(media_type),
                         .digest = oci::Digest::Of(*bytes),
                         .size = bytes->size()};
}

absl::StatusOr<std::vector<oci::Descriptor>> DirectoryImages::Entries() const {
  std::vector<oci::Descriptor> entries;
  ASSIGN_OR_RETURN(std::optional<oci::Descriptor> main, Main());
  if (main.has_value()) entries.push_back(*std::move(main));
  ASSIGN_OR_RETURN(const std::vector<std::string> names, FilesIn(directory_));
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, kManifestEnding)) continue;
    const std::optional<oci::Digest> digest = DigestOf(name);
    if (!digest.has_value()) continue;
    ASSIGN_OR_RETURN(const std::string bytes, ReadRegularFile(PathOf(name), oci::kMaxDocumentBytes),
                     Describe());
    ASSIGN_OR_RETURN(std::string media_type, oci::DetectMediaType(bytes), Describe(), ": ", name);
    entries.push_back(
        {.media_type = std::move(media_type), .digest = *digest, .size = bytes.size()});
  }
  return entries;
}

absl::StatusOr<oci::Descriptor> DirectoryImages::Only() const {
  ASSIGN_OR_RETURN(std::optional<oci::Descriptor> main, Main());
  if (main.has_value()) return *std::move(main);
  return absl::NotFoundError(absl::StrCat(Describe(), " has no image yet"));
}

absl::StatusOr<std::vector<std::string>> DirectoryImages::ListTags(std::stop_token) {
  return absl::InvalidArgumentError(
      absl::StrCat(Describe(), " holds one image without a tag; there are no tags to list"));
}

absl::StatusOr<std::string> DirectoryImages::NameOf(const std::string& tag) const {
  RETURN_IF_ERROR(CheckRefName(tag), Describe());
  // No entry has a name, and the image comes first.
  return "";
}

absl::StatusOr<std::string> DirectoryImages::FileOf(const oci::Digest& digest) const {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> blob, blobs_.SizeOf(digest));
  if (blob.has_value()) return PathOf(BlobName(digest));
  if (OpenRegularFile(PathOf(ManifestName(digest))).ok()) return PathOf(ManifestName(digest));
  ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> main, Main());
  if (main.has_value() && main->digest == digest) return PathOf(kManifest);
  return "";
}

absl::StatusOr<std::optional<uint64_t>> DirectoryImages::SizeOf(const oci::Digest& digest) const {
  ASSIGN_OR_RETURN(const std::string path, FileOf(digest));
  if (path.empty()) return std::nullopt;
  std::error_code error;
  const uint64_t size = std::filesystem::file_size(path, error);
  if (error) return base::ErrnoStatus(error.value(), path);
  return size;
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> DirectoryImages::OpenContent(
    const oci::Digest& digest) const {
  ASSIGN_OR_RETURN(const std::string path, FileOf(digest));
  if (path.empty()) return absl::NotFoundError(digest.ToString());
  ASSIGN_OR_RETURN(base::FileDescriptor file, OpenRegularFile(path));
  return std::make_unique<base::FileSource>(std::move(file), path);
}

absl::StatusOr<bool> DirectoryImages::HasBlob(const oci::Digest& digest, std::stop_token) {
  return blobs_.HasBlob(digest);
}

absl::Status DirectoryImages::PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                                      std::stop_token stop) {
  return blobs_.PutBlob(blob, opener, stop);
}

absl::StatusOr<bool> DirectoryImages::MountBlob(const oci::Digest& digest, const std::string&,
                                                std::stop_token) {
  return blobs_.HasBlob(digest);
}

absl::StatusOr<std::unique_ptr<BlobUpload>> DirectoryImages::StartBlob(std::stop_token stop) {
  return blobs_.StartBlob(std::move(stop));
}

absl::Status DirectoryImages::AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                                            std::stop_token stop) {
  return blobs_.AdoptBlobFile(blob, path, stop);
}

absl::StatusOr<oci::Digest> DirectoryImages::PutManifest(const std::string& tag_or_digest,
                                                         absl::string_view bytes,
                                                         const std::string& media_type,
                                                         std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError(absl::StrCat(Describe(), ": cancelled"));
  // There is no other place for the type than the document.
  RETURN_IF_ERROR(oci::DetectMediaType(bytes, media_type).status(), Describe());
  oci::Digest digest = oci::Digest::Of(bytes);
  std::string name = kManifest;
  if (LooksLikeDigest(tag_or_digest)) {
    RETURN_IF_ERROR(CheckManifestDigest(tag_or_digest, bytes), Describe());
    ASSIGN_OR_RETURN(digest, oci::Digest::Parse(tag_or_digest), Describe());
    name = ManifestName(digest);
  } else {
    RETURN_IF_ERROR(NameOf(tag_or_digest).status());
  }
  RETURN_IF_ERROR(base::WriteFileAtomically(PathOf(name), bytes), Describe());
  return digest;
}

absl::Status DirectoryImages::Finish(std::stop_token stop) {
  ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> entries, Entries());
  if (entries.empty()) return absl::OkStatus();
  std::set<oci::Digest> needed = {entries[0].digest};
  // Manifests lead to others, which stand in any order.
  for (int level = 0; level < kMaxNesting; ++level) {
    for (const oci::Descriptor& entry : entries) {
      if (stop.stop_requested()) {
        return absl::CancelledError(absl::StrCat(Describe(), ": cancelled"));
      }
      ASSIGN_OR_RETURN(std::string bytes, ReadDocument(entry.digest));
      std::vector<oci::Descriptor> names;
      std::optional<oci::Descriptor> subject;
      if (oci::IsIndexType(entry.media_type)) {
        ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(std::move(bytes)), Describe());
        names = index.manifests();
        subject = index.subject();
      } else {
        ASSIGN_OR_RETURN(const oci::Manifest manifest, oci::Manifest::Parse(std::move(bytes)),
                         Describe());
        names = manifest.layers();
        names.push_back(manifest.config());
        subject = manifest.subject();
      }
      const bool attached = subject.has_value() && needed.count(subject->digest) > 0;
      if (needed.count(entry.digest) == 0 && !attached) continue;
      needed.insert(entry.digest);
      for (const oci::Descriptor& other : names) needed.insert(other.digest);
    }
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> files, FilesIn(directory_));
  for (const std::string& name : files) {
    const std::optional<oci::Digest> digest = DigestOf(name);
    if (digest.has_value() && needed.count(*digest) == 0) unlink(PathOf(name).c_str());
  }
  return absl::OkStatus();
}

}  // namespace stevedore::transfer
