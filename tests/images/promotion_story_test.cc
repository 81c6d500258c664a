// A team's release: a base is built and promoted, an application is built on the promoted base, and
// promoted under four names. With tokens, over TLS, and without a Docker engine.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/project.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"

namespace stevedore::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kConfiguration[] = R"yaml(images_path: images.yaml
builders_path: images.yaml
semantic_version_tags_templates:
  - "{{ .Major }}.{{ .Minor }}.{{ .Patch }}"
  - "{{ .Major }}.{{ .Minor }}"
)yaml";

// REGISTRY is replaced.
constexpr char kDefinitions[] = R"yaml(images:
  base:
    2.4.6:
      registry: REGISTRY
      platforms: [linux/amd64, linux/arm64]
      builder:
        driver: assemble
        options:
          context: [{path: base}]
          layers: [{from: ., to: /}]
  app1:
    0.1.0:
      registry: REGISTRY
      version: "{{ .Version }}-base{{ .Parent.Version }}"
      platforms: [linux/amd64, linux/arm64]
      tags: [candidate]
      parents: {base: [2.4.6]}
      builder:
        driver: assemble
        options:
          context: [{path: app1}]
          layers: [{from: ., to: /srv}]
)yaml";

class PromotionStoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(registry_,
                         Registry::Start({.auth = RegistryOptions::Auth::kToken, .tls = true}));
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    // The authority of the token service; that of the registry is in its settings.
    setenv("SSL_CERT_FILE", registry_->ca_file().c_str(), 1);
    // Whoever asks an engine hears that there is none.
    setenv("DOCKER_HOST", absl::StrCat("unix://", project_->Scratch("no-engine")).c_str(), 1);
    project_->Login(registry_->host(), "alice", "wonderland");
    project_->Write("stevedore.yaml",
                    absl::StrCat(kConfiguration, "registries:\n  \"", registry_->host(),
                                 "\": {ca_file: ", registry_->ca_file(), "}\n"));
    project_->Write("images.yaml",
                    absl::StrReplaceAll(kDefinitions, {{"REGISTRY", registry_->host()}}));
    project_->Write("base/etc/os-release", std::string(50000, 'b'));
    project_->Write("app1/main", "the application\n");
  }
  void TearDown() override {
    unsetenv("SSL_CERT_FILE");
    unsetenv("DOCKER_HOST");
  }

  ProcessResult Run(std::vector<std::string> arguments, int exit_code = 0) const {
    const ProcessResult result = project_->Cli(std::move(arguments));
    EXPECT_EQ(result.exit_code, exit_code) << result.out << result.err;
    return result;
  }

  std::string Reference(const std::string& rest) const {
    return absl::StrCat(registry_->host(), "/", rest);
  }

  // What a tag names, from the registry's own files; empty if there is no such tag.
  std::string TagInRegistry(const std::string& repository, const std::string& tag) const {
    return base::ReadFile(absl::StrCat(registry_->data_directory(),
                                       "/docker/registry/v2/repositories/", repository,
                                       "/_manifests/tags/", tag, "/current/link"))
        .value_or("");
  }

  // How often the registry was asked to take bytes of a blob of `repository`, and to mount one.
  int Uploads(const std::string& repository) const {
    return registry_->RequestCount(absl::StrCat("\"PUT /v2/", repository, "/blobs/uploads/")) +
           registry_->RequestCount(absl::StrCat("\"PATCH /v2/", repository, "/blobs/uploads/"));
  }
  // Returns once the registry has logged that `tag` was put: then it has logged what was before.
  void WaitForTag(const std::string& repository, const std::string& tag) const {
    EXPECT_OK(registry_->process().WaitForOutput(
        absl::StrCat("\"PUT /v2/", repository, "/manifests/", tag, " ")));
  }

  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Project> project_;
};

TEST_F(PromotionStoryTest, FourTagsOneDigestAndNoLayerIsSentTwice) {
  Run({"build", "base", "--push-after-build"});
  Run({"promote", Reference("base:2.4.6"), "--promote-image-registry-namespace", "stable"});
  const std::string base = TagInRegistry("base", "2.4.6");
  EXPECT_EQ(TagInRegistry("stable/base", "2.4.6"), base);
  WaitForTag("stable/base", "2.4.6");
  EXPECT_EQ(Uploads("stable/base"), 0);

  // Built on what was promoted, not on what may come after it.
  Run({"build", "app1", "--image-from-namespace", "stable", "--build-parents", "never",
       "--push-after-build"});
  const std::string app = TagInRegistry("app1", "0.1.0-base2.4.6");
  ASSERT_FALSE(app.empty());

  const ProcessResult promoted = Run(
      {"promote", Reference("app1:0.1.0-base2.4.6"), "--promote-image-registry-namespace", "stable",
       "--promote-image-tag", "latest", "--force-promote-source-image", "--enable-semver-tags"});
  EXPECT_THAT(promoted.out, HasSubstr(app));
  for (const char* tag : {"0.1", "0.1.0", "0.1.0-base2.4.6", "latest"}) {
    EXPECT_EQ(TagInRegistry("stable/app1", tag), app) << tag;
  }
  WaitForTag("stable/app1", "latest");
  EXPECT_EQ(Uploads("stable/app1"), 0);
  EXPECT_GT(registry_->RequestCount("\"POST /v2/stable/app1/blobs/uploads/?"), 0);
}

TEST_F(PromotionStoryTest, AFamilyInOneGo) {
  Run({"build", "base", "--build-on-cascade", "--push-after-build"});
  const std::vector<std::string> promote = {
      "promote", "--images", "base", "--cascade", "--promote-image-registry-namespace", "stable"};
  std::vector<std::string> dry = promote;
  dry.insert(dry.end(), {"--dry-run", "--output", "json"});
  const nlohmann::json rehearsal =
      nlohmann::json::parse(Run(dry).out, nullptr, /*allow_exceptions=*/false);
  ASSERT_EQ(rehearsal["images"].size(), 2u) << rehearsal;
  EXPECT_EQ(TagInRegistry("stable/base", "2.4.6"), "");

  const ProcessResult promoted = Run(promote);
  EXPECT_THAT(promoted.out, HasSubstr("stable/app1:0.1.0-base2.4.6, candidate"));
  EXPECT_THAT(promoted.err, HasSubstr("2 images in 3 tags promoted"));
  EXPECT_EQ(TagInRegistry("stable/base", "2.4.6"), TagInRegistry("base", "2.4.6"));
  EXPECT_EQ(TagInRegistry("stable/app1", "candidate"), TagInRegistry("app1", "0.1.0-base2.4.6"));
  WaitForTag("stable/app1", "0.1.0-base2.4.6");
  EXPECT_EQ(Uploads("stable/base") + Uploads("stable/app1"), 0);
  EXPECT_THAT(Run(promote).err, HasSubstr("2 were there already"));
}

}  // namespace
}  // namespace stevedore::testing
