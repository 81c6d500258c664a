#include "transfer/layer_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "base/testing/status_matchers.h"
#include "oci/layer/testing/layer_text.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using oci::testing::LayerTar;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

oci::Descriptor DescriptorOf(const std::string& bytes) {
  return {.media_type = oci::kOciLayer, .digest = oci::Digest::Of(bytes), .size = bytes.size()};
}

absl::StatusOr<LayerFacts> Check(const std::string& bytes, const oci::Descriptor& blob,
                                 const LayerCheckOptions& options = {}) {
  return CheckLayer(std::make_unique<base::StringSource>(bytes), blob, base::HashAlgorithm::kSha256,
                    options);
}

TEST(LayerCheckTest, GoodLayersSayWhatTheyAre) {
  const std::string tar = LayerTar({"a=A", "/b", "l->../../out", ".wh.c"});
  ASSERT_OK_AND_ASSIGN(const LayerFacts facts, Check(tar, DescriptorOf(tar)));
  EXPECT_THAT(facts.problems, IsEmpty());
  EXPECT_EQ(facts.diff_id, oci::Digest::Of(tar));
  EXPECT_EQ(facts.compression, oci::LayerCompression::kNone);
  EXPECT_EQ(facts.blob_bytes, tar.size());
  EXPECT_EQ(facts.tar_bytes, tar.size());
}

TEST(LayerCheckTest, WrongBytesSizesAndTarsAreTold) {
  const std::string tar = LayerTar({"a=A"});
  oci::Descriptor said = DescriptorOf(tar);
  said.size = 7;
  ASSERT_OK_AND_ASSIGN(LayerFacts facts, Check(tar, said));
  EXPECT_THAT(facts.problems, ElementsAre("has 2048 bytes, but its descriptor says 7"));
  ASSERT_OK_AND_ASSIGN(facts, Check(LayerTar({"a=B"}), DescriptorOf(tar)));
  EXPECT_THAT(facts.problems, ElementsAre(HasSubstr("its bytes have the digest sha256:")));
  const std::string text(600, 'x');
  ASSERT_OK_AND_ASSIGN(facts, Check(text, DescriptorOf(text)));
  EXPECT_THAT(facts.problems, ElementsAre(HasSubstr("not a tar archive")));
  EXPECT_EQ(facts.diff_id, oci::Digest::Of(text)) << "read to the end all the same";
  const std::string bare = LayerTar({"d/.wh."});
  ASSERT_OK_AND_ASSIGN(facts, Check(bare, DescriptorOf(bare)));
  EXPECT_THAT(facts.problems, ElementsAre(HasSubstr("whiteout `d/.wh.`")));
  const std::string cut("\x1f\x8b\x08\0\0\0\0\0\0\x03", 10);
  ASSERT_OK_AND_ASSIGN(facts, Check(cut, DescriptorOf(cut)));
  EXPECT_THAT(facts.problems, ElementsAre(HasSubstr("cut short")));
  EXPECT_FALSE(facts.diff_id.has_value());
}

TEST(LayerCheckTest, LimitsAreProblemsAndStoppingIsAnError) {
  const std::string tar = LayerTar({"a=A", "b=B"});
  LayerCheckOptions options;
  options.tar.max_entries = 1;
  ASSERT_OK_AND_ASSIGN(LayerFacts facts, Check(tar, DescriptorOf(tar), options));
  EXPECT_THAT(facts.problems, ElementsAre(HasSubstr("max_entries")));
  options = {};
  options.decompress.max_output_bytes = 100;
  ASSERT_OK_AND_ASSIGN(facts, Check(tar, DescriptorOf(tar), options));
  EXPECT_THAT(facts.problems, ElementsAre(HasSubstr("more than the 100 bytes")));
  options = {};
  options.go_on = [] { return absl::CancelledError("enough"); };
  EXPECT_THAT(Check(tar, DescriptorOf(tar), options), StatusIs(absl::StatusCode::kCancelled));
  options.go_on = [] { return absl::ResourceExhaustedError("too long"); };
  ASSERT_OK_AND_ASSIGN(facts, Check(tar, DescriptorOf(tar), options));
  EXPECT_THAT(facts.problems, ElementsAre("too long"));
}

TEST(LayerCheckTest, BlobsAreTheirBytesOnly) {
  ASSERT_OK_AND_ASSIGN(
      const LayerFacts facts,
      CheckBlob(std::make_unique<base::StringSource>("text"), DescriptorOf("text"), {}));
  EXPECT_THAT(facts.problems, IsEmpty());
  ASSERT_OK_AND_ASSIGN(
      const LayerFacts wrong,
      CheckBlob(std::make_unique<base::StringSource>("tex"), DescriptorOf("text"), {}));
  EXPECT_EQ(wrong.problems.size(), 2u);
}

}  // namespace
}  // namespace stevedore::transfer
