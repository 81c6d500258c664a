#include "context/pack_upload.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "context/pack.h"
#include "context/pack_table.h"
#include "context/tree.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;

// Keeps what it is sent. Thread-safe.
class MemorySink final : public PackSink {
 public:
  absl::StatusOr<bool> HasTag(const std::string& tag) override {
    base::MutexLock lock(&mu_);
    return tags_.count(tag) > 0;
  }
  absl::StatusOr<bool> HasBlob(const oci::Descriptor& blob) override {
    base::MutexLock lock(&mu_);
    return blobs_.count(blob.digest.ToString()) > 0;
  }
  absl::Status PutBlob(const oci::Descriptor& blob, const std::string& path) override {
    const absl::StatusOr<std::string> bytes = base::ReadFile(path);
    if (!bytes.ok()) return bytes.status();
    EXPECT_OK(blob.digest.Verify(*bytes));
    base::MutexLock lock(&mu_);
    if (full) return absl::ResourceExhaustedError("full");
    blobs_.insert(blob.digest.ToString());
    return absl::OkStatus();
  }
  absl::Status PutManifest(const std::string& tag, absl::string_view manifest,
                           absl::string_view) override {
    base::MutexLock lock(&mu_);
    tags_[tag] = std::string(manifest);
    return absl::OkStatus();
  }

  std::string Manifest(const std::string& tag) {
    base::MutexLock lock(&mu_);
    return tags_[tag];
  }
  bool full = false;

 private:
  base::Mutex mu_;
  std::set<std::string> blobs_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, std::string> tags_ ABSL_GUARDED_BY(mu_);
};

class PackUploadTest : public ::testing::Test {
 protected:
  PackUploadTest() { options_.temporary_directory = directory_.path(); }

  // 20 packs of one file each.
  static std::vector<MemoryTree::Item> Items() {
    std::vector<MemoryTree::Item> items;
    for (char c = 'a'; c < 'u'; ++c) {
      items.push_back({std::string(1, c), std::string(1 << 20, c)});
    }
    return items;
  }

  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
  MemorySink sink_;
  PackTable table_;
  PackUploadOptions options_;
};

TEST_F(PackUploadTest, SendsOnceThenOnlyWhatChanged) {
  uint64_t content_bytes = 0;
  options_.progress = [&](uint64_t content, uint64_t) { content_bytes += content; };
  ASSERT_OK_AND_ASSIGN(const auto tree, MemoryTree::Create(Items()));
  ASSERT_OK_AND_ASSIGN(PackUploadResult result, UploadTree(*tree, &table_, sink_, options_));
  EXPECT_EQ(result.pack_count, 20);
  EXPECT_EQ(result.sent_count, 20);
  EXPECT_EQ(content_bytes, 20 << 20);
  ASSERT_OK_AND_ASSIGN(const std::vector<oci::Descriptor> packs,
                       ParseContextManifest(sink_.Manifest(ContextTag(tree->digest()))));
  EXPECT_EQ(packs.size(), 20);

  ASSERT_OK_AND_ASSIGN(result, UploadTree(*tree, &table_, sink_, options_));
  EXPECT_EQ(result.pack_count, 0) << "the tag says that all is there";

  std::vector<MemoryTree::Item> items = Items();
  items[3].content[0] = '!';
  ASSERT_OK_AND_ASSIGN(const auto edited, MemoryTree::Create(std::move(items)));
  ASSERT_OK_AND_ASSIGN(result, UploadTree(*edited, &table_, sink_, options_));
  EXPECT_EQ(result.pack_count, 20);
  EXPECT_EQ(result.sent_count, 1);
}

TEST_F(PackUploadTest, WithoutATableNothingIsSentTwiceEither) {
  ASSERT_OK_AND_ASSIGN(const auto tree, MemoryTree::Create(Items()));
  ASSERT_OK(UploadTree(*tree, nullptr, sink_, options_));
  std::vector<MemoryTree::Item> items = Items();
  items.pop_back();
  ASSERT_OK_AND_ASSIGN(const auto edited, MemoryTree::Create(std::move(items)));
  ASSERT_OK_AND_ASSIGN(const PackUploadResult result,
                       UploadTree(*edited, nullptr, sink_, options_));
  EXPECT_EQ(result.sent_count, 0);
}

TEST_F(PackUploadTest, AFailureLeavesNoTagAndNoFiles) {
  ASSERT_OK_AND_ASSIGN(const auto tree, MemoryTree::Create(Items()));
  sink_.full = true;
  EXPECT_THAT(UploadTree(*tree, &table_, sink_, options_),
              StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(sink_.HasTag(ContextTag(tree->digest())), base::testing::IsOkAndHolds(false));
  EXPECT_OK(base::RemoveTree(directory_.path() + "/none"));
  sink_.full = false;
  EXPECT_OK(UploadTree(*tree, &table_, sink_, options_));
}

TEST_F(PackUploadTest, StopsWhenAsked) {
  ASSERT_OK_AND_ASSIGN(const auto tree, MemoryTree::Create(Items()));
  std::stop_source stop;
  stop.request_stop();
  options_.stop = stop.get_token();
  EXPECT_THAT(UploadTree(*tree, &table_, sink_, options_), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace stevedore::context
