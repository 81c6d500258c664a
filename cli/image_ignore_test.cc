#include "cli/image_ignore.h"

#include <string>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

class ImageIgnoreTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::string full = directory_.path() + "/" + path;
    ASSERT_OK(base::MakeDirectories(full.substr(0, full.rfind('/'))));
    ASSERT_OK(base::WriteFileAtomically(full, text));
  }
  graph::ResolvedImage Image(const std::string& driver, const std::string& options = "{}") {
    graph::ResolvedImage image;
    image.id = "web:1";
    image.driver = driver;
    image.options_json = options;
    image.where = {.file = "images.yaml", .line = 3, .column = 5};
    for (const char* folder : {"one", "two"}) {
      graph::ContextSpec spec;
      spec.path = folder;
      spec.resolved_path = directory_.path() + "/" + folder;
      image.contexts.push_back(spec);
    }
    return image;
  }

  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
};

TEST_F(ImageIgnoreTest, TheLastContextWins) {
  EXPECT_TRUE(IgnoreRulesOf(Image("docker"), {})->empty());
  Write("one/.dockerignore", "a\n");
  EXPECT_TRUE(IgnoreRulesOf(Image("docker"), {})->Ignores("a"));
  Write("two/.dockerignore", "b\nDockerfile\nsite.yml\n");
  ASSERT_OK_AND_ASSIGN(context::IgnoreRules rules, IgnoreRulesOf(Image("docker"), {}));
  EXPECT_FALSE(rules.Ignores("a"));
  EXPECT_TRUE(rules.Ignores("b"));
  EXPECT_FALSE(rules.Ignores("Dockerfile"));
  // What a driver needs is kept for it only.
  EXPECT_TRUE(IgnoreRulesOf(Image("assemble"), {})->Ignores("Dockerfile"));
  ASSERT_OK_AND_ASSIGN(rules,
                       IgnoreRulesOf(Image("ansible-playbook", R"({"playbook": "site.yml"})"), {}));
  EXPECT_FALSE(rules.Ignores("site.yml"));
  // The Dockerfile's own goes before that of a later context.
  Write("one/d/File.dockerignore", "c\n");
  ASSERT_OK_AND_ASSIGN(rules, IgnoreRulesOf(Image("native", R"({"dockerfile": "d/File"})"), {}));
  EXPECT_TRUE(rules.Ignores("c"));
  EXPECT_FALSE(rules.Ignores("b"));
}

TEST_F(ImageIgnoreTest, GitContextsHaveThemToo) {
  graph::ResolvedImage image = Image("docker");
  graph::ContextSpec spec;
  spec.git.emplace();
  spec.git->repository = "https://git.test/x.git";
  image.contexts.push_back(spec);
  const std::shared_ptr<const context::Tree> tree =
      *context::MemoryTree::Create({{.path = ".dockerignore", .content = "g\n"}});
  ASSERT_OK_AND_ASSIGN(const context::IgnoreRules rules,
                       IgnoreRulesOf(image, {{graph::ContextName(spec), tree}}));
  EXPECT_TRUE(rules.Ignores("g"));
}

TEST_F(ImageIgnoreTest, ErrorsHaveTheirPlace) {
  Write("two/.dockerignore", "b\n[\n");
  EXPECT_THAT(IgnoreRulesOf(Image("docker"), {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("images.yaml:3:5: context of image web:1: .dockerignore:2: ")));
}

}  // namespace
}  // namespace stevedore::cli
