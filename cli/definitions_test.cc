#include "cli/definitions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "cli/testing/string_console.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

// A project in a folder of its own.
class DefinitionsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
    directory_.emplace(std::move(directory));
    context_.console = &console_;
    context_.config_path = Path("stevedore.yaml");
  }
  std::string Path(const std::string& name) { return directory_->path() + "/" + name; }

  std::optional<base::TemporaryDirectory> directory_;
  testing::StringConsole console_;
  CommandContext context_;
};

TEST_F(DefinitionsTest, ConfigurationLeadsToImages) {
  ASSERT_OK(base::WriteFileAtomically(Path("images.yaml"), "images: {a: {'1': }}\n"));
  ASSERT_OK(base::WriteFileAtomically(
      Path("stevedore.yaml"), absl::StrCat("images_path: ", Path("images.yaml"),
                                           "\nbuilders_path: ", Path("images.yaml"), "\n")));
  ASSERT_OK_AND_ASSIGN(const graph::Catalog catalog, LoadDefinitions(context_));
  EXPECT_EQ(catalog.instances().size(), 1);
}

TEST_F(DefinitionsTest, MissingFileIsAUsageError) {
  EXPECT_THAT(LoadDefinitions(context_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("stevedore.yaml")));
}

}  // namespace
}  // namespace stevedore::cli
