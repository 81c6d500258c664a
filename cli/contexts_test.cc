#include "cli/contexts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "cli/testing/string_console.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

// Images with contexts in a folder of the test.
class ContextsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
    directory_.emplace(std::move(directory));
  }
  void AddImage(const std::string& id, const std::string& folder) {
    graph::ResolvedImage image;
    image.id = id;
    graph::ContextSpec spec;
    spec.path = folder;
    spec.resolved_path = directory_->path() + "/" + folder;
    spec.where = {"images.yaml", 7, 3};
    image.contexts.push_back(spec);
    selection_.images.push_back(image);
  }

  std::optional<base::TemporaryDirectory> directory_;
  graph::Selection selection_;
  testing::StringConsole console_;
};

TEST_F(ContextsTest, SharedFoldersAreReadOnce) {
  ASSERT_OK(base::MakeDirectories(directory_->path() + "/web"));
  ASSERT_OK(base::WriteFileAtomically(directory_->path() + "/web/a", "a"));
  AddImage("web:1", "web");
  AddImage("web:2", "web");
  ASSERT_OK_AND_ASSIGN(const ContextTrees trees, ReadContexts(selection_, {}, console_, {}));
  ASSERT_EQ(trees.size(), 1);
  EXPECT_EQ(trees.begin()->second.tree->entries().size(), 1);
}

TEST_F(ContextsTest, MissingFolderNamesThePlaceInTheDefinition) {
  AddImage("web:1", "nowhere");
  EXPECT_THAT(
      ReadContexts(selection_, {}, console_, {}),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("images.yaml:7:3"), HasSubstr("web:1"), HasSubstr("nowhere"))));
}

}  // namespace
}  // namespace stevedore::cli
