// Tars of any kind, also those that no writer would make, and a small image to put into them.

#ifndef STEVEDORE_TRANSFER_TESTING_TEST_ARCHIVE_H_
#define STEVEDORE_TRANSFER_TESTING_TEST_ARCHIVE_H_

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"
#include "transfer/archive_file.h"
#include "transfer/image_sink.h"

namespace stevedore::transfer::testing {

// A tar in memory, whose names nobody checks. A value.
class TestArchive {
 public:
  // `type` as in ustar: '0' file, '1' hard link, '2' symbolic link, '5' folder.
  TestArchive& Add(const std::string& path, const std::string& content, char type = '0',
                   const std::string& target = "") {
    char header[512] = {};
    std::snprintf(header, 100, "%s", path.c_str());
    std::memcpy(header + 100, "0000644\0000000000\0000000000\0", 24);
    std::snprintf(header + 124, 12, "%011llo", static_cast<unsigned long long>(content.size()));
    std::memcpy(header + 136, "00000000000", 11);
    header[156] = type;
    std::snprintf(header + 157, 100, "%s", target.c_str());
    std::memcpy(header + 257, "ustar\00000", 8);
    std::memcpy(header + 329, "0000000\0000000000\0", 16);
    std::memset(header + 148, ' ', 8);
    unsigned sum = 0;
    for (const char c : header) sum += static_cast<unsigned char>(c);
    std::snprintf(header + 148, 8, "%06o", sum);
    bytes_.append(header, sizeof(header));
    bytes_ += content;
    bytes_.append((512 - content.size() % 512) % 512, '\0');
    return *this;
  }
  TestArchive& AddLink(const std::string& path, const std::string& target) {
    return Add(path, "", '2', target);
  }

  std::string Bytes() const { return bytes_ + std::string(1024, '\0'); }
  // Without the end marker.
  const std::string& Unfinished() const { return bytes_; }

 private:
  std::string bytes_;
};

// A string that any thread may read. Thread-safe.
class StringReader final : public base::RandomReader {
 public:
  explicit StringReader(std::string text) : text_(std::move(text)) {}
  absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override {
    if (offset + size > text_.size()) return absl::OutOfRangeError("behind the end");
    text_.copy(buffer, size, offset);
    return absl::OkStatus();
  }

 private:
  const std::string text_;
};

// An archive of `bytes`, called "test.tar".
inline absl::StatusOr<std::unique_ptr<ArchiveFile>> OpenBytes(const std::string& bytes) {
  return ArchiveFile::FromReader(std::make_shared<StringReader>(bytes), bytes.size(), "test.tar");
}

// An image of one plain layer, linux/amd64, with command `/f`. Plain data.
struct TestImage {
  // The published vectors of this image are in the tests that use it: the file `f` with "hi".
  std::string layer = TestArchive().Add("f", "hi").Bytes();
  std::string config = absl::StrCat(
      R"({"architecture":"amd64","config":{"Cmd":["/f"]},"history":[{"created_by":"stevedore"}],)",
      R"("os":"linux","rootfs":{"diff_ids":[")", oci::Digest::Of(layer).ToString(),
      R"("],"type":"layers"}})");
  std::string manifest = absl::StrCat(
      R"({"config":{"digest":")", oci::Digest::Of(config).ToString(), R"(","mediaType":")",
      oci::kOciConfig, R"(","size":)", config.size(), R"(},"layers":[{"digest":")",
      oci::Digest::Of(layer).ToString(), R"(","mediaType":")", oci::kOciLayer, R"(","size":)",
      layer.size(), R"(}],"mediaType":")", oci::kOciManifest, R"(","schemaVersion":2})");

  std::string digest() const { return oci::Digest::Of(manifest).ToString(); }
  oci::Descriptor LayerDescriptor() const {
    return {.media_type = oci::kOciLayer, .digest = oci::Digest::Of(layer), .size = layer.size()};
  }
  oci::Descriptor ConfigDescriptor() const {
    return {
        .media_type = oci::kOciConfig, .digest = oci::Digest::Of(config), .size = config.size()};
  }
};

// Opens a string as a blob.
inline BlobOpener OpenerOf(const std::string& bytes) {
  return [bytes]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    return std::make_unique<base::StringSource>(bytes);
  };
}

// Puts `image` with its blobs; Finish is for the caller.
inline absl::Status PutTestImage(ImageSink& sink, const std::string& tag_or_digest,
                                 const TestImage& image = {}) {
  for (const auto& [blob, bytes] : {std::pair(image.ConfigDescriptor(), image.config),
                                    std::pair(image.LayerDescriptor(), image.layer)}) {
    if (absl::Status put = sink.PutBlob(blob, OpenerOf(bytes)); !put.ok()) return put;
  }
  return sink.PutManifest(tag_or_digest, image.manifest, oci::kOciManifest).status();
}

}  // namespace stevedore::transfer::testing

#endif  // STEVEDORE_TRANSFER_TESTING_TEST_ARCHIVE_H_
