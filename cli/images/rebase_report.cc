#include "cli/images/rebase_report.h"

#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "cli/text.h"

namespace stevedore::cli {
namespace {

using Json = nlohmann::ordered_json;

// Names of members in a cell of the table.
constexpr size_t kShownMembers = 4;

absl::string_view Word(RebaseOutcome outcome, bool dry_run) {
  switch (outcome) {
    case RebaseOutcome::kRebased:
      return dry_run ? "would rebase" : "rebased";
    case RebaseOutcome::kUnchanged:
      return "unchanged";
    case RebaseOutcome::kCannot:
      return "cannot";
    case RebaseOutcome::kSkipped:
      return "skipped";
  }
  return "";
}

std::string Digest(const oci::Digest& digest) {
  return digest.empty() ? "" : ShortDigest(digest.ToString());
}

std::string Shown(const std::vector<std::string>& members) {
  std::vector<std::string> shown(members.begin(),
                                 members.begin() + std::min(members.size(), kShownMembers));
  if (members.size() > shown.size()) {
    shown.push_back(absl::StrCat("and ", members.size() - shown.size(), " more"));
  }
  return absl::StrJoin(shown, ", ");
}

// What a person wants to know of one platform of an image that was rebased.
std::string Remarks(const RebasedImage& image, const PlannedVariant& variant) {
  std::vector<std::string> remarks = {absl::StrCat("base layers ", variant.said.removed_layers,
                                                   " -> ", variant.said.base_layers, ", own ",
                                                   variant.said.kept_layers)};
  if (!variant.said.inherited.empty()) {
    remarks.push_back(absl::StrCat("inherits ", Shown(variant.said.inherited)));
  }
  for (const std::string& note : image.plan.notes) remarks.push_back(note);
  for (const RebasedTag& tag : image.tags) {
    if (!tag.moved) remarks.push_back(absl::StrCat(tag.reference, " stays: ", tag.why));
  }
  return absl::StrJoin(remarks, "; ");
}

Json VariantJson(const PlannedVariant& variant) {
  Json json = {{"platform", variant.platform.ToString()},
               {"old", variant.old_manifest.ToString()},
               {"new", variant.image.manifest.digest().ToString()},
               {"old_parent", variant.old_parent.ToString()},
               {"new_parent", variant.new_parent.ToString()}};
  if (!variant.changed) return json;
  json["removed_layers"] = variant.said.removed_layers;
  json["base_layers"] = variant.said.base_layers;
  json["kept_layers"] = variant.said.kept_layers;
  json["inherited"] = variant.said.inherited;
  json["kept"] = variant.said.kept;
  return json;
}

Json ImageJson(const RebasedImage& image) {
  Json json = {{"image", image.id},
               {"reference", image.reference.Canonical()},
               {"defined_at", image.defined_at},
               {"result", Word(image.plan.outcome, /*dry_run=*/false)}};
  if (!image.plan.why.empty()) json["why"] = image.plan.why;
  json["old"] = image.old_digest.ToString();
  json["new"] = image.new_digest.ToString();
  json["platforms"] = Json::array();
  for (const PlannedVariant& variant : image.plan.variants) {
    json["platforms"].push_back(VariantJson(variant));
  }
  json["tags"] = Json::array();
  for (const RebasedTag& tag : image.tags) {
    Json one = {{"reference", tag.reference}, {"moved", tag.moved}};
    if (!tag.why.empty()) one["why"] = tag.why;
    json["tags"].push_back(std::move(one));
  }
  if (!image.plan.notes.empty()) json["notes"] = image.plan.notes;
  return json;
}

}  // namespace

std::string RebaseTable(const FamilyRebaseReport& report, bool dry_run) {
  std::vector<std::vector<std::string>> rows;
  for (const RebasedImage& image : report.images) {
    const std::string word(Word(image.plan.outcome, dry_run));
    if (image.plan.outcome != RebaseOutcome::kRebased) {
      rows.push_back({image.id, word, Digest(image.old_digest), "", image.plan.why});
      continue;
    }
    const bool several = image.plan.variants.size() > 1;
    if (several) {
      rows.push_back({image.id, word, Digest(image.old_digest), Digest(image.new_digest), ""});
    }
    for (const PlannedVariant& variant : image.plan.variants) {
      rows.push_back({several ? absl::StrCat("  ", variant.platform.ToString()) : image.id,
                      several ? "" : word, Digest(variant.old_manifest),
                      Digest(variant.image.manifest.digest()), Remarks(image, variant)});
    }
  }
  return FormatTable({"IMAGE", "RESULT", "OLD", "NEW", "WHAT"}, rows);
}

std::string RebaseSummary(const FamilyRebaseReport& report, bool dry_run, absl::Duration time) {
  const std::string moved =
      dry_run ? "nothing was written"
              : absl::StrCat(report.blobs_mounted, " layers mounted, ",
                             report.blobs_copied == 0
                                 ? "none sent"
                                 : absl::StrCat(report.blobs_copied, " sent (",
                                                FormatBytes(report.bytes_copied), ")"));
  return absl::StrCat(
      report.Count(RebaseOutcome::kRebased), dry_run ? " to rebase, " : " rebased, ",
      report.Count(RebaseOutcome::kUnchanged), " unchanged, ", report.Count(RebaseOutcome::kCannot),
      " that cannot be, ", report.Count(RebaseOutcome::kSkipped), " skipped in ",
      FormatSeconds(time), "; ", moved, "\n");
}

Json RebaseJson(const FamilyRebaseReport& report, bool dry_run, absl::Duration time) {
  Json json = {{"new_base", report.new_base.Canonical()},
               {"new_base_digest", report.new_base_digest.ToString()},
               {"dry_run", dry_run},
               {"images", Json::array()}};
  for (const RebasedImage& image : report.images) json["images"].push_back(ImageJson(image));
  json["rebased"] = report.Count(RebaseOutcome::kRebased);
  json["unchanged"] = report.Count(RebaseOutcome::kUnchanged);
  json["cannot"] = report.Count(RebaseOutcome::kCannot);
  json["skipped"] = report.Count(RebaseOutcome::kSkipped);
  json["layers_mounted"] = report.blobs_mounted;
  json["layers_sent"] = report.blobs_copied;
  json["bytes_sent"] = report.bytes_copied;
  json["seconds"] = absl::ToDoubleSeconds(time);
  return json;
}

}  // namespace stevedore::cli
