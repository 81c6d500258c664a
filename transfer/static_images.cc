#include "transfer/static_images.h"

#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/reference.h"
#include "transfer/put_checks.h"
#include "transfer/ref_name.h"

namespace stevedore::transfer {
namespace {

namespace fs = std::filesystem;

constexpr char kTypeEnding[] = ".mediatype";
constexpr char kDefaultRepository[] = "image";
// Names of repositories are looked for so deep.
constexpr int kMaxDepth = 16;

// Names of the files and folders of `directory`, sorted; none if it is not there.
absl::StatusOr<std::vector<std::string>> NamesIn(const std::string& directory) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return base::ErrnoStatus(error.value(), directory);
  }
  absl::c_sort(names);
  return names;
}

// All repositories below `root`/v2.
absl::StatusOr<std::vector<std::string>> Repositories(const std::string& root) {
  std::vector<std::string> found;
  const fs::path top = fs::path(root) / "v2";
  std::error_code error;
  for (fs::recursive_directory_iterator it(top, error), end; !error && it != end;
       it.increment(error)) {
    if (it->path().filename() != "manifests" || !it->is_directory(error)) {
      if (it.depth() >= kMaxDepth) it.disable_recursion_pending();
      continue;
    }
    it.disable_recursion_pending();
    std::string name = it->path().parent_path().lexically_relative(top).string();
    if (oci::CheckRepository(name).ok()) found.push_back(std::move(name));
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return base::ErrnoStatus(error.value(), root);
  }
  absl::c_sort(found);
  return found;
}

}  // namespace

StaticImages::StaticImages(std::string root, std::string repository)
    : root_(std::move(root)),
      repository_(std::move(repository)),
      blobs_(
          absl::StrCat(root_, "/v2/", repository_, "/blobs"),
          [](const oci::Digest& digest) { return digest.ToString(); },
          absl::StrCat("static:", root_, " (", repository_, ")")) {}

std::string StaticImages::Folder(absl::string_view kind) const {
  return absl::StrCat(root_, "/v2/", repository_, "/", kind);
}

std::string StaticImages::ManifestPath(const std::string& tag_or_digest) const {
  return absl::StrCat(Folder("manifests"), "/", tag_or_digest);
}

std::string StaticImages::Describe() const {
  return absl::StrCat("static:", root_, " (", repository_, ")");
}

absl::StatusOr<std::unique_ptr<StaticImages>> StaticImages::Open(const std::string& root,
                                                                 const std::string& repository) {
  std::string name = repository;
  if (name.empty()) {
    ASSIGN_OR_RETURN(const std::vector<std::string> all, Repositories(root));
    if (all.size() > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("static:", root, " has several repositories; name one of ",
                       absl::StrJoin(all, ", "), " as static:", root, ":REPOSITORY:TAG"));
    }
    name = all.empty() ? "" : all[0];
  }
  if (name.empty() || !base::Exists(absl::StrCat(root, "/v2/", name, "/manifests"))) {
    return absl::NotFoundError(
        absl::StrCat("static:", root, " has no ",
                     name.empty() ? "repository below v2/" : absl::StrCat("repository ", name)));
  }
  RETURN_IF_ERROR(oci::CheckRepository(name));
  return std::unique_ptr<StaticImages>(new StaticImages(root, std::move(name)));
}

absl::StatusOr<std::unique_ptr<StaticImages>> StaticImages::OpenOrCreate(
    const std::string& root, const std::string& repository) {
  const std::string name = repository.empty() ? kDefaultRepository : repository;
  RETURN_IF_ERROR(oci::CheckRepository(name));
  std::unique_ptr<StaticImages> images(new StaticImages(root, name));
  for (const char* kind : {"manifests", "blobs", "tags"}) {
    RETURN_IF_ERROR(base::MakeDirectories(images->Folder(kind)), images->Describe());
  }
  // What clients ask first: whether this is a registry.
  const std::string index = absl::StrCat(root, "/v2/index.json");
  if (!base::Exists(index)) RETURN_IF_ERROR(base::WriteFileAtomically(index, "{}"));
  return images;
}

absl::StatusOr<std::string> StaticImages::NameOf(const std::string& tag) const {
  RETURN_IF_ERROR(oci::CheckTag(tag), Describe());
  if (!absl::EndsWith(tag, kTypeEnding)) return tag;
  return absl::InvalidArgumentError(absl::StrCat(Describe(), ": a tag cannot end with ",
                                                 kTypeEnding, ", which is for media types"));
}

absl::StatusOr<std::vector<oci::Descriptor>> StaticImages::Entries() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(Folder("manifests")));
  std::vector<oci::Descriptor> named, unnamed;
  for (const std::string& name : names) {
    if (absl::EndsWith(name, kTypeEnding)) continue;
    const bool by_digest = LooksLikeDigest(name);
    if (by_digest ? !oci::Digest::Parse(name).ok() : !oci::CheckTag(name).ok()) continue;
    ASSIGN_OR_RETURN(const std::string bytes,
                     ReadRegularFile(ManifestPath(name), oci::kMaxDocumentBytes), Describe());
    const absl::StatusOr<std::string> type =
        ReadRegularFile(absl::StrCat(ManifestPath(name), kTypeEnding), 1024);
    oci::Descriptor entry{.digest = oci::Digest::Of(bytes), .size = bytes.size()};
    ASSIGN_OR_RETURN(entry.media_type, oci::DetectMediaType(bytes, type.value_or("")), Describe(),
                     ": ", name);
    if (by_digest) {
      ASSIGN_OR_RETURN(entry.digest, oci::Digest::Parse(name));
      unnamed.push_back(std::move(entry));
    } else {
      entry.annotations[oci::kRefNameAnnotation] = name;
      named.push_back(std::move(entry));
    }
  }
  // Those with a tag are listed once, under it.
  for (oci::Descriptor& entry : unnamed) {
    const bool listed = absl::c_any_of(
        named, [&entry](const oci::Descriptor& other) { return other.digest == entry.digest; });
    if (!listed) named.push_back(std::move(entry));
  }
  return named;
}

absl::StatusOr<std::optional<uint64_t>> StaticImages::SizeOf(const oci::Digest& digest) const {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> blob, blobs_.SizeOf(digest));
  if (blob.has_value()) return blob;
  const FolderBlobs manifests(
      Folder("manifests"), [](const oci::Digest& name) { return name.ToString(); }, Describe());
  return manifests.SizeOf(digest);
}

absl::StatusOr<std::unique_ptr<base::ByteSource>> StaticImages::OpenContent(
    const oci::Digest& digest) const {
  ASSIGN_OR_RETURN(const std::optional<uint64_t> blob, blobs_.SizeOf(digest));
  if (blob.has_value()) return blobs_.Open(digest);
  const std::string path = ManifestPath(digest.ToString());
  ASSIGN_OR_RETURN(base::FileDescriptor file, OpenRegularFile(path));
  return std::make_unique<base::FileSource>(std::move(file), path);
}

absl::StatusOr<std::vector<std::string>> StaticImages::ListTags(std::stop_token) {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(Folder("manifests")));
  std::vector<std::string> tags;
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, kTypeEnding) && oci::CheckTag(name).ok()) tags.push_back(name);
  }
  return tags;
}

absl::StatusOr<bool> StaticImages::HasBlob(const oci::Digest& digest, std::stop_token) {
  return blobs_.HasBlob(digest);
}

absl::Status StaticImages::PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                                   std::stop_token stop) {
  return blobs_.PutBlob(blob, opener, stop);
}

absl::StatusOr<bool> StaticImages::MountBlob(const oci::Digest& digest, const std::string& from,
                                             std::stop_token) {
  ASSIGN_OR_RETURN(const bool there, blobs_.HasBlob(digest));
  if (there) return true;
  if (!oci::CheckRepository(from).ok()) return false;
  const StaticImages other(root_, from);
  ASSIGN_OR_RETURN(const std::optional<uint64_t> size, other.blobs_.SizeOf(digest));
  if (!size.has_value()) return false;
  // One file under two names; files of this tree never change.
  const std::string old_path = other.blobs_.PathOf(digest);
  const std::string new_path = blobs_.PathOf(digest);
  return link(old_path.c_str(), new_path.c_str()) == 0 || errno == EEXIST;
}

absl::StatusOr<std::unique_ptr<BlobUpload>> StaticImages::StartBlob(std::stop_token stop) {
  return blobs_.StartBlob(std::move(stop));
}

absl::Status StaticImages::AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                                         std::stop_token stop) {
  return blobs_.AdoptBlobFile(blob, path, stop);
}

absl::Status StaticImages::WriteManifest(const std::string& name, absl::string_view bytes,
                                         const std::string& media_type) const {
  const std::string path = ManifestPath(name);
  RETURN_IF_ERROR(base::WriteFileAtomically(absl::StrCat(path, kTypeEnding), media_type));
  return base::WriteFileAtomically(path, bytes);
}

absl::Status StaticImages::WriteTags() const {
  ASSIGN_OR_RETURN(const std::vector<std::string> names, NamesIn(Folder("manifests")));
  nlohmann::json tags = nlohmann::json::array();
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, kTypeEnding) && oci::CheckTag(name).ok()) tags.push_back(name);
  }
  ASSIGN_OR_RETURN(const std::string text,
                   oci::CanonicalJson({{"name", repository_}, {"tags", std::move(tags)}}));
  return base::WriteFileAtomically(base::JoinPath(Folder("tags"), "list"), text);
}

absl::Status StaticImages::WriteReferrers(absl::string_view bytes) {
  // Members are looked at only for this one; the document itself was checked.
  ASSIGN_OR_RETURN(const nlohmann::json json, oci::ParseJson(bytes));
  if (!json.contains("subject")) return absl::OkStatus();
  ASSIGN_OR_RETURN(const oci::Descriptor subject, oci::Descriptor::FromJson(json["subject"]));
  ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> all, Referrers(subject.digest, "", {}));
  ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Create(all));
  RETURN_IF_ERROR(base::MakeDirectories(Folder("referrers")));
  return base::WriteFileAtomically(base::JoinPath(Folder("referrers"), subject.digest.ToString()),
                                   index.bytes());
}

absl::StatusOr<oci::Digest> StaticImages::PutManifest(const std::string& tag_or_digest,
                                                      absl::string_view bytes,
                                                      const std::string& media_type,
                                                      std::stop_token stop) {
  if (stop.stop_requested()) return absl::CancelledError(absl::StrCat(Describe(), ": cancelled"));
  ASSIGN_OR_RETURN(const std::string type, oci::DetectMediaType(bytes, media_type), Describe());
  oci::Digest digest = oci::Digest::Of(bytes);
  std::string tag;
  if (LooksLikeDigest(tag_or_digest)) {
    RETURN_IF_ERROR(CheckManifestDigest(tag_or_digest, bytes), Describe());
    ASSIGN_OR_RETURN(digest, oci::Digest::Parse(tag_or_digest), Describe());
  } else {
    ASSIGN_OR_RETURN(tag, NameOf(tag_or_digest));
  }
  base::MutexLock lock(&mu_);
  RETURN_IF_ERROR(WriteManifest(digest.ToString(), bytes, type), Describe());
  RETURN_IF_ERROR(WriteReferrers(bytes), Describe());
  if (!tag.empty()) RETURN_IF_ERROR(WriteManifest(tag, bytes, type), Describe());
  RETURN_IF_ERROR(WriteTags(), Describe());
  return digest;
}

absl::Status StaticImages::RemoveManifestFile(const std::string& name) const {
  const std::string path = ManifestPath(name);
  if (unlink(path.c_str()) != 0) {
    if (errno != ENOENT) return base::ErrnoStatus(errno, absl::StrCat("remove ", path));
    return absl::NotFoundError(absl::StrCat(Describe(), " has no manifest ", name));
  }
  unlink(absl::StrCat(path, kTypeEnding).c_str());
  return absl::OkStatus();
}

absl::Status StaticImages::DeleteManifest(const std::string& tag_or_digest, std::stop_token) {
  base::MutexLock lock(&mu_);
  if (!LooksLikeDigest(tag_or_digest)) {
    ASSIGN_OR_RETURN(const std::string tag, NameOf(tag_or_digest));
    RETURN_IF_ERROR(RemoveManifestFile(tag));
    return WriteTags();
  }
  ASSIGN_OR_RETURN(const oci::Digest digest, oci::Digest::Parse(tag_or_digest), Describe());
  ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> entries, Entries());
  for (const oci::Descriptor& entry : entries) {
    if (entry.digest != digest || RefNameOf(entry).empty()) continue;
    RETURN_IF_ERROR(RemoveManifestFile(RefNameOf(entry)));
  }
  RETURN_IF_ERROR(RemoveManifestFile(digest.ToString()));
  return WriteTags();
}

}  // namespace stevedore::transfer
