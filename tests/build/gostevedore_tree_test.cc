// A tree as gostevedore's users have it, with files that nobody touched: what the commands make of
// it.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "tests/build/project.h"
#include "tests/harness/process.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kConfiguration[] = R"yaml(images_path: images
builders_path: builders
num_workers: 2
semantic_version_tags_enabled: true
semantic_version_tags_templates:
  - "{{ .Major }}.{{ .Minor }}"
  - "{{ .Major }}"
credentials:
  storage_type: local
  format: json
  local_storage_path: credentials
  encryption_key: unit-test-key
)yaml";

constexpr char kDockerBuilders[] = R"yaml(builders:
  app:
    driver: docker
    options:
      context:
        - path: ctx/app
    variables_mapping:
      image_from_tag_key: PARENT_TAG
)yaml";

constexpr char kMoreBuilders[] = R"yaml(builders:
  os:
    driver: docker
    options:
      dockerfile: Dockerfile
      context:
        path: ctx/os
)yaml";

constexpr char kFoundation[] = R"yaml(images:
  alpine:
    "3.20":
    "3.21":
  os:
    1.10:
      registry: registry.stevedore.test
      namespace: shop
      builder: os
      version: "{{ .Version }}-{{ .Parent.Name }}{{ .Parent.Version }}"
      tags: ["{{ .Parent.Version }}"]
      parents:
        alpine: ["3.20", "3.21"]
      persistent_vars:
        tz: UTC
      persistent_labels:
        created_at: "{{ .DateRFC3339 }}"
)yaml";

constexpr char kApps[] = R"yaml(images:
  api:
    "*":
      registry: registry.stevedore.test
      namespace: shop
      builder: app
      version: "{{ .Version }}"
      parents:
        lib: ["2.1.0"]
  lib:
    2.1.0:
      registry: registry.stevedore.test
      namespace: shop
      version: "{{ .Version }}-{{ .Parent.Version }}"
      builder:
        driver: docker
        options:
          context:
            - path: "ctx/{{ .Name }}"
      parents:
        os: ["1.10"]
  web:
    1.4.2:
      registry: registry.stevedore.test
      namespace: shop
      builder: app
      tags: [stable]
      vars:
        tz: Europe/Madrid
        debug: false
)yaml";

// {"username":"u","password":"p"}, encrypted with "unit-test-key" by gostevedore's rules.
constexpr char kEncrypted[] =
    "000102030405060708090a0b83f6a1e94d0552e19d3e44f51ff82b7cac790d2eb6730797b5dd56bc31aa0c0b9c274a"
    "375fdd4af799cb5b7d35c467";
// MD5 of registry.stevedore.test.
constexpr char kId[] = "82e99d42ee1191bb42fbfb444920104d";

class GostevedoreTreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    project_->Write("stevedore.yaml", kConfiguration);
    project_->Write("builders/docker.yaml", kDockerBuilders);
    project_->Write("builders/more.yml", kMoreBuilders);
    project_->Write("images/foundation.yaml", kFoundation);
    project_->Write("images/apps.yml", kApps);
    project_->Write(absl::StrCat("credentials/", kId), kEncrypted);
    ASSERT_EQ(chmod(project_->Path(absl::StrCat("credentials/", kId)).c_str(), 0600), 0);
    for (const char* folder : {"app", "lib", "os"}) {
      project_->Write(absl::StrCat("ctx/", folder, "/Dockerfile"), "FROM scratch\n");
    }
  }

  // Runs a command that must succeed and say that one key is deprecated, and returns its output.
  std::string Out(std::vector<std::string> arguments) const {
    const ProcessResult result = project_->Cli(std::move(arguments));
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_THAT(result.err, HasSubstr("`num_workers` is deprecated"));
    return result.out;
  }

  nlohmann::json Json(std::vector<std::string> arguments) const {
    const std::string text = Out(std::move(arguments));
    nlohmann::json json = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
    EXPECT_FALSE(json.is_discarded()) << text;
    return json;
  }

  std::unique_ptr<Project> project_;
};

TEST_F(GostevedoreTreeTest, ImagesAsATree) {
  EXPECT_EQ(Out({"get", "images", "--tree"}),
            "├─── alpine:3.20\n"
            "│  ├─── registry.stevedore.test/shop/os:1.10-alpine3.20\n"
            "│  │  ├─── registry.stevedore.test/shop/lib:2.1.0-1.10-alpine3.20\n"
            "│  │  │  ├─── registry.stevedore.test/shop/api:*\n"
            "├─── alpine:3.21\n"
            "│  ├─── registry.stevedore.test/shop/os:1.10-alpine3.21\n"
            "│  │  ├─── registry.stevedore.test/shop/lib:2.1.0-1.10-alpine3.21\n"
            "│  │  │  ├─── registry.stevedore.test/shop/api:*\n"
            "├─── registry.stevedore.test/shop/web:1.4.2\n");
  const nlohmann::json images = Json({"list", "img", "--output", "json", "-f", "name=os"});
  ASSERT_EQ(images.size(), 2u);
  EXPECT_EQ(images[0]["parents"], nlohmann::json::array({"alpine:3.20"}));
  EXPECT_EQ(images[0]["tags"], nlohmann::json::array({"3.20"}));
  EXPECT_EQ(images[0]["defined_at"], "images/foundation.yaml:6:5");
}

TEST_F(GostevedoreTreeTest, Builders) {
  EXPECT_EQ(Out({"get", "builders"}),
            "NAME                       DRIVER\n"
            "app                        docker\n"
            "lib:2.1.0-1.10-alpine3.20  docker\n"
            "lib:2.1.0-1.10-alpine3.21  docker\n"
            "os                         docker\n");
  const nlohmann::json builders = Json({"get", "b", "--output", "json", "--filter", "name=app"});
  ASSERT_EQ(builders.size(), 1u);
  const nlohmann::json& mapping = builders[0]["variables_mapping"];
  EXPECT_EQ(mapping["image_from_tag_key"], "PARENT_TAG");
  EXPECT_EQ(mapping["image_from_name_key"], "image_from_name");
}

TEST_F(GostevedoreTreeTest, CredentialsOfBothStores) {
  const std::string local = Out({"get", "credentials"});
  EXPECT_THAT(local, AllOf(HasSubstr(kId), HasSubstr("username=u"), Not(HasSubstr("=p"))));
  project_->Write("environment.yaml",
                  "num_workers: 2\ncredentials: {storage_type: envvars, encryption_key: "
                  "unit-test-key}\n");
  ASSERT_EQ(setenv("STEVEDORE_ENVVARS_CREDENTIALS_82E99D42EE1191BB42FBFB444920104D", kEncrypted,
                   /*overwrite=*/1),
            0);
  const std::string environment = Out({"get", "credentials", "--config", "environment.yaml"});
  unsetenv("STEVEDORE_ENVVARS_CREDENTIALS_82E99D42EE1191BB42FBFB444920104D");
  EXPECT_EQ(environment, local);
}

TEST_F(GostevedoreTreeTest, PlansAndDryRuns) {
  EXPECT_THAT(Out({"plan", "web"}), HasSubstr("web:1.4.2"));
  EXPECT_THAT(Out({"build", "web", "--dry-run"}), HasSubstr("web:1.4.2"));
  const nlohmann::json plan = Json({"plan", "web", "--output", "json"});
  ASSERT_EQ(plan["tasks"].size(), 1u) << plan;
  EXPECT_EQ(plan["tasks"][0]["image"], "web:1.4.2");
  EXPECT_EQ(plan["tasks"][0]["action"], "build");
  const nlohmann::json dry = Json({"build", "web", "--dry-run", "--output", "json"});
  ASSERT_EQ(dry["images"].size(), 1u) << dry;
  EXPECT_THAT(dry.dump(), AllOf(HasSubstr("registry.stevedore.test/shop/web:1.4.2"),
                                HasSubstr("registry.stevedore.test/shop/web:stable"),
                                HasSubstr("Europe/Madrid")));
}

TEST_F(GostevedoreTreeTest, VersionsOfAWildcardNeedOneParent) {
  const ProcessResult result = project_->Cli({"plan", "api", "--image-version", "3.0.1"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("parent_instances: first"));
  ASSERT_EQ(setenv("STEVEDORE_PARENT_INSTANCES", "first", 1), 0);
  EXPECT_THAT(Out({"get", "images", "--tree"}), Not(HasSubstr("lib:2.1.0-1.10-alpine3.21")));
  unsetenv("STEVEDORE_PARENT_INSTANCES");
}

}  // namespace
}  // namespace stevedore::testing
