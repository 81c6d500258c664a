#include "transfer/staged_sink.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;

// The least that a place can be.
class PlainSink final : public StagedSink {
 public:
  explicit PlainSink(Staging staging) : StagedSink(std::move(staging), "plain") {}
  absl::StatusOr<oci::Digest> PutManifest(const std::string& tag_or_digest, absl::string_view bytes,
                                          const std::string& media_type,
                                          std::stop_token stop) override {
    return staged().PutManifest(tag_or_digest, bytes, media_type, std::move(stop));
  }
};

TEST(StagedSinkTest, CollectsInAFolderThatGoes) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const testing::TestImage image;
  std::string folder;
  {
    ASSERT_OK_AND_ASSIGN(Staging staging, Staging::Create(directory.path() + "/new"));
    folder = staging.images().layout().directory();
    PlainSink sink(std::move(staging));
    ASSERT_OK(testing::PutTestImage(sink, "v1", image));
    EXPECT_THAT(sink.HasBlob(oci::Digest::Of(image.layer)), IsOkAndHolds(true));
    EXPECT_THAT(sink.MountBlob(oci::Digest::Of("other"), "x"), IsOkAndHolds(false));
    EXPECT_TRUE(base::Exists(folder));
    EXPECT_EQ(sink.Readable(), nullptr);
  }
  EXPECT_FALSE(base::Exists(folder));
}

}  // namespace
}  // namespace stevedore::transfer
