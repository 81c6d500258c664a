#include "oci/layer/tar_contents.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "base/testing/status_matchers.h"
#include "oci/layer/layer_writer.h"
#include "oci/layer/tar_writer.h"

namespace stevedore::oci {
namespace {

// A tar in memory.
class StringReader final : public base::RandomReader {
 public:
  explicit StringReader(std::string text) : text_(std::move(text)) {}
  absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override {
    if (offset + size > text_.size()) return absl::OutOfRangeError("end");
    std::memcpy(buffer, text_.data() + offset, size);
    return absl::OkStatus();
  }

 private:
  const std::string text_;
};

TEST(TarContentsTest, RewritesATarAsALayer) {
  std::string tar;
  base::StringSink sink(&tar);
  TarWriter writer(&sink, {.mtime = 777});
  ASSERT_OK(writer.Append({.path = "run", .mode = 0644}, "old"));
  ASSERT_OK(writer.Append({.path = "etc", .type = LayerEntry::Type::kDirectory, .mode = 0755}));
  ASSERT_OK(writer.Append({.path = "etc/hello"}, "world"));
  ASSERT_OK(writer.Append({.path = "run"}, "#!/bin/sh\n"));
  ASSERT_OK(writer.Finish());
  base::StringSource source(tar);
  ASSERT_OK_AND_ASSIGN(const std::vector<LayerEntry> entries, ReadTarEntries(source));
  EXPECT_EQ(entries.size(), 3u) << "the later `run` replaces the first";

  const StringReader reader(tar);
  const TarContents contents(&reader);
  std::string blob;
  base::StringSink blob_sink(&blob);
  ASSERT_OK_AND_ASSIGN(
      const LayerResult result,
      WriteLayer(entries, contents, &blob_sink, {.compression = *Compression::Parse("none")}));
  EXPECT_EQ(result.diff_id.hex(),
            "71fc142bcd0552c7519b1a4c9d797a5df8ab2d5241957fc57e066fd49a651796");
}

TEST(TarContentsTest, ReadsNothingBesideTheEntry) {
  const StringReader reader("0123456789");
  const TarContents contents(&reader);
  ASSERT_OK_AND_ASSIGN(const auto part, contents.Open({.path = "f", .size = 3, .content_id = 4}));
  char buffer[4];
  ASSERT_OK(part->ReadAt(1, buffer, 2));
  EXPECT_EQ(std::string(buffer, 2), "56");
  EXPECT_EQ(part->ReadAt(2, buffer, 2).code(), absl::StatusCode::kOutOfRange);
}

}  // namespace
}  // namespace stevedore::oci
