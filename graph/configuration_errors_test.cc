#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "graph/configuration.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

struct Broken {
  std::string text, place, cause, remedy;
};

// Loads `text` as the configuration of a project.
class ConfigurationErrorsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = base::TemporaryDirectory::Create();
    ASSERT_TRUE(directory.ok());
    directory_ = std::make_unique<base::TemporaryDirectory>(*std::move(directory));
    sources_.file = base::JoinPath(directory_->path(), "c.yaml");
  }

  absl::Status Load(const std::string& text) {
    EXPECT_OK(base::WriteFileAtomically(sources_.file, text));
    return Configuration::Load(sources_).status();
  }

  std::unique_ptr<base::TemporaryDirectory> directory_;
  ConfigurationSources sources_;
};

TEST_F(ConfigurationErrorsTest, NamePlaceCauseAndRemedy) {
  const std::vector<Broken> cases = {
      {"images_path: [a, b]\n", "1:14:", "`images_path` must be one text", "found a list"},
      {"images_path: {a: b}\n", "1:14:", "`images_path` must be a list of texts", "found a map"},
      {"images_path: \"\"\n", "1:14:", "must not be empty", "remove it for the default"},
      {"builders_path: \"\"\n", "1:16:", "must not be empty", "remove it for the default"},
      {"concurrency: 0\n", "1:14:", "a number from 1 on", "found `0`"},
      {"concurrency: many\n", "1:14:", "a number from 1 on", "found `many`"},
      {"num_workers: x\n", "1:14:", "`num_workers` must be a number", "found `x`"},
      {"push_images: maybe\n", "1:14:", "true or false", "found `maybe`"},
      {"semantic_version_tags_enabled: on\n", "1:32:", "true or false", "found `on`"},
      {"semantic_version_tags_templates: {a: b}\n", "1:34:", "a list of texts", "found a map"},
      {"parent_instances: both\n", "1:19:", "all or first", "found `both`"},
      {"paths_relative_to: home\n", "1:20:", "working_directory or file", "found `home`"},
      {"credentials: local\n", "1:14:", "`credentials` must be a map", "found `local`"},
      {"credentials:\n  format: toml\n", "2:11:", "json or yaml", "found `toml`"},
      {"credentials:\n  formt: json\n", "2:3:", "unknown key `formt`", "did you mean `format`?"},
      {"credentials:\n  local_storage_path: \"\"\n", "2:23:", "must name a folder", "local"},
      {"- a\n", "1:1:", "a configuration file must be a map", "found a list"},
      {"a: b: c\n", "1:5:", "a `:` that belongs to no key: `a: b: c`", "in quotes"},
      {"a: 1\na: 2\n", "2:1:", "key `a` is there already, in line 1", "remove one"},
      {"images: {{ .X }}\n", "1:", "{{", "quotes"},
  };
  for (const Broken& broken : cases) {
    const absl::Status status = Load(broken.text);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << broken.text;
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(absl::StrCat("c.yaml:", broken.place)), HasSubstr(broken.cause),
                      HasSubstr(broken.remedy)))
        << broken.text;
  }
}

TEST_F(ConfigurationErrorsTest, AMissingFileIsNamed) {
  EXPECT_THAT(Configuration::Load(sources_),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("c.yaml: there is no such"), HasSubstr("--config"))));
}

TEST_F(ConfigurationErrorsTest, InspectionReadsOnAndKeepsDefaults) {
  ASSERT_OK(base::WriteFileAtomically(
      sources_.file, "concurrency: 0\npush_images: x\nimages_path: here\ntree_path: there\n"));
  std::vector<Diagnostic> errors;
  const Configuration configuration = Configuration::Inspect(sources_, &errors);
  ASSERT_EQ(errors.size(), 2u);
  EXPECT_EQ(errors[0].where.line, 1);
  EXPECT_EQ(errors[1].where.line, 2);
  EXPECT_EQ(errors[1].code, "SV004");
  EXPECT_EQ(configuration.concurrency, DefaultConcurrency());
  EXPECT_EQ(configuration.images_path, "there");
  EXPECT_EQ(configuration.set_at.at("images_path").line, 3);
  ASSERT_EQ(configuration.warnings.size(), 1u);
  EXPECT_EQ(configuration.warnings[0].code, "SV101");
}

}  // namespace
}  // namespace stevedore::graph
