#include "coordinator/submission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"

namespace stevedore::coordinator {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

v1::SubmitBuildRequest HeaderPart(const std::string& request_id) {
  v1::SubmitBuildRequest part;
  part.mutable_header()->set_request_id(request_id);
  return part;
}

v1::SubmitBuildRequest ImagesPart(int count) {
  v1::SubmitBuildRequest part;
  for (int i = 0; i < count; ++i) part.mutable_images()->add_images()->set_id("image");
  return part;
}

v1::SubmitBuildRequest CommitPart(int count) {
  v1::SubmitBuildRequest part;
  part.mutable_commit()->set_image_count(count);
  return part;
}

TEST(SubmissionReaderTest, PutsBatchesTogether) {
  SubmissionReader reader;
  ASSERT_OK(reader.Add(HeaderPart("r1")));
  ASSERT_OK(reader.Add(ImagesPart(2)));
  ASSERT_OK(reader.Add(ImagesPart(1)));
  ASSERT_OK(reader.Add(CommitPart(3)));
  ASSERT_OK_AND_ASSIGN(Submission submission, reader.Finish());
  EXPECT_EQ(submission.header.request_id(), "r1");
  EXPECT_EQ(submission.images.size(), 3);
}

TEST(SubmissionReaderTest, RefusesPartsOutOfOrder) {
  SubmissionReader reader;
  EXPECT_THAT(reader.Add(ImagesPart(1)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must be `header`")));
  ASSERT_OK(reader.Add(HeaderPart("r1")));
  EXPECT_THAT(reader.Add(HeaderPart("r1")), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(reader.Add(v1::SubmitBuildRequest()), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(reader.Add(CommitPart(2)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("announces 2 images, but 0")));
  ASSERT_OK(reader.Add(CommitPart(0)));
  EXPECT_THAT(reader.Add(ImagesPart(1)), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(SubmissionReaderTest, AStreamThatBreaksIsAborted) {
  SubmissionReader reader;
  ASSERT_OK(reader.Add(HeaderPart("r1")));
  EXPECT_THAT(reader.Finish(), StatusIs(absl::StatusCode::kAborted));
}

TEST(SubmissionReaderTest, SealedCredentialsHaveALimit) {
  SubmissionReader reader;
  v1::SubmitBuildRequest part = HeaderPart("r1");
  part.mutable_header()->set_sealed_credentials(std::string((256 << 10) + 1, 'a'));
  EXPECT_THAT(reader.Add(part), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("256 KiB")));
}

}  // namespace
}  // namespace stevedore::coordinator
