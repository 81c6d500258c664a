#include "cli/images/validate_image_command.h"

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/images/image_access.h"
#include "cli/text.h"
#include "transfer/image_check.h"

namespace stevedore::cli {
namespace {

using Severity = transfer::ImageFinding::Severity;

const char* NameOf(Severity severity) { return severity == Severity::kError ? "error" : "warning"; }

std::string Count(uint64_t count, const char* one, const char* many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

// "1 index, 2 manifests, 6 blobs of 12 MiB".
std::string Looked(const transfer::ImageCheckReport& report) {
  return absl::StrCat(report.indexes > 0 ? Count(report.indexes, "index", "indexes") + ", " : "",
                      Count(report.manifests, "manifest", "manifests"), ", ",
                      Count(report.blobs, "blob", "blobs"), " of ",
                      FormatBytes(static_cast<int64_t>(report.blob_bytes)));
}

std::string Table(const std::string& image, const transfer::ImageCheckReport& report) {
  std::string text;
  if (!report.findings.empty()) {
    std::vector<std::vector<std::string>> rows;
    for (const transfer::ImageFinding& finding : report.findings) {
      rows.push_back(
          {NameOf(finding.severity), finding.object, ShortDigest(finding.digest), finding.problem});
    }
    text = FormatTable({"SEVERITY", "OBJECT", "DIGEST", "PROBLEM"}, rows);
  }
  absl::StrAppend(&text, report.ok() ? "ok: " : "broken: ", image, " (", Looked(report), ")\n");
  return text;
}

nlohmann::ordered_json Json(const std::string& image, const transfer::ImageCheckReport& report) {
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const transfer::ImageFinding& finding : report.findings) {
    findings.push_back({{"severity", NameOf(finding.severity)},
                        {"object", finding.object},
                        {"digest", finding.digest},
                        {"problem", finding.problem}});
  }
  return {{"image", image},
          {"ok", report.ok()},
          {"indexes", report.indexes},
          {"manifests", report.manifests},
          {"blobs", report.blobs},
          {"blob_bytes", report.blob_bytes},
          {"findings", std::move(findings)}};
}

// The text of the one place that was named.
absl::StatusOr<std::string> PlaceOf(const ValidateImageFlags& flags) {
  const int named = (flags.image.empty() ? 0 : 1) + (flags.remote.empty() ? 0 : 1) +
                    (flags.tarball.empty() ? 0 : 1);
  if (named > 1) {
    return absl::InvalidArgumentError("IMAGE, --remote and --tarball name one image: use one");
  }
  if (!flags.tarball.empty()) return absl::StrCat("docker-archive:", flags.tarball);
  if (!flags.remote.empty()) {
    ASSIGN_OR_RETURN(const transfer::Endpoint place, transfer::ParseEndpoint(flags.remote));
    if (place.kind != transfer::EndpointKind::kRegistry) {
      return absl::InvalidArgumentError(absl::StrCat("--remote ", base::Quoted(flags.remote),
                                                     " is not in a registry; name it as IMAGE"));
    }
    return flags.remote;
  }
  return flags.image;
}

}  // namespace

void AddValidateImageFlags(CLI::App& command, ValidateImageFlags* flags) {
  command.add_option("IMAGE", flags->image,
                     "Image to check instead of definitions: in a registry, layout, archive");
  command.add_option("--remote", flags->remote, "The same, of a registry")->type_name("IMAGE");
  command.add_option("--tarball", flags->tarball, "The same, of an archive of docker save")
      ->type_name("FILE");
  command.add_flag("--fast", flags->fast, "Only ask whether layers are there");
  command.add_flag("--all-platforms", flags->all_platforms,
                   "Every image of an index, which is what happens without --platform");
  AddImageFlags(command, &flags->images);
}

absl::StatusOr<ExitCode> ValidateImage(CommandContext& context, const ValidateImageFlags& flags) {
  ASSIGN_OR_RETURN(const std::string place, PlaceOf(flags));
  if (flags.all_platforms && !flags.images.platform.empty() && flags.images.platform != "all") {
    return absl::InvalidArgumentError("--all-platforms and --platform contradict each other");
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.images));
  ASSIGN_OR_RETURN(const transfer::OpenedSource source, access->OpenSource(place));
  transfer::ImageCheckOptions options;
  options.fast = flags.fast;
  options.platform = access->platform();
  options.stop = access->stop();
  ASSIGN_OR_RETURN(const transfer::ImageCheckReport report,
                   transfer::CheckImage(*source.images, source.tag_or_digest, options));
  context.console->Out(FormatResult(flags.images, Table(place, report), Json(place, report)));
  return report.ok() ? ExitCode::kOk : ExitCode::kFailed;
}

}  // namespace stevedore::cli
