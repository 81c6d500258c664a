// A patched base reaches everything that stands on it, without a build: through a real registry,
// and one image runs before and after.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/project.h"
#include "tests/harness/docker_engine.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// REGISTRY is replaced. `gone` and what stands on it are never built.
constexpr char kDefinitions[] = R"yaml(images:
  base:
    "1":
      registry: REGISTRY
      namespace: shop
      platforms: [linux/amd64, linux/arm64]
      builder:
        driver: assemble
        options:
          context: [{path: rootfs}]
          layers: [{from: bin, to: /bin}, {from: etc, to: /etc}]
          config: {env: {PATH: /bin, PATCH: PATCH_LEVEL}}
  lib:
    "1":
      registry: REGISTRY
      namespace: shop
      platforms: [linux/amd64, linux/arm64]
      parents: {base: ["1"]}
      builder:
        driver: assemble
        options: {context: [{path: lib}], layers: [{from: ., to: /lib}]}
  web:
    "1.0":
      registry: REGISTRY
      namespace: shop
      platforms: [linux/amd64, linux/arm64]
      tags: [stable]
      parents: {base: ["1"]}
      builder:
        driver: assemble
        options:
          context: [{path: web}]
          layers: [{from: ., to: /srv/web}]
          config: {entrypoint: [sh, -c, "cat /etc/patch /srv/web/page; echo $PATCH"]}
  site:
    "1.0":
      registry: REGISTRY
      namespace: shop
      platforms: [linux/amd64, linux/arm64]
      parents: {web: ["1.0"]}
      builder:
        driver: assemble
        options:
          context: [{path: site}]
          layers: [{image: {lib: "1"}}, {from: ., to: /srv/site}]
  gone:
    "1":
      registry: REGISTRY
      namespace: shop
      parents: {web: ["1.0"]}
      builder: {driver: assemble, options: {context: [{path: site}], layers: [{from: ., to: /}]}}
  leaf:
    "1":
      registry: REGISTRY
      namespace: shop
      parents: {gone: ["1"]}
      builder: {driver: assemble, options: {context: [{path: site}], layers: [{from: ., to: /}]}}
)yaml";

class RebaseCascadeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(registry_, Registry::Start());
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
  }

  void WriteShop(const std::string& patch) const {
    project_->Write("images.yaml",
                    absl::StrReplaceAll(kDefinitions,
                                        {{"REGISTRY", registry_->host()}, {"PATCH_LEVEL", patch}}));
    ASSERT_OK(base::MakeDirectories(project_->Path("rootfs/bin")));
    ASSERT_OK_AND_ASSIGN(const std::string busybox, base::ReadFile("/bin/busybox"));
    for (const char* name : {"busybox", "sh", "cat"}) {
      ASSERT_OK(base::WriteFileAtomically(project_->Path(absl::StrCat("rootfs/bin/", name)),
                                          busybox, 0755));
    }
    project_->Write("rootfs/etc/patch", absl::StrCat("patched ", patch, "\n"));
    project_->Write("lib/libc.so", std::string(20000, 'c'));
    project_->Write("web/page", "web's page\n");
    project_->Write("site/page", "site's page\n");
  }

  ProcessResult Run(std::vector<std::string> arguments, int exit_code = 0) const {
    const ProcessResult result = project_->Cli(std::move(arguments), absl::Seconds(600));
    EXPECT_EQ(result.exit_code, exit_code) << result.out << result.err;
    return result;
  }

  // Builds and pushes `names` and returns what their tags name.
  std::map<std::string, std::string> Build(std::vector<std::string> names) const {
    const std::string metadata = project_->Scratch("metadata.json");
    names.insert(names.begin(), "build");
    for (const char* flag : {"--push-after-build", "--progress", "quiet", "--metadata-file"}) {
      names.push_back(flag);
    }
    names.push_back(metadata);
    Run(std::move(names));
    return project_->Outcome(metadata).tags;
  }

  nlohmann::json Rebase(std::vector<std::string> arguments, int exit_code = 0) const {
    arguments.insert(arguments.begin(), {"rebase", "--cascade", "--output", "json"});
    const ProcessResult result = Run(std::move(arguments), exit_code);
    nlohmann::json json = nlohmann::json::parse(result.out, nullptr, /*allow_exceptions=*/false);
    EXPECT_TRUE(json.is_object()) << result.out << result.err;
    return json;
  }

  // What a tag names, from the registry's own files.
  std::string TagInRegistry(const std::string& repository, const std::string& tag) const {
    const auto link = base::ReadFile(absl::StrCat(registry_->data_directory(),
                                                  "/docker/registry/v2/repositories/", repository,
                                                  "/_manifests/tags/", tag, "/current/link"));
    return link.ok() ? *link : link.status().ToString();
  }

  std::string Reference(const std::string& rest) const {
    return absl::StrCat(registry_->host(), "/shop/", rest);
  }

  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Project> project_;
};

TEST_F(RebaseCascadeTest, AFamilyMovesAndABuildWouldHaveMadeTheSame) {
  WriteShop("0");
  const auto before = Build({"base", "lib", "web", "site"});
  WriteShop("1");
  const auto patched = Build({"base"});
  ASSERT_NE(before.at(Reference("base:1")), patched.at(Reference("base:1")));
  const std::string old_site = TagInRegistry("shop/site", "1.0");

  // First as a rehearsal.
  const nlohmann::json dry = Rebase({"base:1", "--dry-run"}, /*exit_code=*/1);
  EXPECT_EQ(TagInRegistry("shop/site", "1.0"), old_site);

  const nlohmann::json report = Rebase({Reference("base:1")}, /*exit_code=*/1);
  EXPECT_EQ(report["rebased"], 3) << report;
  EXPECT_EQ(report["cannot"], 1);
  EXPECT_EQ(report["skipped"], 1);
  EXPECT_EQ(report["layers_sent"], 0);
  std::map<std::string, nlohmann::json> images;
  for (const nlohmann::json& image : report["images"]) images[image["image"]] = image;
  EXPECT_THAT(images["gone:1"]["why"].get<std::string>(), HasSubstr("is not in its registry"));
  EXPECT_EQ(images["leaf:1"]["why"], "it builds on gone:1, which could not be rebased");
  for (const nlohmann::json& image : dry["images"]) {
    EXPECT_EQ(image["new"], images[image["image"]]["new"]) << "what was shown is what is made";
  }
  const nlohmann::json& web = images["web:1.0"];
  ASSERT_EQ(web["platforms"].size(), 2u) << web;
  EXPECT_EQ(web["platforms"][0]["inherited"], nlohmann::json::array({"Env.PATCH"}));
  EXPECT_EQ(web["old"], before.at(Reference("web:1.0")));
  EXPECT_EQ(TagInRegistry("shop/web", "1.0"), web["new"]);
  EXPECT_EQ(TagInRegistry("shop/web", "stable"), web["new"]);

  // Nothing is left to do; and whoever builds everything comes to the same digests.
  const nlohmann::json again = Rebase({"base:1", "--images", "lib,site"});
  EXPECT_EQ(again["unchanged"], 3) << again;
  const auto rebuilt = Build({"base", "lib", "web", "site"});
  for (const char* name : {"lib:1", "web:1.0", "site:1.0"}) {
    EXPECT_EQ(rebuilt.at(Reference(name)), images[name]["new"]) << name;
  }
}

TEST_F(RebaseCascadeTest, AnImageRunsBeforeAndAfter) {
  absl::StatusOr<std::unique_ptr<DockerEngine>> engine = DockerEngine::Start();
  if (absl::IsFailedPrecondition(engine.status())) GTEST_SKIP() << engine.status().message();
  ASSERT_OK(engine);
  const auto run = [&](const std::string& name) {
    const auto result = (*engine)->Docker(
        {"run", "--rm", "--network", "none", "--pull", "always", Reference(name)});
    EXPECT_OK(result);
    EXPECT_EQ(result->exit_code, 0) << result->err;
    return result->out;
  };
  WriteShop("0");
  Build({"base", "lib", "web", "site"});
  EXPECT_EQ(run("site:1.0"), "patched 0\nweb's page\n0\n");
  WriteShop("1");
  Build({"base"});
  Rebase({"base:1", "--images", "site", "--tag-suffix", "-next"});
  EXPECT_EQ(run("site:1.0"), "patched 0\nweb's page\n0\n");
  EXPECT_EQ(run("site:1.0-next"), "patched 1\nweb's page\n1\n");
  Rebase({"base:1"}, /*exit_code=*/1);
  EXPECT_EQ(run("site:1.0"), "patched 1\nweb's page\n1\n");
}

TEST_F(RebaseCascadeTest, WhatIsWrongIsSaidBeforeAnythingMoves) {
  WriteShop("0");
  EXPECT_THAT(Run({"rebase", "--cascade", "bas:1"}, 1).err, HasSubstr("is no image of the tree"));
  EXPECT_THAT(Run({"rebase", "--cascade", "base:1"}, 1).err,
              AllOf(HasSubstr("the new base"), HasSubstr("is not in its registry")));
  EXPECT_THAT(Run({"rebase", "--cascade", "leaf:1"}, 1).err,
              HasSubstr("no image builds on leaf:1"));
  EXPECT_THAT(Run({"rebase", "--cascade", "lib:1", "--images", "web"}, 2).err,
              HasSubstr("does not build on lib:1"));
  Build({"base"});
  EXPECT_THAT(Run({"rebase", "--cascade", "base:1", "--tag-suffix", "/x"}, 2).err,
              HasSubstr("with this suffix"));
  registry_->Kill();
  EXPECT_EQ(Run({"rebase", "--cascade", "base:1"}, 3).out, "");
}

TEST_F(RebaseCascadeTest, TwoHundredImages) {
  constexpr int kImages = 200;
  std::string definitions = "images:\n";
  for (int i = 0; i <= kImages; ++i) {
    const std::string parents =
        i == 0 ? "" : absl::StrCat("      parents: {image", (i - 1) / 6, ": [\"1\"]}\n");
    absl::StrAppend(&definitions, "  image", i,
                    ":\n    \"1\":\n      registry: ", registry_->host(),
                    "\n      namespace: family\n", parents,
                    "      builder: {driver: assemble, options: {context: [{path: c/", i,
                    "}], layers: [{from: ., to: /srv/", i, "}]}}\n");
    project_->Write(absl::StrCat("c/", i, "/file"), absl::StrCat("of image ", i, "\n"));
  }
  project_->Write("images.yaml", definitions);
  Run({"build", "image0", "--build-on-cascade", "--push-after-build", "--progress", "quiet"});
  project_->Write("c/0/file", "patched\n");
  Build({"image0"});
  const auto start = std::chrono::steady_clock::now();
  const nlohmann::json report = Rebase({"image0:1"});
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - start;
  std::printf("%d images re-parented in %.2f s\n", kImages, time.count());
  EXPECT_EQ(report["rebased"], kImages);
  EXPECT_EQ(report["layers_mounted"], kImages);
  EXPECT_EQ(report["layers_sent"], 0);
  for (const nlohmann::json& image : report["images"]) {
    const std::string id = image["image"];
    const std::string repository = absl::StrCat("family/", absl::StripSuffix(id, ":1"));
    EXPECT_EQ(TagInRegistry(repository, "1"), image["new"]) << id;
    EXPECT_NE(image["old"], image["new"]) << id;
  }
}

}  // namespace
}  // namespace stevedore::testing
