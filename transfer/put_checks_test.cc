#include "transfer/put_checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/byte_source.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

BlobOpener Opener(const std::string& bytes) {
  return [bytes]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    return std::make_unique<base::StringSource>(bytes);
  };
}

const oci::Descriptor kHello = {.digest = oci::Digest::Of("hello"), .size = 5};

TEST(PutChecksTest, CopiesWhatHasItsSize) {
  std::string out;
  base::StringSink sink(&out);
  ASSERT_OK(CopyBlob(kHello, Opener("hello"), sink, "dir:x", {}));
  EXPECT_EQ(out, "hello");
  EXPECT_THAT(CopyBlob(kHello, Opener("hell"), sink, "dir:x", {}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("4 bytes came instead of 5")));
  out.clear();
  EXPECT_THAT(CopyBlob(kHello, Opener("hello and more"), sink, "dir:x", {}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("dir:x")));
  EXPECT_LE(out.size(), 6);  // A liar does not fill the disk.
}

TEST(PutChecksTest, ObeysStop) {
  std::string out;
  base::StringSink sink(&out);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(CopyBlob(kHello, Opener("hello"), sink, "dir:x", stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST(PutChecksTest, ManifestsAreTheirDigests) {
  ASSERT_OK(CheckManifestDigest(kHello.digest.ToString(), "hello"));
  EXPECT_THAT(CheckManifestDigest(kHello.digest.ToString(), "other"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("other bytes")));
  EXPECT_THAT(CheckManifestDigest("sha256:1", "x"), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace stevedore::transfer
