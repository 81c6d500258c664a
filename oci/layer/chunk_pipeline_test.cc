#include "oci/layer/chunk_pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <string>

#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

// Chunks that all hold their own number; one of them may fail.
class NumberedChunks final : public ChunkSource {
 public:
  NumberedChunks(uint64_t size, bool known, uint64_t bad = UINT64_MAX)
      : size_(size), known_(known), bad_(bad) {}
  std::optional<uint64_t> size() const override {
    return known_ ? std::optional<uint64_t>(size_) : std::nullopt;
  }
  absl::StatusOr<size_t> Fill(uint64_t offset, char* buffer, size_t size) override {
    if (!known_) {
      EXPECT_EQ(offset, next_) << "streams are read in order";
      EXPECT_FALSE(busy_.exchange(true)) << "streams are read by one thread at a time";
      next_ += size;
    }
    const uint64_t chunk = offset >> 20;
    if (chunk == bad_) return absl::DataLossError("bad chunk");
    const size_t count = offset >= size_ ? 0 : std::min<uint64_t>(size, size_ - offset);
    std::memset(buffer, static_cast<int>('a' + chunk % 26), count);
    busy_ = false;
    return count;
  }

 private:
  const uint64_t size_;
  const bool known_;
  const uint64_t bad_;
  std::atomic<uint64_t> next_ = 0;
  std::atomic<bool> busy_ = false;
};

TEST(ChunkPipelineTest, ChunksComeOutInOrder) {
  constexpr uint64_t kSize = (37 << 20) + 12345;
  for (const bool known : {true, false}) {
    for (const int threads : {1, 2, 7}) {
      NumberedChunks source(kSize, known);
      std::string blob;
      base::StringSink sink(&blob);
      ASSERT_OK_AND_ASSIGN(
          const LayerResult result,
          ChunkPipeline(&source, &sink,
                        {.compression = *Compression::Parse("none"), .threads = threads})
              .Run());
      ASSERT_EQ(blob.size(), kSize);
      EXPECT_EQ(result.tar_size, kSize);
      for (uint64_t i = 0; i < kSize; i += 4096) {
        ASSERT_EQ(blob[i], static_cast<char>('a' + (i >> 20) % 26)) << i;
      }
    }
  }
}

TEST(ChunkPipelineTest, AFailureEndsAllThreads) {
  for (const bool known : {true, false}) {
    NumberedChunks source(50 << 20, known, /*bad=*/17);
    std::string blob;
    base::StringSink sink(&blob);
    EXPECT_THAT(ChunkPipeline(&source, &sink, {.threads = 5}).Run(),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("bad chunk")));
  }
}

}  // namespace
}  // namespace stevedore::oci
