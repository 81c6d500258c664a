#include "transfer/verified_source.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;

absl::StatusOr<std::string> Read(const std::string& delivered, const oci::Descriptor& blob,
                                 std::stop_token stop = {}) {
  VerifiedSource source(std::make_unique<base::StringSource>(delivered), blob, "oci:x", stop);
  return base::ReadAll(source, 100);
}

const oci::Descriptor kHello = {.digest = oci::Digest::Of("hello"), .size = 5};

TEST(VerifiedSourceTest, PassesWhatIsRight) {
  EXPECT_THAT(Read("hello", kHello), IsOkAndHolds("hello"));
}

TEST(VerifiedSourceTest, RefusesOtherBytesAndOtherSizes) {
  for (const char* delivered : {"hallo", "hell", "hello!", ""}) {
    EXPECT_THAT(Read(delivered, kHello), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("oci:x")));
  }
  // The right bytes under a wrong size.
  EXPECT_THAT(Read("hello", {.digest = kHello.digest, .size = 4}),
              StatusIs(absl::StatusCode::kDataLoss));
}

TEST(VerifiedSourceTest, ObeysStop) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(Read("hello", kHello, stop.get_token()), StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace stevedore::transfer
