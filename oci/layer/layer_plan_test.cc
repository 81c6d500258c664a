#include "oci/layer/layer_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "base/testing/status_matchers.h"
#include "oci/layer/testing/memory_contents.h"

namespace stevedore::oci {
namespace {

using testing::MemoryContents;
using testing::Prose;

TEST(LayerPlanTest, AnyPartIsThatPartOfTheWhole) {
  MemoryContents contents;
  ASSERT_OK_AND_ASSIGN(
      LayerPlan plan,
      LayerPlan::Create({MemoryContents::Directory("d"), contents.File("d/a", Prose(1000)),
                         contents.File("d/b", ""), contents.File("d/" + std::string(120, 'c'), "x"),
                         contents.File("e", Prose(512, 3))},
                        &contents, {}));
  std::string whole(*plan.size(), '?');
  ASSERT_OK_AND_ASSIGN(const size_t all, plan.Fill(0, whole.data(), whole.size()));
  EXPECT_EQ(all, whole.size());
  for (const size_t step : {1, 7, 512, 513, 1000}) {
    for (size_t offset = 0; offset < whole.size(); offset += 211) {
      std::string part(step, '?');
      ASSERT_OK_AND_ASSIGN(const size_t count, plan.Fill(offset, part.data(), step));
      EXPECT_EQ(count, std::min(step, whole.size() - offset));
      EXPECT_TRUE(part.substr(0, count) == whole.substr(offset, count)) << offset << " " << step;
    }
  }
}

TEST(LayerPlanTest, SizesThatNoDiskHasAreRefused) {
  MemoryContents contents;
  LayerEntry file = contents.File("f", "");
  file.size = uint64_t{1} << 61;
  EXPECT_FALSE(LayerPlan::Create({file}, &contents, {}).ok());
}

}  // namespace
}  // namespace stevedore::oci
