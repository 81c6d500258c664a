#include "tests/build/project.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/status.h"
#include "base/testing/status_matchers.h"

namespace stevedore::testing {
namespace {

constexpr char kGraph[] = R"(images:
  base:
    "1":
      registry: REGISTRY
      namespace: test
      platforms: [linux/amd64]
      builder:
        driver: assemble
        options:
          context: [{path: rootfs}]
          layers: [{from: ., to: /}]
          config: {env: {PATH: /bin}}
  lib:
    "1":
      registry: REGISTRY
      namespace: test
      platforms: [linux/amd64]
      parents: {base: ["1"]}
      builder:
        driver: assemble
        options:
          context: [{path: libs}]
          layers: [{from: ., to: /lib}]
  web:
    "1.0":
      registry: REGISTRY
      namespace: test
      platforms: [linux/amd64]
      tags: [stable]
      parents: {base: ["1"]}
      builder:
        driver: assemble
        options:
          context: [{path: services/web}]
          layers: [{from: public, to: /srv/www, mode: "0644"}]
          config: {cmd: [/bin/serve], labels: {team: shop}}
  site:
    "1.0":
      registry: REGISTRY
      namespace: test
      platforms: [linux/amd64]
      parents: {web: ["1.0"]}
      builder:
        driver: assemble
        options:
          context: [{path: services/site}]
          layers: [{image: {lib: "1"}}, {from: ., to: /srv/site}]
  lone:
    "1":
      registry: REGISTRY
      namespace: test
      platforms: [linux/amd64]
      builder:
        driver: assemble
        options:
          config: {cmd: [/none]}
)";

}  // namespace

std::string ProgramPath(const std::string& program) {
  // Tests start in the root of their data; children may start elsewhere.
  static const std::string root = std::filesystem::current_path().string();
  return absl::StrCat(root, "/", program);
}

absl::StatusOr<std::unique_ptr<Project>> Project::Create() {
  ProgramPath("");  // Remember the root before anything changes the working directory.
  ASSIGN_OR_RETURN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
  auto project = std::unique_ptr<Project>(new Project(std::move(directory)));
  for (const char* folder : {"project", "home", "cache", "scratch"}) {
    RETURN_IF_ERROR(base::MakeDirectories(project->directory_.path() + "/" + folder));
  }
  project->Write("stevedore.yaml", "images_path: images.yaml\nbuilders_path: images.yaml\n");
  return project;
}

void Project::Write(const std::string& path, const std::string& content) const {
  const std::filesystem::path file = Path(path);
  ASSERT_OK(base::MakeDirectories(file.parent_path().string()));
  ASSERT_OK(base::WriteFileAtomically(file.string(), content));
}

std::string Project::Path(const std::string& path) const {
  return absl::StrCat(directory_.path(), "/project/", path);
}

std::string Project::Scratch(const std::string& path) const {
  return absl::StrCat(directory_.path(), "/scratch/", path);
}

void Project::WriteGraph(const std::string& registry) const {
  Write("images.yaml", absl::StrReplaceAll(kGraph, {{"REGISTRY", registry}}));
  Write("rootfs/bin/serve", "#!/bin/sh\n");
  Write("rootfs/etc/passwd", "root:x:0:0::/:/bin/sh\n");
  Write("libs/libc.so", std::string(20000, 'c'));
  Write("services/web/public/index.html", "<h1>web</h1>\n");
  Write("services/site/page.html", "<h1>site</h1>\n");
}

ProcessOptions Project::Options(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), ProgramPath("cli/stevedore-cli"));
  ProcessOptions options;
  options.argv = std::move(arguments);
  options.working_directory = directory_.path() + "/project";
  options.environment = {{"HOME", directory_.path() + "/home"},
                         {"XDG_CACHE_HOME", directory_.path() + "/cache"},
                         {"DOCKER_CONFIG", directory_.path() + "/home/.docker"},
                         {"USER", "tester"}};
  return options;
}

ProcessResult Project::Cli(std::vector<std::string> arguments, absl::Duration limit) const {
  absl::StatusOr<ProcessResult> result = Process::Run(Options(std::move(arguments)), limit);
  EXPECT_OK(result);
  return result.ok() ? *std::move(result) : ProcessResult{-1, "", ""};
}

std::unique_ptr<Process> Project::StartCli(std::vector<std::string> arguments) const {
  absl::StatusOr<std::unique_ptr<Process>> process = Process::Start(Options(std::move(arguments)));
  EXPECT_OK(process);
  return process.ok() ? *std::move(process) : nullptr;
}

BuildOutcome Project::Outcome(const std::string& metadata_file) const {
  BuildOutcome outcome;
  const absl::StatusOr<std::string> text = base::ReadFile(metadata_file);
  EXPECT_OK(text);
  if (!text.ok()) return outcome;
  const nlohmann::json json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  EXPECT_TRUE(json.is_object()) << *text;
  if (!json.is_object()) return outcome;
  outcome.id = json.value("id", "");
  outcome.state = json.value("state", "");
  for (const nlohmann::json& task : json.value("tasks", nlohmann::json::array())) {
    const std::string image = task.value("image", "");
    outcome.states[image] = task.value("state", "");
    outcome.digests[image] = task.value("digest", "");
    outcome.workers[image] = task.value("worker", "");
    outcome.attempts[image] = task.value("attempts", 0);
    outcome.causes[image] = task.value("causes", std::vector<std::string>());
  }
  for (const nlohmann::json& tag : json.value("tags", nlohmann::json::array())) {
    if (tag.value("moved", false) || tag.value("unchanged", false)) {
      outcome.tags[tag.value("reference", "")] = tag.value("digest", "");
    }
  }
  return outcome;
}

void Project::Login(const std::string& registry, const std::string& user,
                    const std::string& password) const {
  const nlohmann::json config = {
      {"auths", {{registry, {{"auth", absl::Base64Escape(absl::StrCat(user, ":", password))}}}}}};
  const std::string directory = directory_.path() + "/home/.docker";
  ASSERT_OK(base::MakeDirectories(directory));
  ASSERT_OK(base::WriteFileAtomically(directory + "/config.json", config.dump(), 0600));
}

}  // namespace stevedore::testing
