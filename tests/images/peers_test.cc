// Images between us, crane and regctl, both ways. Debian has neither: .ci/interop builds them and
// names them in STEVEDORE_CRANE and STEVEDORE_REGCTL; without these variables the tests are
// skipped.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/project.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"
#include "tests/images/seeded_registry.h"

namespace stevedore::testing {
namespace {

using ::testing::HasSubstr;

class PeersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* const crane = getenv("STEVEDORE_CRANE");
    const char* const regctl = getenv("STEVEDORE_REGCTL");
    if (crane == nullptr || *crane == '\0' || regctl == nullptr || *regctl == '\0') {
      GTEST_SKIP() << "STEVEDORE_CRANE and STEVEDORE_REGCTL are not set";
    }
    crane_ = crane;
    regctl_ = regctl;
    ASSERT_OK_AND_ASSIGN(registry_, Registry::Start());
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    base_ = At("base:1");
    hand_.PutImage(base_, "base");
  }

  std::string At(const std::string& name) const {
    return absl::StrCat(registry_->host(), "/shop/", name);
  }

  // What a peer says; fails the test if it fails.
  std::string Run(std::vector<std::string> argv) {
    const auto result =
        Process::Run({.argv = argv, .environment = {{"HOME", project_->Scratch("home")}}});
    EXPECT_OK(result);
    if (!result.ok()) return "";
    EXPECT_EQ(result->exit_code, 0) << argv[1] << ": " << result->err;
    return result->out;
  }
  std::string Crane(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), crane_);
    return Run(arguments);
  }
  std::string Regctl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {regctl_, "--host", absl::StrCat("reg=", registry_->host(), ",tls=disabled")});
    return Run(arguments);
  }
  std::string Ours(std::vector<std::string> arguments) {
    const ProcessResult result = project_->Cli(arguments);
    EXPECT_EQ(result.exit_code, 0) << arguments[0] << ": " << result.err;
    return result.out;
  }
  // One digest or reference on a line.
  std::string OurLine(std::vector<std::string> arguments) {
    return std::string(absl::StripSuffix(Ours(std::move(arguments)), "\n"));
  }

  // A tar archive with one file, for peers to append.
  std::string Layer(const std::string& name, const std::string& content) {
    project_->Write("layer/" + name, content);
    const std::string path = project_->Scratch(name + ".tar");
    Run({"tar", "-C", project_->Path("layer"), "--owner=0", "--group=0", "--mtime=@0", "-cf", path,
         name});
    return path;
  }

  // The names, kinds, modes and sizes in an archive, sorted.
  std::string Listing(const std::string& path) {
    return Run({"bash", "-c", "tar --numeric-owner -tvf \"$0\" | sort", path});
  }

  std::string crane_, regctl_, base_;
  RegistryHand hand_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Project> project_;
};

TEST_F(PeersTest, WhatCranePrintsWePrint) {
  const std::string multi = At("multi:1");
  Crane({"index", "append", "-m", base_, "-t", multi});
  Crane({"tag", base_, "second"});
  for (const std::string& image : {base_, multi}) {
    EXPECT_EQ(Ours({"digest", image}), Crane({"digest", image}));
    EXPECT_EQ(Ours({"manifest", image}), Crane({"manifest", image}));
    EXPECT_EQ(Ours({"digest", image, "--platform", "linux/amd64"}),
              Crane({"digest", image, "--platform", "linux/amd64"}));
    EXPECT_EQ(Ours({"manifest", image, "--platform", "linux/amd64"}),
              Crane({"manifest", image, "--platform", "linux/amd64"}));
    EXPECT_EQ(Ours({"config", image, "--platform", "linux/amd64"}),
              Crane({"config", image, "--platform", "linux/amd64"}));
  }
  // Ours are sorted, crane's are as this registry has them.
  const std::vector<std::string> tags = absl::StrSplit(Crane({"ls", At("base")}), '\n');
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(Ours({"ls", At("base")}), '\n')),
              ::testing::UnorderedElementsAreArray(tags));
  EXPECT_EQ(Ours({"catalog", registry_->host()}), Crane({"catalog", registry_->host()}));
}

TEST_F(PeersTest, WhatCraneExportsWeExport) {
  const std::string image = At("app:1");
  Crane({"append", "-b", base_, "-f", Layer("app", "program"), "-t", image});
  const std::string ours = project_->Scratch("ours.tar"), theirs = project_->Scratch("crane.tar");
  Ours({"export", image, ours});
  Crane({"export", image, theirs});
  EXPECT_THAT(Listing(ours), HasSubstr("app"));
  EXPECT_EQ(Listing(ours), Listing(theirs));
}

TEST_F(PeersTest, CraneFindsWhatWeMadeValid) {
  const std::string copy = At("copy:1"), appended = At("appended:1"), mutated = At("mutated:1");
  Ours({"copy", base_, copy});
  EXPECT_EQ(Crane({"digest", copy}), Crane({"digest", base_}));
  Ours({"append", "--base", base_, "--new_layer", Layer("more", "text"), "-t", appended});
  Ours({"mutate", appended, "--env", "A=b", "--label", "team=shop", "--tag", mutated});
  for (const std::string& image : {copy, appended, mutated}) {
    EXPECT_THAT(Crane({"validate", "--remote", image}), HasSubstr("PASS")) << image;
    const std::string tarball = project_->Scratch("pulled.tar");
    Crane({"pull", image, tarball});
    EXPECT_THAT(Crane({"validate", "--tarball", tarball}), HasSubstr("PASS")) << image;
  }
  const std::string config = Crane({"config", mutated});
  EXPECT_THAT(config, HasSubstr("A=b"));
  EXPECT_THAT(config, HasSubstr("\"team\":\"shop\""));
}

TEST_F(PeersTest, TheSameRebase) {
  const std::string old_base = At("base:old"), new_base = At("base:new"), app = At("app:1");
  hand_.PutImage(old_base, "old base");
  hand_.PutImage(new_base, "new base");
  Crane({"append", "-b", old_base, "-f", Layer("app", "program"), "-t", app});
  const std::string ours = At("app:ours"), theirs = At("app:crane");
  Ours({"rebase", app, "--old_base", old_base, "--new_base", new_base, "--tag", ours});
  Crane({"rebase", app, "--old_base", old_base, "--new_base", new_base, "--tag", theirs});
  EXPECT_THAT(Crane({"validate", "--remote", ours}), HasSubstr("PASS"));
  const std::string exported = project_->Scratch("ours.tar"),
                    exported_by_crane = project_->Scratch("crane.tar");
  Crane({"export", ours, exported});
  Crane({"export", theirs, exported_by_crane});
  EXPECT_EQ(Listing(exported), Listing(exported_by_crane));
}

TEST_F(PeersTest, WhatCraneMadeWeCopy) {
  const std::string image = At("app:1"), copy = At("copy:1");
  Crane({"append", "-b", base_, "-f", Layer("app", "program"), "-t", image});
  Ours({"copy", image, copy});
  EXPECT_EQ(Crane({"digest", copy}), Crane({"digest", image}));
  const std::string layout = project_->Scratch("layout");
  Crane({"pull", "--format", "oci", image, layout});
  Ours({"copy", "oci:" + layout, At("from-layout:1")});
  EXPECT_EQ(Crane({"digest", At("from-layout:1")}), Crane({"digest", image}));
  const std::string tarball = project_->Scratch("image.tar");
  Crane({"pull", image, tarball});
  Ours({"copy", "docker-archive:" + tarball, At("from-tarball:1")});
  EXPECT_THAT(Crane({"validate", "--remote", At("from-tarball:1")}), HasSubstr("PASS"));
  EXPECT_EQ(Crane({"config", At("from-tarball:1")}), Crane({"config", image}));
}

TEST_F(PeersTest, WhatWeSaveCranePushes) {
  const std::string layout = project_->Scratch("layout");
  Ours({"copy", base_, "oci:" + layout});
  Crane({"push", layout, At("from-layout:1")});
  EXPECT_EQ(Crane({"digest", At("from-layout:1")}), Crane({"digest", base_}));
  const std::string tarball = project_->Scratch("image.tar");
  Ours({"copy", base_, absl::StrCat("docker-archive:", tarball, ":", base_)});
  Crane({"push", tarball, At("from-tarball:1")});
  EXPECT_EQ(Crane({"config", At("from-tarball:1")}), Crane({"config", base_}));
}

TEST_F(PeersTest, RegctlBothWays) {
  const std::string ours = At("ours:1"), theirs = At("regctl:1"), back = At("back:1");
  Ours({"copy", base_, ours});
  Regctl({"image", "copy", ours, theirs});
  Ours({"copy", theirs, back});
  const std::string digest = OurLine({"digest", base_});
  for (const std::string& image : {ours, theirs, back}) {
    EXPECT_THAT(Regctl({"image", "digest", image}), HasSubstr(digest)) << image;
  }
  EXPECT_THAT(Regctl({"image", "inspect", back}), HasSubstr("amd64"));
  EXPECT_EQ(Regctl({"manifest", "get", "--format", "raw-body", back}), Ours({"manifest", back}));
}

TEST_F(PeersTest, RegctlsArchivesAndOurs) {
  const std::string archive = project_->Scratch("regctl.tar");
  Regctl({"image", "export", base_, archive});
  Ours({"copy", "oci-archive:" + archive, At("from-regctl:1")});
  EXPECT_EQ(Ours({"digest", At("from-regctl:1")}), Ours({"digest", base_}));
  const std::string own = project_->Scratch("own.tar");
  Ours({"copy", base_, "oci-archive:" + own});
  Regctl({"image", "import", At("from-us:1"), own});
  EXPECT_EQ(Ours({"digest", At("from-us:1")}), Ours({"digest", base_}));
}

}  // namespace
}  // namespace stevedore::testing
