#include "cli/configuration_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ConfigurationFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
    directory_.emplace(std::move(directory));
    path_ = directory_->path() + "/new.yaml";
  }
  mode_t Mode() const {
    struct stat info;
    return stat(path_.c_str(), &info) == 0 ? info.st_mode & 07777 : 0;
  }
  absl::StatusOr<graph::Configuration> Load() const {
    graph::ConfigurationSources sources;
    sources.file = path_;
    return graph::Configuration::Load(sources);
  }

  std::optional<base::TemporaryDirectory> directory_;
  std::string path_;
};

TEST_F(ConfigurationFileTest, ReadsBackAsItWas) {
  graph::Configuration configuration;
  configuration.builders_path = "b<uil>ders & \"more\"";
  configuration.images_path = "1.10";
  configuration.concurrency = 7;
  configuration.push_images = true;
  configuration.log_path = "/var/log/a+b: c.log";
  configuration.semantic_version_tags_enabled = true;
  configuration.semantic_version_tags_templates = {"{{ .Major }}", "{{ .Major }}.{{ .Minor }}"};
  configuration.credentials_storage_type = "envvars";
  configuration.credentials_format = "yaml";
  configuration.credentials_encryption_key = base::Secret("+'<k>\"\\ #");
  ASSERT_OK(CheckNewConfiguration(configuration));
  ASSERT_OK(WriteConfigurationFile(path_, configuration, /*replace=*/false));
  ASSERT_OK_AND_ASSIGN(const graph::Configuration read, Load());
  EXPECT_EQ(read.builders_path, configuration.builders_path);
  EXPECT_EQ(read.images_path, "1.10");
  EXPECT_EQ(read.concurrency, 7);
  EXPECT_TRUE(read.push_images);
  EXPECT_EQ(read.log_path, configuration.log_path);
  EXPECT_TRUE(read.semantic_version_tags_enabled);
  EXPECT_EQ(read.semantic_version_tags_templates, configuration.semantic_version_tags_templates);
  EXPECT_EQ(read.credentials_storage_type, "envvars");
  EXPECT_EQ(read.credentials_format, "yaml");
  EXPECT_TRUE(read.credentials_encryption_key == configuration.credentials_encryption_key);
  EXPECT_TRUE(read.warnings.empty());
}

TEST_F(ConfigurationFileTest, AFileWithAKeyIsPrivate) {
  graph::Configuration configuration;
  ASSERT_OK(WriteConfigurationFile(path_, configuration, /*replace=*/false));
  EXPECT_EQ(Mode(), 0644u);
  ASSERT_OK_AND_ASSIGN(configuration.credentials_encryption_key, GenerateEncryptionKey());
  ASSERT_OK(WriteConfigurationFile(path_, configuration, /*replace=*/true));
  EXPECT_EQ(Mode(), 0600u);
}

TEST_F(ConfigurationFileTest, NothingIsReplacedUnasked) {
  ASSERT_OK(base::WriteFileAtomically(path_, "mine"));
  const absl::Status status = WriteConfigurationFile(path_, {}, /*replace=*/false);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), AllOf(HasSubstr(path_), HasSubstr("--force")));
  EXPECT_EQ(*base::ReadFile(path_), "mine");
  EXPECT_FALSE(WriteConfigurationFile(directory_->path() + "/none/x.yaml", {}, false).ok());
}

TEST_F(ConfigurationFileTest, KeysAreRandom) {
  ASSERT_OK_AND_ASSIGN(const base::Secret a, GenerateEncryptionKey());
  ASSERT_OK_AND_ASSIGN(const base::Secret b, GenerateEncryptionKey());
  EXPECT_THAT(a.Reveal(), ::testing::MatchesRegex("[0-9a-f]{32}"));
  EXPECT_FALSE(a == b);
}

TEST_F(ConfigurationFileTest, WhatNoProjectCanUse) {
  graph::Configuration configuration;
  EXPECT_OK(CheckNewConfiguration(configuration));
  configuration.concurrency = 0;
  EXPECT_THAT(CheckNewConfiguration(configuration).message(), HasSubstr("--concurrency"));
  configuration = {};
  configuration.images_path = "";
  EXPECT_THAT(CheckNewConfiguration(configuration).message(), HasSubstr("--images-path"));
  configuration = {};
  configuration.builders_path = "";
  EXPECT_THAT(CheckNewConfiguration(configuration).message(), HasSubstr("--builders-path"));
  configuration = {};
  configuration.credentials_format = "xml";
  EXPECT_THAT(CheckNewConfiguration(configuration).message(),
              AllOf(HasSubstr("`xml`"), HasSubstr("json or yaml")));
  configuration = {};
  configuration.credentials_storage_type = "vault";
  EXPECT_THAT(CheckNewConfiguration(configuration).message(), HasSubstr("`vault`"));
  configuration = {};
  configuration.credentials_local_storage_path = "";
  EXPECT_THAT(CheckNewConfiguration(configuration).message(),
              HasSubstr("--credentials-local-storage-path"));
}

}  // namespace
}  // namespace stevedore::cli
