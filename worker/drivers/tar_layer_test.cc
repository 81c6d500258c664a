#include "worker/drivers/tar_layer.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/byte_sink.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/layer/tar_writer.h"

namespace stevedore::worker {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using oci::LayerEntry;
using ::testing::ElementsAre;

// A string that can be read anywhere.
class StringReader final : public base::RandomReader {
 public:
  explicit StringReader(std::string text) : text_(std::move(text)) {}
  absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override {
    if (offset + size > text_.size()) return absl::OutOfRangeError("short");
    text_.copy(buffer, size, offset);
    return absl::OkStatus();
  }

 private:
  const std::string text_;
};

std::string SmallTar() {
  std::string tar;
  base::StringSink sink(&tar);
  oci::TarWriter writer(&sink);
  LayerEntry file;
  file.path = "a";
  file.uid = 7;
  EXPECT_OK(writer.Append(file, absl::string_view("hello")));
  LayerEntry link;
  link.path = "b";
  link.type = LayerEntry::Type::kHardLink;
  link.link_target = "a";
  EXPECT_OK(writer.Append(link));
  EXPECT_OK(writer.Finish());
  return tar;
}

absl::StatusOr<TarLayer> Read(const std::string& tar, const char* to, std::stop_token stop = {}) {
  return ReadTarLayer(std::make_unique<StringReader>(tar), tar.size(), to, "", stop);
}

TEST(TarLayerTest, ReadsEntriesAndTheirContents) {
  ASSERT_OK_AND_ASSIGN(const TarLayer layer, Read(SmallTar(), "/"));
  ASSERT_EQ(layer.entries.size(), 2u);
  EXPECT_EQ(layer.entries[0].path, "a");
  EXPECT_EQ(layer.entries[0].uid, 7u);
  EXPECT_EQ(layer.content_bytes, 5u);
  ASSERT_OK_AND_ASSIGN(const auto reader, layer.contents->Open(layer.entries[0]));
  std::string content(5, '\0');
  ASSERT_OK(reader->ReadAt(0, content.data(), content.size()));
  EXPECT_EQ(content, "hello");
}

TEST(TarLayerTest, MovesEntriesAndLinksBelowTo) {
  ASSERT_OK_AND_ASSIGN(const TarLayer layer, Read(SmallTar(), "/opt//app/."));
  std::vector<std::string> paths;
  for (const LayerEntry& entry : layer.entries) paths.push_back(entry.path);
  EXPECT_THAT(paths, ElementsAre("opt/app/a", "opt/app/b", "opt/app"));
  EXPECT_EQ(layer.entries[1].link_target, "opt/app/a");
}

TEST(TarLayerTest, RefusesWhatIsNoTarAndStopsWhenTold) {
  EXPECT_THAT(Read(std::string(5000, 'x'), "/"), StatusIs(absl::StatusCode::kInvalidArgument));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(Read(SmallTar(), "/", stop.get_token()), StatusIs(absl::StatusCode::kCancelled));
}

TEST(TarLayerTest, AStreamEndsWhereItShould) {
  const StringReader reader("hello world");
  const auto source = StreamOf(&reader, 5, {});
  EXPECT_THAT(base::ReadAll(*source, 100), IsOkAndHolds(std::string("hello")));
}

}  // namespace
}  // namespace stevedore::worker
