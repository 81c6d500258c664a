#include "transfer/blob_upload.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "transfer/testing/scripted_registry.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using http::testing::ReceivedRequest;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::ScriptedAnswer;
using testing::ScriptedRegistry;
using testing::WithoutWaiting;

// A registry that keeps one upload, and breaks where a test says.
class UploadTest : public ::testing::Test {
 protected:
  ScriptedAnswer Answer(const ReceivedRequest& request, const std::string& body) {
    if (request.method == "POST") {
      stored_.clear();
      ++sessions_;
      return {.status = 202, .headers = {{"Location", Place()}}};
    }
    if (request.method == "GET") {
      if (lost_) {
        lost_ = false;
        return {.status = 404};
      }
      const size_t last = stored_.empty() ? 0 : stored_.size() - 1;
      return {.status = 204,
              .headers = {{"Location", Place()}, {"Range", absl::StrCat("0-", last)}}};
    }
    if (request.method == "DELETE") return {.status = 204};
    if (breaks_ > 0) {
      --breaks_;
      stored_ += body.substr(0, body.size() / 2);
      return {.status = 500};
    }
    stored_ += body;
    if (request.method == "PATCH") return {.status = 202, .headers = {{"Location", Place()}}};
    const std::string digest = absl::StrCat("digest=sha256%3A", oci::Digest::Of(stored_).hex());
    if (!absl::StrContains(request.target, digest)) {
      return {.status = 400, .body = R"({"errors":[{"code":"DIGEST_INVALID"}]})"};
    }
    return {.status = 201};
  }
  // A new state with each answer, as docker-registry does it.
  std::string Place() { return absl::StrCat("/v2/a/b/blobs/uploads/id?_state=", ++state_); }

  absl::Status Put(const std::string& bytes, const std::string& announced) {
    const oci::Descriptor blob{
        .media_type = "x", .digest = oci::Digest::Of(announced), .size = announced.size()};
    return UploadBlob(&session_, registry_.Repository("a/b"), blob,
                      [&]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
                        return std::make_unique<base::StringSource>(bytes);
                      },
                      {});
  }

  std::string stored_;
  int breaks_ = 0, sessions_ = 0, state_ = 0;
  bool lost_ = false;
  ScriptedRegistry registry_{[this](const ReceivedRequest& request, const std::string& body) {
    return Answer(request, body);
  }};
  std::vector<absl::Duration> waits_;
  credentials::MemoryCredentialStore nobody_;
  http::Client http_;
  RegistrySession session_{&http_, &nobody_, [this] {
                             RegistryClientOptions options = WithoutWaiting(&waits_);
                             options.chunk_bytes = 1000;
                             return options;
                           }()};
};

TEST_F(UploadTest, GoesOnWhereTheRegistryIs) {
  const std::string bytes = std::string(5000, 'a') + std::string(5000, 'b');
  breaks_ = 3;
  EXPECT_OK(Put(bytes, bytes));
  EXPECT_EQ(stored_, bytes);
  EXPECT_EQ(sessions_, 1);
}

TEST_F(UploadTest, StartsAnewWhenTheSessionIsLost) {
  breaks_ = 1;
  lost_ = true;
  EXPECT_OK(Put("content", "content"));
  EXPECT_EQ(sessions_, 2);
}

TEST_F(UploadTest, GivesUpInTheEnd) {
  breaks_ = 1000;
  EXPECT_THAT(Put("c", "c"), StatusIs(absl::StatusCode::kUnavailable, HasSubstr("push blob")));
  EXPECT_EQ(waits_.size(), 6);
  EXPECT_THAT(registry_.requests().back(), HasSubstr("DELETE"));
}

TEST_F(UploadTest, OtherContentIsDataLossAtOnce) {
  EXPECT_THAT(Put("tnetnoc", "content"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(sessions_, 1);
  EXPECT_THAT(Put("short", "content"), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(UploadTest, PiecesGoOnWhereTheRegistryIs) {
  ChunkedUpload upload(&session_, registry_.Repository("a/b"), {});
  const std::string bytes = std::string(1500, 'a') + std::string(1600, 'b');
  breaks_ = 2;
  ASSERT_OK(upload.Write(bytes.substr(0, 1200)));
  breaks_ = 1;
  ASSERT_OK(upload.Write(bytes.substr(1200)));
  breaks_ = 1;
  ASSERT_OK_AND_ASSIGN(const oci::Descriptor stored, upload.Commit());
  EXPECT_EQ(stored_, bytes);
  EXPECT_EQ(stored.digest, oci::Digest::Of(bytes));
  EXPECT_EQ(stored.size, bytes.size());
  EXPECT_EQ(sessions_, 1);
}

TEST_F(UploadTest, SmallOnesTakeTwoRequests) {
  ChunkedUpload upload(&session_, registry_.Repository("a/b"), {});
  ASSERT_OK(upload.Write("small"));
  ASSERT_OK(upload.Close());
  ASSERT_OK(upload.Commit(oci::Digest::Of("small")));
  EXPECT_THAT(registry_.requests(),
              ElementsAre(HasSubstr("POST /v2/a/b/blobs/uploads/"), HasSubstr("PUT ")));
}

TEST_F(UploadTest, OtherContentThanExpectedIsNotCommitted) {
  {
    ChunkedUpload upload(&session_, registry_.Repository("a/b"), {});
    ASSERT_OK(upload.Write(std::string(1500, 'x')));
    EXPECT_THAT(upload.Commit(oci::Digest::Of("else")), StatusIs(absl::StatusCode::kDataLoss));
  }
  EXPECT_THAT(registry_.requests().back(), HasSubstr("DELETE"));
}

}  // namespace
}  // namespace stevedore::transfer
