#include "oci/layer/layer_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/testing/status_matchers.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_writer.h"
#include "oci/layer/testing/memory_contents.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;
using testing::MemoryContents;
using testing::Noise;
using testing::Prose;

Compression Codec(absl::string_view text) { return *Compression::Parse(text); }

// About 5 MiB: text, noise, many small files, links, an empty file.
std::vector<LayerEntry> MixedTree(MemoryContents& contents) {
  std::vector<LayerEntry> entries;
  entries.push_back(MemoryContents::Directory("usr"));
  entries.push_back(contents.File("usr/big.txt", Prose(1'500'000)));
  entries.push_back(contents.File("usr/photo", Noise(2'300'001)));
  entries.push_back(contents.File("empty", ""));
  entries.push_back(MemoryContents::Symlink("usr/link", "big.txt"));
  entries.push_back(MemoryContents::HardLink("usr/hard", "usr/big.txt"));
  entries.push_back(MemoryContents::Directory("many"));
  for (int i = 0; i < 500; ++i) {
    entries.push_back(contents.File(absl::StrCat("many/", i), Prose(i * 7, i)));
  }
  entries.push_back(contents.File("many/" + std::string(200, 'l'), "long name"));
  return entries;
}

std::string Decompress(std::string blob) {
  auto opened = OpenDecompressed(std::make_unique<base::StringSource>(std::move(blob)));
  EXPECT_OK(opened);
  auto text = base::ReadAll(*opened->source, 1 << 30);
  EXPECT_OK(text);
  return *std::move(text);
}

TEST(LayerWriterTest, KnownTreeMakesKnownTar) {
  MemoryContents contents;
  std::string blob;
  base::StringSink sink(&blob);
  ASSERT_OK_AND_ASSIGN(
      const LayerResult result,
      WriteLayer({contents.File("run", "#!/bin/sh\n"), contents.File("etc/hello", "world"),
                  MemoryContents::Directory("etc")},
                 contents, &sink, {.compression = Codec("none")}));
  EXPECT_EQ(result.diff_id.hex(),
            "71fc142bcd0552c7519b1a4c9d797a5df8ab2d5241957fc57e066fd49a651796");
  EXPECT_EQ(result.descriptor.digest, result.diff_id);
  EXPECT_EQ(result.descriptor.media_type, kOciLayer);
  EXPECT_EQ(result.descriptor.size, 3584u);
  EXPECT_EQ(result.tar_size, 3584u);
  EXPECT_EQ(Digest::Of(blob), result.diff_id);
}

TEST(LayerWriterTest, AnEmptyLayerIsTheEmptyTar) {
  for (const char* codec : {"none", "gzip", "gzip:fast", "gzip:small", "zstd"}) {
    MemoryContents contents;
    std::string blob;
    base::StringSink sink(&blob);
    ASSERT_OK_AND_ASSIGN(const LayerResult result,
                         WriteLayer({}, contents, &sink, {.compression = Codec(codec)}));
    EXPECT_EQ(result.diff_id.hex(),
              "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef");
    EXPECT_EQ(Decompress(blob), std::string(1024, '\0')) << codec;
  }
}

class LayerWriterCodecTest : public ::testing::TestWithParam<const char*> {};

TEST_P(LayerWriterCodecTest, BytesDependOnlyOnTheTree) {
  MemoryContents contents;
  const std::vector<LayerEntry> entries = MixedTree(contents);
  std::string reference;
  base::StringSink sink(&reference);
  ASSERT_OK_AND_ASSIGN(
      const LayerResult expected,
      WriteLayer(entries, contents, &sink, {.compression = Codec(GetParam()), .threads = 1}));
  EXPECT_EQ(Digest::Of(reference), expected.descriptor.digest);
  EXPECT_EQ(reference.size(), expected.descriptor.size);
  const std::string tar = Decompress(reference);
  EXPECT_EQ(Digest::Of(tar), expected.diff_id);
  EXPECT_EQ(tar.size(), expected.tar_size);

  std::mt19937 random(7);
  for (const int threads : {2, 3, 8}) {
    std::vector<LayerEntry> shuffled = entries;
    std::shuffle(shuffled.begin(), shuffled.end(), random);
    std::string blob;
    base::StringSink other(&blob);
    ASSERT_OK_AND_ASSIGN(const LayerResult result,
                         WriteLayer(std::move(shuffled), contents, &other,
                                    {.compression = Codec(GetParam()), .threads = threads}));
    EXPECT_EQ(result.diff_id, expected.diff_id) << threads;
    EXPECT_TRUE(blob == reference) << threads;
  }

  // The same tar as a stream makes the same layer.
  std::string streamed;
  base::StringSink stream_sink(&streamed);
  base::StringSource source(tar);
  ASSERT_OK_AND_ASSIGN(
      const LayerResult from_stream,
      WriteTarLayer(source, &stream_sink, {.compression = Codec(GetParam()), .threads = 3}));
  EXPECT_TRUE(streamed == reference);
  EXPECT_EQ(from_stream.diff_id, expected.diff_id);
}

INSTANTIATE_TEST_SUITE_P(Codecs, LayerWriterCodecTest,
                         ::testing::Values("none", "gzip", "gzip:fast", "gzip:small", "zstd",
                                           "zstd:1"));

TEST(LayerWriterTest, PlanAndTarWriterAgree) {
  MemoryContents contents;
  std::vector<LayerEntry> entries = MixedTree(contents);
  std::string planned, written;
  base::StringSink planned_sink(&planned), written_sink(&written);
  ASSERT_OK(WriteLayer(entries, contents, &planned_sink,
                       {.compression = Codec("none"), .source_date_epoch = 99}));
  std::sort(entries.begin(), entries.end(),
            [](const LayerEntry& a, const LayerEntry& b) { return LayerPathLess(a.path, b.path); });
  TarWriter writer(&written_sink, {.mtime = 99});
  for (const LayerEntry& entry : entries) {
    ASSERT_OK(
        writer.Append(entry, entry.type == LayerEntry::Type::kFile ? contents.content(entry) : ""));
  }
  ASSERT_OK(writer.Finish());
  EXPECT_TRUE(planned == written);
}

TEST(LayerWriterTest, TheFirstHardLinkInOrderCarriesTheContent) {
  MemoryContents contents;
  const LayerEntry file = contents.File("z", "text");
  std::string direct, linked;
  base::StringSink direct_sink(&direct), linked_sink(&linked);
  LayerEntry first = file;
  first.path = "a";
  ASSERT_OK(
      WriteLayer({first, MemoryContents::HardLink("m", "a"), MemoryContents::HardLink("z", "a")},
                 contents, &direct_sink, {.compression = Codec("none")}));
  ASSERT_OK(
      WriteLayer({file, MemoryContents::HardLink("m", "z"), MemoryContents::HardLink("a", "z")},
                 contents, &linked_sink, {.compression = Codec("none")}));
  EXPECT_TRUE(direct == linked);
}

TEST(LayerWriterTest, RefusesWhatIsNoTree) {
  MemoryContents contents;
  const LayerEntry a = contents.File("a", "1");
  const auto write = [&contents](std::vector<LayerEntry> entries) {
    std::string blob;
    base::StringSink sink(&blob);
    return WriteLayer(std::move(entries), contents, &sink, {}).status();
  };
  EXPECT_THAT(write({a, a}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("`a` is there twice")));
  EXPECT_THAT(write({a, contents.File("a/b", "")}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("`a/b` is below `a`, which is not a directory")));
  EXPECT_THAT(write({contents.File("../a", "")}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("`../a`")));
  EXPECT_THAT(write({MemoryContents::HardLink("x", "../../etc/passwd")}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("hard link `x`")));
  EXPECT_THAT(write({MemoryContents::HardLink("x", "y"), MemoryContents::HardLink("y", "x")}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("leads back to itself")));
  EXPECT_THAT(write({MemoryContents::Directory("d"), MemoryContents::HardLink("x", "d")}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is a directory")));
  EXPECT_OK(write({MemoryContents::HardLink("x", "of/a/lower/layer")}));
}

TEST(LayerWriterTest, AFileThatBecameShorterIsNamed) {
  MemoryContents contents;
  const LayerEntry file = contents.File("dir/log", Prose(3'000'000));
  contents.Truncate(file, 2'999'999);
  for (const int threads : {1, 4}) {
    std::string blob;
    base::StringSink sink(&blob);
    EXPECT_THAT(
        WriteLayer({file}, contents, &sink, {.threads = threads}),
        StatusIs(absl::StatusCode::kAborted, HasSubstr("`dir/log`: content became shorter")));
  }
}

// Fails after some bytes; remembers whether it was closed.
class FullSink final : public base::ByteSink {
 public:
  explicit FullSink(uint64_t room) : room_(room) {}
  absl::Status Write(absl::string_view bytes) override {
    if (bytes.size() > room_) return absl::ResourceExhaustedError("disk full");
    room_ -= bytes.size();
    return absl::OkStatus();
  }
  absl::Status Close() override {
    closed_ = true;
    return absl::OkStatus();
  }
  bool closed() const { return closed_; }

 private:
  uint64_t room_;
  bool closed_ = false;
};

TEST(LayerWriterTest, AFailingSinkEndsTheLayerAndIsNotClosed) {
  MemoryContents contents;
  const LayerEntry file = contents.File("f", Noise(9'000'000));
  for (const int threads : {1, 4}) {
    FullSink sink(2'000'000);
    EXPECT_THAT(WriteLayer({file}, contents, &sink, {.threads = threads}),
                StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("disk full")));
    EXPECT_FALSE(sink.closed());
  }
}

TEST(LayerWriterTest, StopsWhenAsked) {
  MemoryContents contents;
  const LayerEntry file = contents.File("f", Prose(8'000'000));
  std::stop_source stop;
  std::string blob;
  base::StringSink sink(&blob);
  LayerWriterOptions options{.threads = 2, .stop = stop.get_token()};
  options.progress = [&stop](uint64_t) { stop.request_stop(); };
  EXPECT_THAT(WriteLayer({file}, contents, &sink, std::move(options)),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST(LayerWriterTest, ProgressEndsAtTheSizeOfTheTar) {
  MemoryContents contents;
  std::vector<uint64_t> seen;
  std::string blob;
  base::StringSink sink(&blob);
  LayerWriterOptions options{.threads = 4};
  options.progress = [&seen](uint64_t done) { seen.push_back(done); };
  ASSERT_OK_AND_ASSIGN(const LayerResult result, WriteLayer({contents.File("f", Prose(5'000'000))},
                                                            contents, &sink, std::move(options)));
  EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
  EXPECT_EQ(seen.size(), 5u);
  EXPECT_EQ(seen.back(), result.tar_size);
}

TEST(LayerWriterTest, BuffersComeFromTheBudget) {
  MemoryContents contents;
  const LayerEntry file = contents.File("f", Prose(9'000'000));
  // Room for one slot only: one thread does it, however many are wanted.
  base::MemoryBudget small(4 << 20);
  std::string blob, same;
  base::StringSink sink(&blob), same_sink(&same);
  ASSERT_OK(WriteLayer({file}, contents, &sink, {.threads = 64, .budget = &small}));
  EXPECT_TRUE(small.TryTake(4 << 20).has_value()) << "not everything was given back";
  ASSERT_OK(WriteLayer({file}, contents, &same_sink, {.threads = 64}));
  EXPECT_TRUE(blob == same);

  base::MemoryBudget tiny(1000);
  EXPECT_THAT(WriteLayer({file}, contents, &sink, {.budget = &tiny}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("buffers of a layer")));
}

TEST(LayerWriterTest, AStreamThatEndsAtTheEdgeOfAChunk) {
  for (const size_t size : {size_t{1} << 20, size_t{3} << 20, (size_t{2} << 20) + 1}) {
    const std::string tar = Prose(size);
    base::StringSource source(tar);
    std::string blob;
    base::StringSink sink(&blob);
    ASSERT_OK_AND_ASSIGN(const LayerResult result, WriteTarLayer(source, &sink, {.threads = 4}));
    EXPECT_EQ(result.tar_size, size);
    EXPECT_TRUE(Decompress(blob) == tar);
  }
  base::StringSource empty("");
  std::string blob;
  base::StringSink sink(&blob);
  EXPECT_THAT(WriteTarLayer(empty, &sink, {}), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace stevedore::oci
