#include "graph/configuration.h"

#include <string>
#include <vector>

#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A working directory and a home of its own.
class ConfigurationTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = base::TemporaryDirectory::Create();
    ASSERT_TRUE(directory.ok());
    directory_ = std::make_unique<base::TemporaryDirectory>(*std::move(directory));
    sources_.working_directory = directory_->path() + "/project";
    sources_.home = directory_->path() + "/home";
    ASSERT_OK(base::MakeDirectories(sources_.working_directory));
    ASSERT_OK(base::MakeDirectories(sources_.home + "/.config/stevedore"));
  }

  std::string Write(const std::string& path, const std::string& text) {
    const std::string full = directory_->path() + "/" + path;
    EXPECT_OK(base::WriteFileAtomically(full, text));
    return full;
  }

  std::unique_ptr<base::TemporaryDirectory> directory_;
  ConfigurationSources sources_;
};

TEST_F(ConfigurationTest, DefaultsWithoutAnyFile) {
  ASSERT_OK_AND_ASSIGN(const Configuration configuration, Configuration::Load(sources_));
  EXPECT_EQ(configuration.file, "");
  EXPECT_EQ(configuration.images_path, "stevedore.yaml");
  EXPECT_GE(configuration.concurrency, 1);
  EXPECT_FALSE(configuration.push_images);
  EXPECT_THAT(configuration.warnings, IsEmpty());
}

TEST_F(ConfigurationTest, ProjectBeatsConfigFolderBeatsHome) {
  const std::string home = Write("home/stevedore.yaml", "images_path: home\n");
  EXPECT_EQ(Configuration::Load(sources_)->file, home);
  const std::string folder = Write("home/.config/stevedore/stevedore.yml", "images_path: folder\n");
  EXPECT_EQ(Configuration::Load(sources_)->images_path, "folder");
  Write("project/stevedore.yaml", "images_path: project\n");
  EXPECT_EQ(Configuration::Load(sources_)->images_path, "project");
  sources_.file = folder;
  EXPECT_EQ(Configuration::Load(sources_)->images_path, "folder");
}

TEST_F(ConfigurationTest, ReadsEveryKeyAndLeavesTheRestAlone) {
  Write("project/stevedore.yaml", R"(
images_path: images
Builders_Path: builders
concurrency: 3
push_images: true
semantic_version_tags_enabled: true
semantic_version_tags_templates: ["{{ .Major }}", "{{ .Major }}.{{ .Minor }}"]
semantic_version_strict: true
parent_instances: first
paths_relative_to: file
credentials: {storage_type: envvars, encryption_key: secret, format: yaml}
images: {a: {1: }}
builders: {}
my_other_tool: {x: 1}
)");
  ASSERT_OK_AND_ASSIGN(const Configuration c, Configuration::Load(sources_));
  EXPECT_EQ(c.images_path, "images");
  EXPECT_EQ(c.builders_path, "builders");
  EXPECT_EQ(c.concurrency, 3);
  EXPECT_TRUE(c.push_images);
  EXPECT_TRUE(c.semantic_version_tags_enabled);
  EXPECT_THAT(c.semantic_version_tags_templates, SizeIs(2));
  EXPECT_TRUE(c.semantic_version_strict);
  EXPECT_EQ(c.parent_instances, ParentInstances::kFirst);
  EXPECT_EQ(c.paths_relative_to, PathsRelativeTo::kFile);
  EXPECT_EQ(c.credentials_storage_type, "envvars");
  EXPECT_EQ(c.credentials_format, "yaml");
  EXPECT_EQ(c.credentials_encryption_key.Reveal(), "secret");
  EXPECT_THAT(c.warnings, IsEmpty());
}

TEST_F(ConfigurationTest, EnvironmentBeatsTheFile) {
  Write("project/stevedore.yaml", "images_path: a\npush_images: true\n");
  sources_.environment = {{"STEVEDORE_IMAGES_PATH", "b"},
                          {"STEVEDORE_PUSH_IMAGES", "F"},
                          {"STEVEDORE_BUILDERS_PATH", ""},
                          {"STEVEDORE_SEMANTIC_VERSION_TAGS_TEMPLATES", "{{.Major}} {{.Minor}}"},
                          {"STEVEDORE_CREDENTIALS_ENCRYPTION_KEY", "k"}};
  ASSERT_OK_AND_ASSIGN(const Configuration c, Configuration::Load(sources_));
  EXPECT_EQ(c.images_path, "b");
  EXPECT_FALSE(c.push_images);
  EXPECT_EQ(c.builders_path, "stevedore.yaml");
  EXPECT_THAT(c.semantic_version_tags_templates, ElementsAre("{{.Major}}", "{{.Minor}}"));
  EXPECT_EQ(c.credentials_encryption_key.Reveal(), "k");
}

TEST_F(ConfigurationTest, OneTextIsAListSplitAtBlanks) {
  const std::vector<std::pair<std::string, std::vector<std::string>>> cases = {
      {"'{{.Major}}.{{.Minor}}  {{.Major}}'", {"{{.Major}}.{{.Minor}}", "{{.Major}}"}},
      {"'v{{ .Major }}-x {{ .Minor }}'", {"v{{ .Major }}-x", "{{ .Minor }}"}},
      {"['a {{ .Major }} b']", {"a {{ .Major }} b"}},
      {"''", {}},
  };
  for (const auto& [text, want] : cases) {
    Write("project/stevedore.yaml", "semantic_version_tags_templates: " + text + "\n");
    ASSERT_OK_AND_ASSIGN(const Configuration c, Configuration::Load(sources_));
    EXPECT_EQ(c.semantic_version_tags_templates, want) << text;
  }
}

TEST_F(ConfigurationTest, NoWorkersMeantTheDefault) {
  Write("project/stevedore.yaml", "num_workers: 0\n");
  ASSERT_OK_AND_ASSIGN(const Configuration c, Configuration::Load(sources_));
  EXPECT_EQ(c.concurrency, DefaultConcurrency());
  EXPECT_THAT(c.warnings, SizeIs(1));
}

TEST_F(ConfigurationTest, DeprecatedKeysWorkAndWarn) {
  Write("project/stevedore.yaml",
        "tree_path: t\nimages_path: i\nbuilder_path: b\nnum_workers: 7\nbuild_on_cascade: true\n"
        "docker_registry_credentials_dir: creds\n");
  ASSERT_OK_AND_ASSIGN(const Configuration c, Configuration::Load(sources_));
  EXPECT_EQ(c.images_path, "t");
  EXPECT_EQ(c.builders_path, "b");
  EXPECT_EQ(c.concurrency, 7);
  EXPECT_EQ(c.credentials_local_storage_path, "creds");
  ASSERT_THAT(c.warnings, SizeIs(5));
  EXPECT_THAT(c.warnings[0].ToString(),
              AllOf(HasSubstr("stevedore.yaml:1:12:"), HasSubstr("rename it to `images_path`")));
}

TEST_F(ConfigurationTest, ErrorsNamePlaceAndWhatIsAllowed) {
  const std::vector<std::vector<std::string>> cases = {
      {"concurrency: 0\n", ":1:14:", "number from 1 on, found `0`"},
      {"push_images: maybe\n", ":1:14:", "true or false, found `maybe`"},
      {"parent_instances: some\n", ":1:19:", "all or first"},
      {"credentials: {format: xml}\n", ":1:23:", "json or yaml"},
      {"credentials: {storage: local}\n", ":1:15:", "unknown key `storage`"},
      {"credentials: 3\n", ":1:14:", "must be a map"},
      {"images_path: [a, b]\n", ":1:14:", "one text"},
      {"images_path: ''\n", ":1:14:", "`images_path` must not be empty"},
      {"credentials: {storage_type: ''}\n", ":1:29:", "must not be empty"},
      {"a: b: c\n", ":1:5:", "belongs to no key"},
  };
  for (const auto& bad : cases) {
    Write("project/stevedore.yaml", bad[0]);
    EXPECT_THAT(Configuration::Load(sources_),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("stevedore.yaml" + bad[1]), HasSubstr(bad[2]))))
        << bad[0];
  }
}

TEST_F(ConfigurationTest, MisspeltKeysAreMentioned) {
  Write("project/stevedore.yaml", "image_path: a\nmy_own: 1\n");
  ASSERT_OK_AND_ASSIGN(const Configuration c, Configuration::Load(sources_));
  ASSERT_THAT(c.warnings, SizeIs(1));
  EXPECT_THAT(c.warnings[0].text, HasSubstr("did you mean `images_path`?"));
}

TEST_F(ConfigurationTest, NamedFileMustExist) {
  sources_.file = directory_->path() + "/none.yaml";
  EXPECT_THAT(Configuration::Load(sources_),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none.yaml: there is no such")));
}

}  // namespace
}  // namespace stevedore::graph
