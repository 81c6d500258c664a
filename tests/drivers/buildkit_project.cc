#include "tests/drivers/buildkit_project.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/status.h"
#include "base/testing/status_matchers.h"

namespace stevedore::testing {
namespace {

constexpr char kImages[] = R"(images:
  base:
    "1.0":
      registry: REGISTRY
      namespace: test
      builder: {driver: buildkit, options: {context: {path: base}, network: none}}
  web:
    "2.0":
      registry: REGISTRY
      namespace: test
      parents: {base: ["1.0"]}
      tags: [stable]
      vars: {GREETING: hello}
      labels: {team: shop}
      builder: {driver: buildkit, options: {context: {path: web}, network: none, target: final}}
  site:
    "3.0":
      registry: REGISTRY
      namespace: test
      parents: {web: ["2.0"]}
      builder: {driver: buildkit, options: {context: {path: site}, network: none}}
)";

// Commands whose output is looked for live a little: --logs polls, and only tails of ended tasks
// are kept.
constexpr char kBase[] =
    "FROM scratch\nCOPY busybox /bin/busybox\n"
    "RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nENV PATH=/bin\nCMD [\"/bin/sh\"]\n";
constexpr char kWeb[] =
    "ARG image_from_fully_qualified_name\nFROM ${image_from_fully_qualified_name} AS final\n"
    "ARG GREETING=none\nRUN echo \"$GREETING\" > /greeting && echo said $GREETING && sleep 1\n"
    "COPY page /srv/page\n"
    "FROM final AS later\nRUN false\n";

}  // namespace

absl::StatusOr<std::unique_ptr<BuildkitProject>> BuildkitProject::Create() {
  ASSIGN_OR_RETURN(std::unique_ptr<Project> files, Project::Create());
  return std::unique_ptr<BuildkitProject>(new BuildkitProject(std::move(files)));
}

void BuildkitProject::WriteFamily() {
  const absl::StatusOr<std::string> busybox = base::ReadFile("/bin/busybox");
  ASSERT_OK(busybox);
  files_->Write("base/busybox", *busybox);
  ASSERT_EQ(chmod(files_->Path("base/busybox").c_str(), 0755), 0);
  files_->Write("base/Dockerfile", kBase);
  files_->Write("web/Dockerfile", kWeb);
  files_->Write("web/page", "<h1>page</h1>\n");
  Write();
}

void BuildkitProject::SetRegistry(const std::string& registry) {
  registry_ = registry;
  Write();
}

void BuildkitProject::Write() {
  files_->Write("images.yaml",
                absl::StrReplaceAll(absl::StrCat(kImages, more_), {{"REGISTRY", registry_}}));
  files_->Write("site/Dockerfile",
                absl::StrCat("FROM ", registry_, "/test/web:2.0\nCOPY Dockerfile /srv/d\n"));
}

void BuildkitProject::AddRun(const std::string& name, const std::string& run,
                             const std::string& options, const std::string& parent) {
  files_->Write(absl::StrCat(name, "/Dockerfile"),
                absl::StrCat("ARG image_from_fully_qualified_name\n"
                             "FROM ${image_from_fully_qualified_name}\nRUN ",
                             run, "\n"));
  absl::StrAppend(&more_, "  ", name, ":\n    \"1\":\n      registry: REGISTRY\n",
                  "      namespace: test\n");
  if (!parent.empty()) absl::StrAppend(&more_, "      parents: {", parent, "}\n");
  absl::StrAppend(&more_, "      builder: {driver: buildkit, options: {context: {path: ", name,
                  "}, network: none", options, "}}\n");
  Write();
}

void BuildkitProject::CopyProgram(const std::string& program, const std::string& context) {
  ASSERT_OK_AND_ASSIGN(const ProcessResult libraries, Process::Run({.argv = {"ldd", program}}));
  std::vector<std::string> paths = {program};
  for (const absl::string_view word :
       absl::StrSplit(libraries.out, absl::ByAnyChar(" \t\n"), absl::SkipEmpty())) {
    if (word.front() == '/') paths.emplace_back(word);
  }
  for (const std::string& path : paths) {
    // Everything into the folders where programs and libraries are looked for, whatever links the
    // machine has.
    const std::filesystem::path name(path);
    const bool loader = absl::StrContains(path, "ld-linux");
    const std::string to = files_->Path(absl::StrCat(context, "/root",
                                                     path == program ? "/bin/"
                                                     : loader ? name.parent_path().string() + "/"
                                                              : "/usr/lib/",
                                                     name.filename().string()));
    std::filesystem::create_directories(std::filesystem::path(to).parent_path());
    std::filesystem::copy_file(std::filesystem::canonical(name), to);
  }
}

std::vector<std::string> BuildkitProject::Arguments(std::vector<std::string> images,
                                                    std::vector<std::string> flags) {
  std::vector<std::string> all = {"build",
                                  "--build-on-cascade",
                                  "--progress",
                                  "plain",
                                  "--logs",
                                  "--metadata-file",
                                  files_->Scratch("metadata.json")};
  all.insert(all.end(), images.begin(), images.end());
  all.insert(all.end(), flags.begin(), flags.end());
  return all;
}

std::vector<std::string> BuildkitProject::LayoutFlags(std::vector<std::string> flags) {
  flags.push_back("--output");
  flags.push_back("oci:" + files_->Scratch("out"));
  return flags;
}

ProcessResult BuildkitProject::ToLayout(std::vector<std::string> images,
                                        std::vector<std::string> flags) {
  return files_->Cli(Arguments(std::move(images), LayoutFlags(std::move(flags))));
}

std::unique_ptr<Process> BuildkitProject::StartToLayout(std::vector<std::string> images) {
  return files_->StartCli(Arguments(std::move(images), LayoutFlags({})));
}

std::vector<std::string> BuildkitProject::RegistryFlags(std::vector<std::string> flags) {
  flags.push_back("--push-after-build");
  flags.push_back("--insecure-registry");
  flags.push_back(registry_);
  return flags;
}

ProcessResult BuildkitProject::ToRegistry(std::vector<std::string> images,
                                          std::vector<std::string> flags) {
  return files_->Cli(Arguments(std::move(images), RegistryFlags(std::move(flags))));
}

std::unique_ptr<Process> BuildkitProject::StartToRegistry(std::vector<std::string> images) {
  return files_->StartCli(Arguments(std::move(images), RegistryFlags({})));
}

std::string BuildkitProject::LayoutImage(const std::string& image) {
  return absl::StrCat("oci:", files_->Scratch("out"), ":registry.test/test/", image);
}

std::string BuildkitProject::Config(const std::string& image) {
  const absl::StatusOr<ProcessResult> result =
      Process::Run({.argv = {"skopeo", "inspect", "--config", LayoutImage(image)}});
  EXPECT_OK(result);
  if (!result.ok()) return "";
  EXPECT_EQ(result->exit_code, 0) << result->err;
  return result->out;
}

bool BuildkitProject::Runs(absl::string_view command) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    int pid = 0;
    if (!absl::SimpleAtoi(entry.path().filename().string(), &pid)) continue;
    // Processes end while this looks.
    const absl::StatusOr<std::string> words =
        base::ReadFile(base::JoinPath(entry.path().string(), "cmdline"));
    if (!words.ok()) continue;
    const std::string line = absl::StrReplaceAll(*words, {{std::string(1, '\0'), " "}});
    if (absl::StripAsciiWhitespace(line) == command) return true;
  }
  return false;
}

}  // namespace stevedore::testing
