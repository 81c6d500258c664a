// Driver `native` as users run it: in process and through a fleet.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/build/fleet.h"
#include "tests/build/project.h"
#include "tests/harness/process.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// base from files; web on it by its arguments; site on web by its name, twice.
constexpr char kImages[] = R"(images:
  base:
    "1.0":
      registry: REGISTRY
      namespace: test
      builder: {driver: assemble, options: {context: {path: base}, layers: [{from: ., to: /etc}]}}
  web:
    "2.0":
      registry: REGISTRY
      namespace: test
      parents: {base: ["1.0"]}
      vars: {GREETING: hello}
      labels: {team: shop}
      builder: {driver: native, options: {context: {path: web}, target: Final}}
  site:
    "3.0":
      registry: REGISTRY
      namespace: test
      parents: {web: ["2.0"]}
      builder: {driver: native, options: {context: {path: site}, dockerfile: df/Site}}
  broken:
    "1":
      registry: REGISTRY
      namespace: test
      parents: {web: ["2.0"]}
      builder: {driver: native, options: {context: {path: broken}}}
)";

class NativeDriverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    Write("registry.test");
  }

  void Write(const std::string& registry) {
    project_->Write("images.yaml", absl::StrReplaceAll(kImages, {{"REGISTRY", registry}}));
    project_->Write("base/passwd", "app:x:1000:1001::/:/bin/sh\n");
    project_->Write("web/page", "<h1>page</h1>\n");
    project_->Write("web/Dockerfile",
                    "ARG image_from_fully_qualified_name\n"
                    "FROM ${image_from_fully_qualified_name} AS final\n"
                    "ARG GREETING=none\nLABEL greeting=$GREETING\n"
                    "COPY --chown=app page /srv/page\nCMD [\"/serve\"]\n"
                    "FROM final AS later\nRUN false\n");
    project_->Write("site/df/Site",
                    absl::StrCat("FROM ", registry, "/test/web:2.0\nCOPY df/Site /srv/site\n",
                                 "COPY --from=", registry, "/test/web:2.0 /etc/passwd /users\n"));
    project_->Write("broken/Dockerfile",
                    absl::StrCat("FROM ", registry, "/test/web:2.0\nRUN make\n"));
  }

  std::vector<std::string> Words(std::vector<std::string> words) {
    for (const std::string& more :
         {std::string("--build-on-cascade"), std::string("--metadata-file"), MetadataFile()}) {
      words.push_back(more);
    }
    return words;
  }
  std::string MetadataFile() { return project_->Scratch("metadata.json"); }

  std::unique_ptr<Project> project_;
};

TEST_F(NativeDriverTest, InProcess) {
  const ProcessResult result = project_->Cli(Words(
      {"build", "base", "--output", "oci:" + project_->Scratch("out"), "--progress", "plain"}));
  EXPECT_EQ(result.exit_code, 1) << result.err;
  EXPECT_THAT(result.err,
              AllOf(HasSubstr("Dockerfile:2: RUN in stage 0, which the build needs"),
                    HasSubstr("use driver docker or buildkit"), Not(HasSubstr("INTERNAL"))));
  BuildOutcome outcome = project_->Outcome(MetadataFile());
  EXPECT_EQ(outcome.states.at("web:2.0"), "built");
  EXPECT_EQ(outcome.states.at("site:3.0"), "built");
  EXPECT_EQ(outcome.states.at("broken:1"), "failed");

  // No tag moved, as one image failed: what was built is there by its digest.
  const auto blob = [this](const std::string& digest) {
    const absl::StatusOr<std::string> text =
        base::ReadFile(absl::StrCat(project_->Scratch("out"), "/blobs/sha256/", digest.substr(7)));
    EXPECT_OK(text);
    return text.value_or("");
  };
  const std::string manifest = blob(outcome.digests.at("site:3.0"));
  const size_t config = manifest.find("sha256:", manifest.find("\"config\""));
  ASSERT_NE(config, std::string::npos);
  EXPECT_THAT(blob(manifest.substr(config, 71)),
              AllOf(HasSubstr("\"greeting\":\"hello\""), HasSubstr("\"Cmd\":[\"/serve\"]"),
                    HasSubstr("COPY page /srv/page")));

  // Nothing changed: nothing is built again.
  EXPECT_EQ(project_->Cli(Words({"build", "base", "--output", "oci:" + project_->Scratch("out")}))
                .exit_code,
            1);
  EXPECT_EQ(project_->Outcome(MetadataFile()).states.at("site:3.0"), "reused");
}

TEST_F(NativeDriverTest, ThroughAFleetWithEqualDigests) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Fleet> fleet, Fleet::Start());
  ASSERT_OK(fleet->StartWorker("w1"));
  ASSERT_OK(fleet->StartWorker("w2"));
  Write(fleet->registry());
  const ProcessResult result =
      project_->Cli(Words({"submit", "base", "--coordinator", fleet->coordinator_address()}));
  EXPECT_EQ(result.exit_code, 1) << result.err;  // `broken`.
  const BuildOutcome far = project_->Outcome(MetadataFile());
  EXPECT_EQ(far.states.at("site:3.0"), "built");

  const ProcessResult near =
      project_->Cli(Words({"build", "base", "--output", "oci:" + project_->Scratch("out")}));
  EXPECT_EQ(near.exit_code, 1) << near.err;
  const BuildOutcome here = project_->Outcome(MetadataFile());
  for (const char* image : {"base:1.0", "web:2.0", "site:3.0"}) {
    EXPECT_EQ(far.digests.at(image), here.digests.at(image)) << image;
  }
}

}  // namespace
}  // namespace stevedore::testing
