// A place of images for tests of copies.

#ifndef STEVEDORE_TRANSFER_TESTING_COPY_PLACE_H_
#define STEVEDORE_TRANSFER_TESTING_COPY_PLACE_H_

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/testing/status_matchers.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"
#include "transfer/memory_images.h"

namespace stevedore::transfer::testing {

// A place in memory that writes down what it is asked, can be a registry's repository, and can
// fail. Thread-safe.
class Place final : public ImageSource, public ImageSink {
 public:
  explicit Place(std::string mount_name = "") : mount_name_(std::move(mount_name)) {}

  MemoryImages& images() { return images_; }
  // Everything that was asked since the last call: "HEAD manifest 1.0".
  std::vector<std::string> TakeLog() {
    base::MutexLock lock(&mu_);
    return std::exchange(log_, {});
  }
  int Count(absl::string_view what) {
    base::MutexLock lock(&mu_);
    return std::count_if(log_.begin(), log_.end(),
                         [&](const std::string& line) { return absl::StartsWith(line, what); });
  }
  // Called before every operation, with its line; an error is returned from there.
  void set_hook(std::function<absl::Status(const std::string&)> hook) { hook_ = std::move(hook); }
  // Repositories of the same registry, from which blobs can be mounted.
  void set_neighbours(std::map<std::string, Place*> neighbours) {
    neighbours_ = std::move(neighbours);
  }

  absl::StatusOr<RawManifest> GetManifest(const std::string& name, std::stop_token) override {
    RETURN_IF_ERROR(Note("GET manifest ", name));
    return images_.GetManifest(name);
  }
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(const std::string& name,
                                                              std::stop_token) override {
    RETURN_IF_ERROR(Note("HEAD manifest ", name));
    return images_.HeadManifest(name);
  }
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                             std::stop_token) override {
    RETURN_IF_ERROR(Note("GET blob ", blob.digest.ToString()));
    return images_.OpenBlob(blob);
  }
  absl::StatusOr<std::vector<oci::Descriptor>> Referrers(const oci::Digest& subject,
                                                         const std::string& type,
                                                         std::stop_token) override {
    RETURN_IF_ERROR(Note("referrers ", subject.ToString()));
    return images_.Referrers(subject, type);
  }
  std::string MountName() const override { return mount_name_; }

  absl::StatusOr<bool> HasBlob(const oci::Digest& digest, std::stop_token) override {
    RETURN_IF_ERROR(Note("HEAD blob ", digest.ToString()));
    return images_.HasBlob(digest);
  }
  absl::Status PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                       std::stop_token) override {
    RETURN_IF_ERROR(Note("PUT blob ", blob.digest.ToString()));
    ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source, opener());
    ASSIGN_OR_RETURN(const std::string bytes, base::ReadAll(*source, 1 << 30));
    Add(bytes, blob.media_type);
    return absl::OkStatus();
  }
  absl::StatusOr<bool> MountBlob(const oci::Digest& digest, const std::string& from,
                                 std::stop_token) override {
    RETURN_IF_ERROR(Note("mount blob ", digest.ToString(), " from ", from));
    const auto neighbour = neighbours_.find(from);
    if (neighbour == neighbours_.end()) return false;
    ASSIGN_OR_RETURN(const bool there, neighbour->second->images_.HasBlob(digest));
    if (!there) return false;
    ASSIGN_OR_RETURN(const std::string bytes, neighbour->second->Bytes(digest));
    Add(bytes, "");
    return true;
  }
  absl::StatusOr<std::unique_ptr<BlobUpload>> StartBlob(std::stop_token stop) override {
    RETURN_IF_ERROR(Note("POST blob"));
    return images_.StartBlob(stop);
  }
  absl::Status AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                             std::stop_token stop) override {
    return images_.AdoptBlobFile(blob, path, stop);
  }
  absl::StatusOr<oci::Digest> PutManifest(const std::string& name, absl::string_view bytes,
                                          const std::string& type, std::stop_token) override {
    RETURN_IF_ERROR(Note("PUT manifest ", name));
    return images_.PutManifest(name, bytes, type);
  }
  absl::Status Finish(std::stop_token) override { return Note("finish"); }
  ImageSource* Readable() override { return this; }
  std::string Describe() const override { return mount_name_.empty() ? "memory" : mount_name_; }

  // The content of a blob whose size is not known.
  absl::StatusOr<std::string> Bytes(const oci::Digest& digest) {
    base::MutexLock lock(&mu_);
    const auto known = contents_.find(digest);
    if (known == contents_.end()) return absl::NotFoundError("not added by Add");
    return known->second;
  }
  // Adds a blob that Bytes knows.
  oci::Descriptor Add(const std::string& bytes, const std::string& type) {
    {
      base::MutexLock lock(&mu_);
      contents_[oci::Digest::Of(bytes)] = bytes;
    }
    return images_.AddBlob(bytes, type);
  }

 private:
  template <typename... Parts>
  absl::Status Note(const Parts&... parts) {
    const std::string line = absl::StrCat(parts...);
    {
      base::MutexLock lock(&mu_);
      log_.push_back(line);
    }
    return hook_ == nullptr ? absl::OkStatus() : hook_(line);
  }

  const std::string mount_name_;
  MemoryImages images_;
  std::map<std::string, Place*> neighbours_;
  std::function<absl::Status(const std::string&)> hook_;
  base::Mutex mu_;
  std::vector<std::string> log_ ABSL_GUARDED_BY(mu_);
  std::map<oci::Digest, std::string> contents_ ABSL_GUARDED_BY(mu_);
};

// An image with layers of the given contents. `name`: a tag, or empty for by digest only.
inline oci::Descriptor AddImage(Place& place, const std::string& name,
                                const std::vector<std::string>& layers,
                                const std::string& architecture = "amd64",
                                const nlohmann::json& more = nlohmann::json::object()) {
  nlohmann::json config = {{"os", "linux"},
                           {"architecture", architecture},
                           {"rootfs", {{"type", "layers"}, {"diff_ids", nlohmann::json::array()}}}};
  nlohmann::json json = {
      {"schemaVersion", 2}, {"mediaType", oci::kOciManifest}, {"layers", nlohmann::json::array()}};
  for (const std::string& layer : layers) {
    json["layers"].push_back(place.Add(layer, oci::kOciLayer).ToJson());
    config["rootfs"]["diff_ids"].push_back(oci::Digest::Of(layer).ToString());
  }
  json["config"] = place.Add(config.dump(), oci::kOciConfig).ToJson();
  json.update(more);
  const std::string bytes = json.dump();
  const oci::Digest digest = oci::Digest::Of(bytes);
  EXPECT_OK(place.images().PutManifest(name.empty() ? digest.ToString() : name, bytes,
                                       oci::kOciManifest));
  return {.media_type = oci::kOciManifest,
          .digest = digest,
          .size = bytes.size(),
          .platform = oci::Platform{.os = "linux", .architecture = architecture}};
}

inline oci::Descriptor AddIndex(Place& place, const std::string& name,
                                const std::vector<oci::Descriptor>& children) {
  const oci::Index index = oci::Index::Create(children).value();
  EXPECT_OK(place.images().PutManifest(name.empty() ? index.digest().ToString() : name,
                                       index.bytes(), index.media_type()));
  return index.ToDescriptor();
}

inline oci::Digest DigestAt(Place& place, const std::string& name) {
  const auto found = place.images().HeadManifest(name);
  EXPECT_OK(found);
  return found.ok() && found->has_value() ? (*found)->digest : oci::Digest();
}

// An artifact attached to `subject`.
inline oci::Descriptor AddArtifact(Place& place, const oci::Descriptor& subject,
                                   const std::string& type) {
  return AddImage(place, "", {type + " content"}, "amd64",
                  {{"subject",
                    {{"mediaType", subject.media_type},
                     {"digest", subject.digest.ToString()},
                     {"size", subject.size}}},
                   {"artifactType", type}});
}

// Position of the only line that begins so.
inline size_t At(const std::vector<std::string>& log, absl::string_view line) {
  const auto it = std::find_if(log.begin(), log.end(),
                               [&](const std::string& one) { return absl::StartsWith(one, line); });
  EXPECT_NE(it, log.end()) << line;
  return it - log.begin();
}

}  // namespace stevedore::transfer::testing

#endif  // STEVEDORE_TRANSFER_TESTING_COPY_PLACE_H_
