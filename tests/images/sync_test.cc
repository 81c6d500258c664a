// `sync` between real registries: what it costs, what it deletes, what stops it and what does not.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/project.h"
#include "tests/harness/faulty_proxy.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"
#include "tests/images/seeded_registry.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;
using Json = nlohmann::json;

class SyncTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(upstream_, Registry::Start());
    ASSERT_OK_AND_ASSIGN(mirror_, Registry::Start());
    ASSERT_OK_AND_ASSIGN(from_, FaultyProxy::Start(upstream_->port()));
    ASSERT_OK_AND_ASSIGN(to_, FaultyProxy::Start(mirror_->port()));
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
  }

  // shop/web:1.0, 1.1, ... of the upstream registry.
  void Seed(int count) {
    for (int i = 0; i < count; ++i) {
      hand_.PutImage(absl::StrCat(upstream_->host(), "/shop/web:1.", i), absl::StrCat("web ", i));
    }
  }

  // A file with one job from shop/web to copies/web, through the proxies.
  void WriteJob(const std::string& rules) {
    project_->Write("mirror.yaml",
                    absl::StrCat("jobs:\n  - name: web\n    source: docker://", from_->host(),
                                 "/shop/web\n    destination: docker://", to_->host(),
                                 "/copies/web\n    ", rules, "\n"));
  }

  std::vector<std::string> Copies() { return hand_.Tags(mirror_->host() + "/copies/web"); }

  // Runs the file's jobs; what they did. Fails the test unless the program ends with `exit_code`.
  Json Sync(int exit_code, std::vector<std::string> flags = {}) {
    std::vector<std::string> arguments = {"sync", "mirror.yaml", "--output", "json"};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const ProcessResult result = project_->Cli(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.out << result.err;
    errors_ = result.err;
    return Json::parse(result.out, nullptr, /*allow_exceptions=*/false);
  }

  RegistryHand hand_;
  std::unique_ptr<Registry> upstream_, mirror_;
  std::unique_ptr<FaultyProxy> from_, to_;
  std::unique_ptr<Project> project_;
  std::string errors_;
};

TEST_F(SyncTest, FiftyTagsTwiceAndTheSecondTimeCostsTwoHeadsEach) {
  Seed(50);
  WriteJob("versions: ^1");
  Json report = Sync(0);
  EXPECT_EQ(report["copied"], 50);
  EXPECT_THAT(Copies(), SizeIs(50));
  for (const int i : {0, 17, 49}) {
    EXPECT_EQ(hand_.DigestOf(absl::StrCat(mirror_->host(), "/copies/web:1.", i)),
              hand_.DigestOf(absl::StrCat(upstream_->host(), "/shop/web:1.", i)));
  }
  const int from = from_->RequestCount(""), to = to_->RequestCount("");
  const int from_heads = from_->RequestCount("HEAD /v2/shop/web/manifests/1."),
            to_heads = to_->RequestCount("HEAD /v2/copies/web/manifests/1.");
  report = Sync(0);
  EXPECT_EQ(report["unchanged"], 50);
  EXPECT_EQ(report["copied"], 0);
  EXPECT_EQ(from_->RequestCount("HEAD /v2/shop/web/manifests/1.") - from_heads, 50);
  EXPECT_EQ(to_->RequestCount("HEAD /v2/copies/web/manifests/1.") - to_heads, 50);
  // Beside them one listing of tags.
  EXPECT_EQ(from_->RequestCount("") - from, 51);
  EXPECT_EQ(to_->RequestCount("") - to, 50);
}

TEST_F(SyncTest, OnlyWhatChangedMoves) {
  Seed(3);
  WriteJob("all_tags: true");
  Sync(0);
  hand_.PutImage(upstream_->host() + "/shop/web:1.1", "another one");
  const int puts = to_->RequestCount("PUT /v2/copies/web/manifests/");
  const Json report = Sync(0);
  EXPECT_EQ(report["copied"], 1);
  EXPECT_EQ(report["unchanged"], 2);
  EXPECT_EQ(to_->RequestCount("PUT /v2/copies/web/manifests/") - puts, 1);
}

TEST_F(SyncTest, ExtraneousTagsAreDeletedWithinTheLimit) {
  Seed(6);
  WriteJob("versions: ^1\n    delete_extraneous: true");
  Sync(0);
  // More than half at once: somebody made a mistake.
  WriteJob("versions: '>=1.4'\n    delete_extraneous: true");
  Json report = Sync(1);
  EXPECT_EQ(report["kept"], 4);
  EXPECT_THAT(errors_, AllOf(HasSubstr("4 of 6 tags"), HasSubstr("delete_limit")));
  EXPECT_THAT(Copies(), SizeIs(6));
  report = Sync(0, {"--dry-run", "--no-delete"});
  EXPECT_EQ(report["deleted"], 0);
  WriteJob("versions: '>=1.4'\n    delete_extraneous: true\n    delete_limit: {percent: 70}");
  report = Sync(0, {"--dry-run"});
  EXPECT_EQ(report["deleted"], 4);
  EXPECT_THAT(Copies(), SizeIs(6));
  report = Sync(0);
  EXPECT_EQ(report["deleted"], 4);
  EXPECT_THAT(Copies(), ElementsAre("1.4", "1.5"));
}

TEST_F(SyncTest, ATagWhoseManifestAnotherOneNeedsIsNotDeleted) {
  Seed(2);
  WriteJob("tags: ['1.0', '1.1']");
  Sync(0);
  // docker-registry deletes manifests, with all tags that lead to them.
  hand_.PutImage(mirror_->host() + "/copies/web:alias", "web 1");
  hand_.PutImage(mirror_->host() + "/copies/web:old", "nobody needs it");
  WriteJob("tags: ['1.0', '1.1']\n    delete_extraneous: true\n    delete_limit: {percent: 100}");
  const Json report = Sync(0);
  EXPECT_EQ(report["deleted"], 1);
  EXPECT_EQ(report["kept"], 1);
  EXPECT_THAT(errors_, HasSubstr("is needed by a tag that stays"));
  EXPECT_THAT(Copies(), ElementsAre("1.0", "1.1", "alias"));
}

TEST_F(SyncTest, ABrokenTagStopsNoOther) {
  Seed(5);
  const std::string hex = RegistryHand::LayerOf("web 3").ToString().substr(7);
  ASSERT_GT(std::filesystem::remove_all(absl::StrCat(upstream_->data_directory(),
                                                     "/docker/registry/v2/blobs/sha256/",
                                                     hex.substr(0, 2), "/", hex)),
            0);
  WriteJob("tags: ['1.0', '1.1', '1.2', '1.3', '1.4', 'missing']");
  const Json report = Sync(1);
  EXPECT_EQ(report["copied"], 4);
  EXPECT_EQ(report["failed"], 2);
  EXPECT_EQ(report["jobs"][0]["tags"][3]["action"], "failed");
  EXPECT_THAT(report["jobs"][0]["tags"][3]["error"].get<std::string>(), HasSubstr(hex));
  EXPECT_THAT(errors_, HasSubstr("1 of 1 jobs failed: 2 of 6 tags"));
  EXPECT_THAT(Copies(), ElementsAre("1.0", "1.1", "1.2", "1.4"));
}

TEST_F(SyncTest, AnUnreachableSourceIsExitCodeThreeAndOtherJobsRun) {
  Seed(1);
  ASSERT_OK_AND_ASSIGN(const auto gone, Registry::Start());
  gone->Kill();
  project_->Write("mirror.yaml", absl::StrCat("jobs:\n  - {name: gone, source: '", gone->host(),
                                              "/a', destination: '", mirror_->host(),
                                              "/a', all_tags: true}\n  - {name: web, source: '",
                                              upstream_->host(), "/shop/web', destination: '",
                                              mirror_->host(), "/copies/web', all_tags: true}\n"));
  const Json report = Sync(3);
  EXPECT_EQ(report["copied"], 1);
  EXPECT_THAT(errors_, AllOf(HasSubstr("gone: "), HasSubstr("Connection refused")));
  EXPECT_EQ(Sync(0, {"--job", "web"})["unchanged"], 1);
  const ProcessResult wrong = project_->Cli({"sync", "mirror.yaml", "--job", "wbe"});
  EXPECT_EQ(wrong.exit_code, 1);
  EXPECT_THAT(wrong.err, HasSubstr("there are gone, web"));
}

TEST_F(SyncTest, KilledInTheMiddleAndRunAgain) {
  Seed(4);
  WriteJob("versions: ^1");
  to_->Add({.method = "PUT", .path = "/manifests/1.2", .times = 1000, .hang = true});
  const auto process = project_->StartCli({"sync", "mirror.yaml", "--jobs", "2"});
  ASSERT_OK(process->WaitForOutput("web 1.0: copied", absl::Seconds(100)));
  process->Kill();
  EXPECT_THAT(Copies(), ElementsAre("1.0", "1.1", "1.3"));
  ASSERT_OK_AND_ASSIGN(to_, FaultyProxy::Start(mirror_->port()));
  WriteJob("versions: ^1");
  const Json report = Sync(0);
  EXPECT_EQ(report["copied"], 1);
  EXPECT_EQ(report["unchanged"], 3);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(hand_.DigestOf(absl::StrCat(mirror_->host(), "/copies/web:1.", i)),
              hand_.DigestOf(absl::StrCat(upstream_->host(), "/shop/web:1.", i)));
  }
}

TEST_F(SyncTest, CredentialsByTheirId) {
  Seed(1);
  ASSERT_OK_AND_ASSIGN(const auto closed, Registry::Start({.auth = RegistryOptions::Auth::kBasic}));
  const std::string job = absl::StrCat("jobs:\n  - source: ", upstream_->host(),
                                       "/shop/web\n    destination: ", closed->host(),
                                       "/copies/web\n    all_tags: true\n");
  project_->Write("mirror.yaml", job);
  Sync(3);
  project_->Write("mirror.yaml", job + "    destination_credentials: mirror-robot\n");
  Sync(3);
  EXPECT_THAT(errors_, HasSubstr("there are no credentials `mirror-robot`"));
  setenv("MIRROR_PASSWORD", "wonderland", 1);
  const ProcessResult created =
      project_->Cli({"create", "credentials", "mirror-robot", "--username", "alice", "--from-env",
                     "MIRROR_PASSWORD"});
  ASSERT_EQ(created.exit_code, 0) << created.err;
  EXPECT_EQ(Sync(0)["copied"], 1);
}

TEST_F(SyncTest, SkopeosFileDoesWhatSkopeoDoes) {
  Seed(3);
  hand_.PutImage(upstream_->host() + "/shop/job:2.0", "job");
  project_->Write(
      "skopeo.yaml",
      absl::StrCat(upstream_->host(), ":\n  tls-verify: false\n  images:\n",
                   "    shop/job: []\n  images-by-tag-regex:\n    shop/web: ^1\\.[01]$\n"));
  const ProcessResult ours = project_->Cli(
      {"sync", "--src", "yaml", "--dest", "docker", "skopeo.yaml", mirror_->host() + "/ours"});
  ASSERT_EQ(ours.exit_code, 0) << ours.err;
  ASSERT_OK_AND_ASSIGN(
      const ProcessResult theirs,
      Process::Run({.argv = {"skopeo", "--insecure-policy", "sync", "--all", "--preserve-digests",
                             "--src", "yaml", "--dest", "docker", "--dest-tls-verify=false",
                             project_->Path("skopeo.yaml"), mirror_->host() + "/theirs"}}));
  ASSERT_EQ(theirs.exit_code, 0) << theirs.err;
  for (const std::string name : {"web", "job"}) {
    const std::string our_name = absl::StrCat(mirror_->host(), "/ours/", name),
                      their_name = absl::StrCat(mirror_->host(), "/theirs/", name);
    const std::vector<std::string> tags = hand_.Tags(our_name);
    EXPECT_THAT(tags, Not(IsEmpty()));
    EXPECT_EQ(tags, hand_.Tags(their_name));
    for (const std::string& tag : tags) {
      EXPECT_EQ(hand_.DigestOf(absl::StrCat(our_name, ":", tag)),
                hand_.DigestOf(absl::StrCat(their_name, ":", tag)));
    }
  }
}

TEST_F(SyncTest, ToFoldersAndBack) {
  Seed(2);
  const std::string folders = "dir:" + project_->Scratch("folders");
  ProcessResult result = project_->Cli({"sync", upstream_->host() + "/shop/web", folders});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(project_->Scratch("folders/web:1.1/manifest.json")));
  result = project_->Cli({"sync", folders, mirror_->host() + "/copies", "--append-suffix=-back"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(Copies(), ElementsAre("1.0-back", "1.1-back"));
  EXPECT_EQ(hand_.DigestOf(mirror_->host() + "/copies/web:1.1-back"),
            hand_.DigestOf(upstream_->host() + "/shop/web:1.1"));
}

TEST_F(SyncTest, AMistakeInTheFileStartsNothing) {
  Seed(1);
  WriteJob("all_tags: true\n    platform: linux/amd64");
  const int requests = from_->RequestCount("");
  Sync(2);
  EXPECT_THAT(errors_, AllOf(HasSubstr("mirror.yaml:6:5: unknown key `platform`"),
                             HasSubstr("did you mean `platforms`?")));
  EXPECT_EQ(from_->RequestCount(""), requests);
}

}  // namespace
}  // namespace stevedore::testing
