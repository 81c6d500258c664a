#include "cli/context_memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>

#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ContextMemoryTest, NamesWhatChangedSinceItWasRemembered) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory directory,
                       base::TemporaryDirectory::Create());
  const ContextMemory memory(directory.path());
  using Type = context::TreeEntry::Type;
  ASSERT_OK_AND_ASSIGN(const auto before,
                       context::MemoryTree::Create({{"a\tb", "1"}, {"dir/c", "2"}}));
  ASSERT_OK_AND_ASSIGN(
      const auto after,
      context::MemoryTree::Create({{"a\tb", "1"}, {"dir/c", "3"}, {"link", "a", Type::kSymlink}}));
  EXPECT_THAT(memory.ChangedFiles("web", *before), IsEmpty());
  ASSERT_OK(memory.Remember("web", *before));
  EXPECT_THAT(memory.ChangedFiles("web", *before), IsEmpty());
  EXPECT_THAT(memory.ChangedFiles("web", *after), ElementsAre("dir/c", "link"));
  EXPECT_THAT(memory.ChangedFiles("other", *after), IsEmpty());
}

TEST(ContextMemoryTest, DamagedFilesAreRefused) {
  EXPECT_THAT(DecodeEntries("nonsense"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(DecodeEntries("9\t1\t1\tab\tx\t\n"), StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace stevedore::cli
