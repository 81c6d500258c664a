#include "cli/images/rebase_report.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "absl/time/time.h"
#include "base/testing/status_matchers.h"
#include "cli/images/family_rebase.h"
#include "oci/image/digest.h"
#include "oci/image/reference.h"

namespace stevedore::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

RebasedImage Image(const std::string& id, RebaseOutcome outcome, const std::string& why = "") {
  RebasedImage image;
  image.id = id;
  image.reference = *oci::Reference::Parse("localhost:5000/" + id);
  image.defined_at = "images.yaml:3:5";
  image.plan.outcome = outcome;
  image.plan.why = why;
  image.old_digest = oci::Digest::Of("old " + id);
  image.new_digest =
      outcome == RebaseOutcome::kRebased ? oci::Digest::Of("new " + id) : image.old_digest;
  return image;
}

FamilyRebaseReport Report() {
  FamilyRebaseReport report;
  report.new_base = *oci::Reference::Parse("localhost:5000/base:2");
  report.new_base_digest = oci::Digest::Of("base");
  RebasedImage app = Image("app:1", RebaseOutcome::kRebased);
  PlannedVariant variant;
  variant.platform = {"linux", "amd64"};
  variant.changed = true;
  variant.old_manifest = app.old_digest;
  variant.said.removed_layers = 2;
  variant.said.base_layers = 3;
  variant.said.kept_layers = 1;
  variant.said.inherited = {"Env.A", "Env.B", "Env.C", "Labels.d", "User"};
  app.plan.variants.push_back(variant);
  app.tags = {{.reference = "localhost:5000/app:1", .moved = true},
              {.reference = "localhost:5000/app:latest", .why = "it names another image"}};
  report.images.push_back(std::move(app));
  report.images.push_back(Image("same:1", RebaseOutcome::kUnchanged));
  report.images.push_back(Image("lib:1", RebaseOutcome::kCannot, "because"));
  report.images.push_back(Image("site:1", RebaseOutcome::kSkipped, "it builds on lib:1"));
  report.blobs_mounted = 3;
  return report;
}

TEST(RebaseReportTest, ATableForPeople) {
  const std::string table = RebaseTable(Report(), /*dry_run=*/false);
  EXPECT_THAT(table, AllOf(HasSubstr("app:1   rebased    sha256:"),
                           HasSubstr("base layers 2 -> 3, own 1; inherits Env.A, Env.B, Env.C, "
                                     "Labels.d, and 1 more; localhost:5000/app:latest stays: it "
                                     "names another image"),
                           HasSubstr("same:1  unchanged"), HasSubstr("cannot"),
                           HasSubstr("because"), HasSubstr("site:1  skipped")));
  EXPECT_THAT(RebaseTable(Report(), /*dry_run=*/true),
              AllOf(HasSubstr("would rebase"), Not(HasSubstr(" rebased"))));
  EXPECT_EQ(RebaseSummary(Report(), false, absl::Milliseconds(400)),
            "1 rebased, 1 unchanged, 1 that cannot be, 1 skipped in 0.4s; 3 layers mounted, none "
            "sent\n");
  EXPECT_THAT(RebaseSummary(Report(), true, absl::Milliseconds(400)),
              HasSubstr("1 to rebase, 1 unchanged, 1 that cannot be, 1 skipped in 0.4s; nothing "
                        "was written"));
}

TEST(RebaseReportTest, AllOfItForPrograms) {
  const auto json = RebaseJson(Report(), /*dry_run=*/false, absl::Seconds(2));
  EXPECT_EQ(json["new_base"], "localhost:5000/base:2");
  EXPECT_EQ(json["rebased"], 1);
  EXPECT_EQ(json["cannot"], 1);
  EXPECT_EQ(json["seconds"], 2.0);
  const auto& app = json["images"][0];
  EXPECT_EQ(app["result"], "rebased");
  EXPECT_EQ(app["old"], oci::Digest::Of("old app:1").ToString());
  EXPECT_EQ(app["new"], oci::Digest::Of("new app:1").ToString());
  EXPECT_EQ(app["platforms"][0]["inherited"].size(), 5u);
  EXPECT_EQ(app["tags"][0]["moved"], true);
  EXPECT_EQ(app["tags"][1]["why"], "it names another image");
  EXPECT_EQ(json["images"][2]["why"], "because");
}

}  // namespace
}  // namespace stevedore::cli
