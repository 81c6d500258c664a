#include "transfer/limited_images.h"

#include <string>

#include "base/byte_source.h"
#include "base/testing/fake_clock.h"
#include "base/testing/status_matchers.h"
#include "transfer/memory_images.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(LimitedImagesTest, OnlyBlobsAreSlow) {
  base::testing::FakeClock clock;
  absl::Duration waited;
  RateLimiter limiter(10'000, absl::ZeroDuration(), &clock,
                      [&](absl::Duration time, std::stop_token) {
                        waited += time;
                        clock.Advance(time);
                      });
  auto memory = std::make_unique<MemoryImages>("here");
  const std::string bytes(50'000, 'x');
  const oci::Descriptor blob = memory->AddBlob(bytes);
  const std::string type = "application/vnd.oci.image.index.v1+json";
  const std::string index = R"({"schemaVersion":2,"mediaType":")" + type + R"(","manifests":[]})";
  ASSERT_OK(memory->PutManifest("a", index, type));
  LimitedImages images(std::move(memory), &limiter);
  EXPECT_EQ(images.Describe(), "here");
  EXPECT_EQ(images.MountName(), "");
  EXPECT_THAT(images.ListTags(), IsOkAndHolds(ElementsAre("a")));
  ASSERT_OK_AND_ASSIGN(const RawManifest manifest, images.GetManifest("a"));
  EXPECT_EQ(manifest.bytes, index);
  ASSERT_OK_AND_ASSIGN(const auto head, images.HeadManifest("a"));
  EXPECT_TRUE(head.has_value());
  EXPECT_THAT(images.Referrers(manifest.digest, ""), IsOkAndHolds(IsEmpty()));
  EXPECT_EQ(waited, absl::ZeroDuration());
  ASSERT_OK_AND_ASSIGN(const auto stream, images.OpenBlob(blob));
  EXPECT_THAT(base::ReadAll(*stream, 1 << 20), IsOkAndHolds(bytes));
  EXPECT_EQ(absl::ToInt64Milliseconds(waited), 5000);
}

}  // namespace
}  // namespace stevedore::transfer
