// append, mutate, index, assemble and rebase against a real registry: what comes out is judged by
// skopeo, and run by a real Docker engine.

#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"
#include "tests/build/project.h"
#include "tests/harness/docker_engine.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

class EditCommandsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(registry_, Registry::Start());
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
  }

  // "127.0.0.1:5000/shop/NAME".
  std::string Ref(const std::string& name) const {
    return absl::StrCat(registry_->host(), "/shop/", name);
  }

  // Runs a command that must succeed and returns its standard output without the line feed.
  std::string Ok(std::vector<std::string> arguments) {
    const ProcessResult result = project_->Cli(std::move(arguments));
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    said_ = result.err;
    return std::string(absl::StripAsciiWhitespace(result.out));
  }
  // Runs a command that must fail like this.
  void Fails(int exit_code, const std::string& message, std::vector<std::string> arguments) {
    const ProcessResult result = project_->Cli(std::move(arguments));
    EXPECT_EQ(result.exit_code, exit_code) << result.out << result.err;
    EXPECT_THAT(result.err, HasSubstr(message));
    EXPECT_EQ(result.out, "");
  }

  // What skopeo says of an image.
  Json Skopeo(std::vector<std::string> arguments, const std::string& reference) {
    arguments.insert(arguments.begin(), {"skopeo", "inspect", "--tls-verify=false"});
    arguments.push_back(absl::StrCat("docker://", reference));
    const absl::StatusOr<ProcessResult> result = Process::Run({.argv = std::move(arguments)});
    EXPECT_OK(result);
    if (!result.ok()) return {};
    EXPECT_EQ(result->exit_code, 0) << reference << ": " << result->err;
    return Json::parse(result->out, nullptr, false);
  }
  Json Config(const std::string& reference) { return Skopeo({"--config", "--raw"}, reference); }
  Json Raw(const std::string& reference) { return Skopeo({"--raw"}, reference); }

  // A folder with busybox under some names, and a file that says which version of the base it is.
  std::string BaseFolder(const std::string& version) {
    const std::string root = project_->Scratch(absl::StrCat("base-", version));
    EXPECT_OK(base::MakeDirectories(root + "/bin"));
    EXPECT_OK(base::MakeDirectories(root + "/etc"));
    EXPECT_OK(
        base::WriteFileAtomically(root + "/bin/busybox", *base::ReadFile("/bin/busybox"), 0755));
    for (const char* name : {"sh", "cat", "id", "echo"}) {
      EXPECT_EQ(symlink("busybox", absl::StrCat(root, "/bin/", name).c_str()), 0);
    }
    EXPECT_OK(base::WriteFileAtomically(root + "/etc/version", version + "\n"));
    return root;
  }

  // A tar with one file.
  std::string Tar(const std::string& name, const std::string& content, bool gzip = false) {
    const std::string folder = project_->Scratch("tar-" + name);
    EXPECT_OK(base::MakeDirectories(folder + "/srv"));
    EXPECT_OK(base::WriteFileAtomically(folder + "/srv/" + name, content));
    const std::string tar = project_->Scratch(name + ".tar");
    const absl::StatusOr<ProcessResult> made =
        Process::Run({.argv = {"tar", gzip ? "-czf" : "-cf", tar, "-C", folder, "srv"}});
    EXPECT_OK(made);
    EXPECT_EQ(made->exit_code, 0) << made->err;
    return tar;
  }

  void MakeBase(const std::string& version, const std::string& variable) {
    Ok({"assemble", "--layer", BaseFolder(version), "--env", "PATH=/bin", "--env",
        "BASE=" + variable, "--label", "base.version=" + version, "--cmd", "/bin/sh", "-t",
        Ref("base:" + version)});
  }

  // Loads images into an engine and runs them; the test is skipped where none can run.
  void ExpectRuns(const std::vector<std::pair<std::string, std::string>>& expected) {
    absl::StatusOr<std::unique_ptr<DockerEngine>> engine = DockerEngine::Start();
    if (absl::IsFailedPrecondition(engine.status())) GTEST_SKIP() << engine.status().message();
    ASSERT_OK(engine);
    for (const auto& [name, output] : expected) {
      const std::string file = project_->Scratch("run.tar");
      ASSERT_OK_AND_ASSIGN(
          const ProcessResult copied,
          Process::Run({.argv = {"skopeo", "copy", "--src-tls-verify=false",
                                 absl::StrCat("docker://", Ref(name)),
                                 absl::StrCat("docker-archive:", file, ":", Ref(name))}}));
      ASSERT_EQ(copied.exit_code, 0) << copied.err;
      ASSERT_OK_AND_ASSIGN(const ProcessResult loaded,
                           (*engine)->Docker({"load", "--input", file}));
      EXPECT_EQ(loaded.exit_code, 0) << loaded.err;
      ASSERT_OK_AND_ASSIGN(const ProcessResult ran,
                           (*engine)->Docker({"run", "--rm", "--network", "none", Ref(name)}));
      EXPECT_EQ(ran.out, output) << ran.err;
      ASSERT_OK(base::RemoveTree(file));
    }
  }

  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Project> project_;
  std::string said_;  // On standard error, by the last command that succeeded.
};

TEST_F(EditCommandsTest, AppendMutateAndRebaseMakeImagesThatRun) {
  MakeBase("1", "one");
  MakeBase("2", "two");
  const std::string appended = Ok({"append", "-b", Ref("base:1"), "-f", Tar("motd", "hello\n"),
                                   "-f", Tar("zipped", "small\n", /*gzip=*/true), "-t",
                                   Ref("app:1"), "--set-base-image-annotations"});
  EXPECT_TRUE(absl::StartsWith(appended, Ref("app@sha256:"))) << appended;
  EXPECT_THAT(said_, HasSubstr("1 mounted, 2 sent"));
  EXPECT_EQ(Raw(Ref("app:1"))["annotations"]["org.opencontainers.image.base.name"], Ref("base:1"));

  const std::string mutated =
      Ok({"mutate",
          appended,
          "--entrypoint",
          R"(["/bin/sh","-c"])",
          "--cmd",
          R"(["cat /etc/version /srv/motd /srv/zipped; echo $BASE $OWN; id -u"])",
          "--env",
          "OWN=mine",
          "--user",
          "1000:1000",
          "--workdir",
          "/srv",
          "--label",
          "k=v",
          "--exposed-ports",
          "8080/tcp",
          "--volume",
          "/data",
          "--stop-signal",
          "SIGINT",
          "--health-cmd",
          "true",
          "-t",
          Ref("app:2")});
  EXPECT_THAT(said_, HasSubstr("3 there, 0 mounted, 0 sent"));
  const Json config = Config(mutated)["config"];
  EXPECT_EQ(config["Env"], Json({"PATH=/bin", "BASE=one", "OWN=mine"}));
  EXPECT_EQ(config["Labels"], Json({{"base.version", "1"}, {"k", "v"}}));
  EXPECT_EQ(config["User"], "1000:1000");
  EXPECT_EQ(config["StopSignal"], "SIGINT");
  EXPECT_EQ(config["ExposedPorts"], Json({{"8080/tcp", Json::object()}}));
  EXPECT_EQ(config["Volumes"], Json({{"/data", Json::object()}}));
  EXPECT_EQ(config["Healthcheck"]["Test"], Json({"CMD-SHELL", "true"}));

  // The old base is what the image says; the new one is named.
  const std::string rebased =
      Ok({"rebase", Ref("app:2"), "--new-base", Ref("base:2"), "-t", Ref("app:3")});
  EXPECT_THAT(said_, AllOf(HasSubstr("Env.BASE"), HasSubstr("1 mounted, 0 sent")));
  const Json after = Config(rebased);
  EXPECT_EQ(after["config"]["Env"], Json({"PATH=/bin", "BASE=two", "OWN=mine"}));
  EXPECT_EQ(after["config"]["Labels"], Json({{"base.version", "2"}, {"k", "v"}}));
  EXPECT_EQ(after["config"]["Entrypoint"], config["Entrypoint"]);
  EXPECT_EQ(Raw(Ref("app:3"))["annotations"]["org.opencontainers.image.base.name"], Ref("base:2"));
  // Nobody downloaded a layer: all reads of blobs are configs.
  EXPECT_EQ(Ok({"rebase", rebased, "--old-base", Ref("base:2"), "--new-base", Ref("base:2")}),
            rebased);
  Fails(2, "base mismatch",
        {"rebase", rebased, "--old-base", Ref("base:1"), "--new-base", Ref("base:2")});

  ExpectRuns({{"app:2", "1\nhello\nsmall\none mine\n1000\n"},
              {"app:3", "2\nhello\nsmall\ntwo mine\n1000\n"}});
}

TEST_F(EditCommandsTest, WhatIsTakenAwayIsGone) {
  const std::string image =
      Ok({"append", "-f", Tar("f", "x"), "-t", Ref("app:1"), "--platform", "linux/arm/v7"});
  EXPECT_EQ(Raw(image)["mediaType"], "application/vnd.docker.distribution.manifest.v2+json");
  EXPECT_EQ(Config(image)["variant"], "v7");
  const std::string full =
      Ok({"mutate", image, "-e", "A=1", "-e", "B=2", "-l", "k=v", "--cmd", "x", "-u", "1", "-a",
          "note=y", "--no-healthcheck", "--time", "2024-05-01T12:00:00Z"});
  EXPECT_EQ(Config(full)["created"], "2024-05-01T12:00:00Z");
  EXPECT_EQ(Config(full)["history"][0]["created"], "2024-05-01T12:00:00Z");
  const std::string less =
      Ok({"mutate", full, "--unset-env", "A", "--unset-label", "*", "--unset-cmd", "--unset-user",
          "--unset-healthcheck", "--unset-annotation", "note", "--repo", Ref("less")});
  EXPECT_TRUE(absl::StartsWith(less, Ref("less@"))) << less;
  EXPECT_EQ(Config(less)["config"], Json({{"Env", {"B=2"}}}));
  EXPECT_FALSE(Raw(less).contains("annotations"));
  // The same change twice is the same image, and no change is no change.
  EXPECT_EQ(Ok({"mutate", less, "--unset-cmd"}), less);
}

TEST_F(EditCommandsTest, LayersGetOtherTimes) {
  const std::string image = Ok({"append", "-f", Tar("f", "x"), "-t", Ref("app:1")});
  const std::string dated =
      Ok({"mutate", image, "--time", "0", "--layer-times", "-t", Ref("app:2")});
  EXPECT_NE(Raw(dated)["layers"][0]["digest"], Raw(image)["layers"][0]["digest"]);
  EXPECT_EQ(Ok({"mutate", dated, "--time", "0", "--layer-times"}), dated);
  ASSERT_OK_AND_ASSIGN(const ProcessResult copied,
                       Process::Run({.argv = {"skopeo", "copy", "--src-tls-verify=false",
                                              absl::StrCat("docker://", Ref("app:2")),
                                              absl::StrCat("dir:", project_->Scratch("dir"))}}));
  EXPECT_EQ(copied.exit_code, 0) << copied.err;
}

TEST_F(EditCommandsTest, IndexesAreMadeFilteredAndMutatedWhole) {
  for (const char* platform : {"linux/amd64", "linux/arm/v7", "linux/s390x"}) {
    Ok({"assemble", "--platform", platform, "--layer", Tar("f", platform), "--cmd", "/f", "-t",
        Ref(absl::StrCat("part:", absl::StrReplaceAll(platform, {{"/", "-"}})))});
  }
  const std::string index = Ok({"index", "create", "-m", Ref("part:linux-amd64"), "-m",
                                Ref("part:linux-arm-v7"), "-a", "who=me", "-t", Ref("app:1")});
  Json raw = Raw(index);
  EXPECT_EQ(raw["mediaType"], "application/vnd.oci.image.index.v1+json");
  EXPECT_EQ(raw["annotations"]["who"], "me");
  ASSERT_EQ(raw["manifests"].size(), 2u);
  EXPECT_EQ(raw["manifests"][1]["platform"]["variant"], "v7");
  EXPECT_THAT(said_, HasSubstr("mounted"));

  Ok({"index", "append", index, "-m", Ref("part:linux-s390x"), "-t", Ref("app:2")});
  EXPECT_THAT(Ok({"index", "list", Ref("app:2")}),
              AllOf(HasSubstr("linux/amd64"), HasSubstr("linux/arm/v7"), HasSubstr("linux/s390x")));
  // An index inside an index: flat, or as it is.
  const std::string flat = Ok({"index", "append", "-m", Ref("app:2"), "-t", Ref("flat:1")});
  EXPECT_EQ(Raw(flat)["manifests"].size(), 3u);
  const std::string nested =
      Ok({"index", "append", "-m", Ref("app:2"), "--no-flatten", "-t", Ref("nested:1")});
  EXPECT_EQ(Raw(nested)["manifests"][0]["mediaType"], raw["mediaType"]);
  const std::string filtered = Ok({"index", "filter", Ref("app:2"), "--platform", "linux/s390x",
                                   "--platform", "linux/arm", "-t", Ref("app:3")});
  EXPECT_EQ(Raw(filtered)["manifests"].size(), 2u);

  const std::string mutated =
      Ok({"mutate", Ref("app:3"), "--label", "all=yes", "--index-annotation", "i=1",
          "--entry-annotation", "e=1", "-a", "m=1", "-t", Ref("app:4")});
  raw = Raw(mutated);
  EXPECT_EQ(raw["annotations"], Json({{"i", "1"}, {"who", "me"}}));
  for (const Json& entry : raw["manifests"]) {
    EXPECT_EQ(entry["annotations"]["e"], "1");
    const std::string child = absl::StrCat(Ref("app@"), entry["digest"].get<std::string>());
    EXPECT_EQ(Raw(child)["annotations"]["m"], "1");
    EXPECT_EQ(Config(child)["config"]["Labels"]["all"], "yes");
  }
  // One of them only: then it is that image.
  const std::string one = Ok({"mutate", Ref("app:3"), "--platform", "linux/s390x", "-l", "x=y"});
  EXPECT_EQ(Config(one)["architecture"], "s390x");

  Fails(2, "--platform", {"append", "-b", Ref("app:2"), "-f", Tar("g", "g"), "-t", Ref("x:1")});
  const std::string all = Ok(
      {"append", "-b", Ref("app:2"), "-f", Tar("g", "g"), "--platform", "all", "-t", Ref("app:5")});
  EXPECT_EQ(Raw(all)["manifests"].size(), 3u);
}

TEST_F(EditCommandsTest, RebasesEveryPlatformOfAnIndexOnItsOwn) {
  for (const char* version : {"1", "2"}) {
    std::vector<std::string> create = {"index", "create"};
    for (const char* arch : {"amd64", "arm64"}) {
      const std::string ref = Ref(absl::StrCat("base:", version, arch));
      Ok({"assemble", "--platform", absl::StrCat("linux/", arch), "--layer",
          Tar(absl::StrCat("b", version, arch), arch), "--env", absl::StrCat("V=", version), "-t",
          ref});
      create.insert(create.end(), {"-m", ref});
    }
    create.insert(create.end(), {"-t", Ref(absl::StrCat("base:", version))});
    Ok(create);
  }
  Ok({"append", "-b", Ref("base:1"), "--platform", "all", "-f", Tar("app", "app"), "-t",
      Ref("app:1")});
  const std::string rebased = Ok({"rebase", Ref("app:1"), "--old-base", Ref("base:1"), "--new-base",
                                  Ref("base:2"), "-t", Ref("app:2")});
  const Json raw = Raw(rebased);
  ASSERT_EQ(raw["manifests"].size(), 2u);
  const Json base = Raw(Ref("base:2"));
  for (int i = 0; i < 2; ++i) {
    const auto at = [](const Json& entry) { return entry["digest"].get<std::string>(); };
    const std::string child = absl::StrCat(Ref("app@"), at(raw["manifests"][i]));
    const std::string below = absl::StrCat(Ref("base@"), at(base["manifests"][i]));
    EXPECT_EQ(Config(child)["config"]["Env"], Json({"V=2"}));
    EXPECT_EQ(Raw(child)["layers"][0], Raw(below)["layers"][0]);
    EXPECT_EQ(Raw(child)["layers"].size(), 2u);
  }
}

TEST_F(EditCommandsTest, AssemblesOnABaseWithAConfigFileAndStandardInput) {
  MakeBase("1", "one");
  project_->Write("config.json", R"({"entrypoint": ["/srv/f"], "labels": {"from": "file"}})");
  const std::string image =
      Ok({"assemble", "--base", Ref("base:1"), "--layer", Tar("f", "x"), "--config", "config.json",
          "--label", "typed=yes", "-t", Ref("app:1")});
  const Json config = Config(image)["config"];
  EXPECT_EQ(config["Entrypoint"], Json({"/srv/f"}));
  EXPECT_EQ(config["Labels"]["from"], "file");
  EXPECT_EQ(config["Labels"]["typed"], "yes");
  EXPECT_FALSE(config.contains("Cmd"));
  project_->Write("wrong.json", R"({"entripoint": []})");
  Fails(2, "entripoint", {"assemble", "--config", "wrong.json", "-t", Ref("x:1")});

  const std::string tar = *base::ReadFile(Tar("stdin", "from stdin"));
  ASSERT_OK_AND_ASSIGN(const ProcessResult piped,
                       Process::Run({.argv = {ProgramPath("cli/stevedore-cli"), "append", "-f", "-",
                                              "-t", Ref("piped:1"), "--output", "json"},
                                     .input = tar}));
  ASSERT_EQ(piped.exit_code, 0) << piped.err;
  EXPECT_EQ(Json::parse(piped.out)["blobs"]["sent"], 1);
  EXPECT_EQ(Raw(Ref("piped:1"))["layers"].size(), 1u);
}

TEST_F(EditCommandsTest, MistakesAreNamedAndChangeNothing) {
  const std::string tar = Tar("f", "x");
  Ok({"append", "-f", tar, "-t", Ref("app:1")});
  Fails(1, "shop/none", {"mutate", Ref("none:1"), "--label", "a=b"});
  Fails(2, "--label", {"mutate", Ref("app:1"), "--label", "a"});
  Fails(2, "need an index", {"mutate", Ref("app:1"), "--index-annotation", "a=b"});
  Fails(2, "--layer-times", {"mutate", Ref("app:1"), "--layer-times"});
  Fails(2, "--tag", {"append", "-f", tar});
  Fails(2, "--old-base", {"rebase", Ref("app:1"), "--new-base", Ref("app:1")});
  Fails(2, "--cascade", {"rebase", Ref("app:1"), "--dry-run"});
  Fails(2, "not an index", {"index", "list", Ref("app:1")});
  project_->Write("notes.txt", std::string(2000, 'x'));
  Fails(2, "notes.txt", {"append", "-f", "notes.txt", "-t", Ref("app:1")});
  Fails(3, "127.0.0.1:1", {"mutate", "127.0.0.1:1/app:1", "--label", "a=b"});
  EXPECT_EQ(Raw(Ref("app:1"))["layers"].size(), 1u);
}

}  // namespace
}  // namespace stevedore::testing
