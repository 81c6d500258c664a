#include "oci/layer/layer_merge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;
using Type = LayerEntry::Type;

TarEntry Entry(std::string path, Type type = Type::kFile, std::string target = "") {
  TarEntry entry;
  entry.entry.path = std::move(path);
  entry.entry.type = type;
  entry.entry.link_target = std::move(target);
  return entry;
}

// The rules as a whole are tried through MergedFilesystem; here is what records say.
TEST(LayerMergeTest, KeepsWhatIsVisibleAndWhatHardLinksNeed) {
  LayerMerge merge(100);
  merge.StartLayer(1);
  ASSERT_OK(merge.Add(Entry("link", Type::kHardLink, "below")));
  ASSERT_OK(merge.Add(Entry(".wh.below")));
  ASSERT_OK(merge.FinishLayer());
  merge.StartLayer(0);
  ASSERT_OK(merge.Add(Entry("below")));
  ASSERT_OK(merge.Add(Entry("other")));
  ASSERT_OK(merge.FinishLayer());
  ASSERT_OK(merge.Finish());
  ASSERT_EQ(merge.records().size(), 3u);
  const MergeRecord& link = merge.records()[0];
  EXPECT_TRUE(link.visible);
  EXPECT_EQ(merge.tree().Path(link.node), "link");
  const MergeRecord& inode = merge.records()[link.inode];
  EXPECT_FALSE(inode.visible);
  EXPECT_EQ(inode.layer, 0u);
  EXPECT_EQ(merge.tree().Path(inode.node), "below");
  EXPECT_TRUE(merge.records()[2].visible);
}

TEST(LayerMergeTest, ALinkThatNobodyAnswersIsAnErrorAtTheEnd) {
  LayerMerge merge(100);
  merge.StartLayer(0);
  ASSERT_OK(merge.Add(Entry("link", Type::kHardLink, "none")));
  ASSERT_OK(merge.FinishLayer());
  EXPECT_THAT(merge.Finish(), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("hard link `link` to `none`: there is no such")));
}

}  // namespace
}  // namespace stevedore::oci
