#include "transfer/blob_download.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "transfer/testing/scripted_registry.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using http::testing::ReceivedRequest;
using ::testing::HasSubstr;
using testing::ScriptedAnswer;
using testing::ScriptedRegistry;
using testing::WithoutWaiting;

class BlobDownloadTest : public ::testing::Test {
 protected:
  // Downloads `content_` from a registry that follows `script`.
  absl::StatusOr<std::string> Download(ScriptedRegistry::Script script) {
    ScriptedRegistry registry(std::move(script));
    RegistrySession session(&http_, &nobody_, WithoutWaiting(&waits_));
    auto download = BlobDownload::Start(
        &session, registry.Repository("a/b"),
        {.media_type = "x", .digest = oci::Digest::Of(content_), .size = content_.size()}, {});
    if (!download.ok()) return download.status();
    return base::ReadAll(**download, 10 << 20);
  }

  // The offset in "bytes=N-".
  static size_t Offset(const ReceivedRequest& request) {
    const std::string range = request.headers.Find("Range").value_or("bytes=0-");
    size_t offset = 0;
    (void)absl::SimpleAtoi(range.substr(6, range.size() - 7), &offset);
    return offset;
  }

  ScriptedAnswer Part(size_t offset, size_t cut_after = SIZE_MAX) const {
    if (offset == 0) return {.body = content_, .cut_after = cut_after};
    return {.status = 206,
            .headers = {{"Content-Range", absl::StrCat("bytes ", offset, "-", content_.size() - 1,
                                                       "/", content_.size())}},
            .body = content_.substr(offset),
            .cut_after = cut_after};
  }

  const std::string content_ = std::string(300000, 'a') + std::string(300000, 'b');
  std::vector<absl::Duration> waits_;
  credentials::MemoryCredentialStore nobody_;
  http::Client http_;
};

TEST_F(BlobDownloadTest, ResumesWhereTheConnectionBroke) {
  int count = 0;
  EXPECT_THAT(Download([&](const ReceivedRequest& request, const std::string&) {
                return Part(Offset(request), ++count < 10 ? 60000 : SIZE_MAX);
              }),
              IsOkAndHolds(content_));
  EXPECT_GE(count, 10);  // More breaks than retries, but each got further.
}

TEST_F(BlobDownloadTest, SkipsWhatAServerSendsTwice) {
  int count = 0;
  EXPECT_THAT(Download([&](const ReceivedRequest&, const std::string&) {
                return Part(0, ++count == 1 ? 100000 : SIZE_MAX);
              }),
              IsOkAndHolds(content_));
  EXPECT_EQ(count, 2);
}

TEST_F(BlobDownloadTest, GivesUpWithoutProgress) {
  EXPECT_THAT(Download([&](const ReceivedRequest&, const std::string&) { return Part(0, 0); }),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("at byte 0")));
  EXPECT_EQ(waits_.size(), 6);
}

TEST_F(BlobDownloadTest, OtherBytesAreDataLoss) {
  std::string other = content_;
  other[5] = 'x';
  EXPECT_THAT(Download([&](const ReceivedRequest&, const std::string&) {
                return ScriptedAnswer{.body = other};
              }),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("other bytes")));
  EXPECT_THAT(
      Download([&](const ReceivedRequest&, const std::string&) {
        return ScriptedAnswer{.body = content_ + "!"};
      }),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("announces 600001 bytes instead of 600000")));
  EXPECT_THAT(Download([&](const ReceivedRequest&, const std::string&) {
                return ScriptedAnswer{.body = content_.substr(1)};
              }),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("599999 bytes instead of 600000")));
}

TEST_F(BlobDownloadTest, AWrongRangeIsDataLoss) {
  int count = 0;
  EXPECT_THAT(Download([&](const ReceivedRequest&, const std::string&) {
                return ++count == 1 ? Part(0, 100000) : Part(7);
              }),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("bytes 7-")));
}

TEST_F(BlobDownloadTest, AMissingBlobIsNotFound) {
  EXPECT_THAT(Download([&](const ReceivedRequest&, const std::string&) {
                return ScriptedAnswer{.status = 404};
              }),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("a/b")));
}

}  // namespace
}  // namespace stevedore::transfer
