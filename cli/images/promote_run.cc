#include "cli/images/promote_run.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/mutex.h"
#include "base/status.h"
#include "cli/images/image_access.h"
#include "cli/images/local_engine.h"
#include "cli/images/transfer_progress.h"
#include "cli/text.h"
#include "transfer/copier.h"
#include "transfer/endpoints.h"

namespace stevedore::cli {
namespace {

using transfer::CopyOptions;
using transfer::CopyResult;
using transfer::Endpoint;
using transfer::EndpointKind;

// Repositories have thousands of tags; each copy has blobs on their way of its own.
constexpr size_t kParallelTags = 4;

// One promotion with everything it needs, in the order in which it is found out.
class Promotion {
 public:
  Promotion(CommandContext* context, PromoteFlags flags)
      : context_(*context), flags_(std::move(flags)) {}

  absl::StatusOr<ExitCode> Run();

 private:
  absl::Status ChooseSource();
  absl::Status ChooseTarget();
  absl::Status CopyOne();
  absl::StatusOr<ExitCode> CopyAllTags();
  absl::Status CopyTag(const transfer::OpenedSource& source, const transfer::OpenedSink& sink,
                       const std::string& tag);
  absl::Status RemoveLocalImages();
  absl::Status PrintOne();
  absl::Status PrintDryRun();
  void SayWhatWasDone();

  std::string Shown(const oci::Reference& reference) const {
    return flags_.docker_normalized_name ? reference.Canonical() : reference.Familiar();
  }
  std::string ShownSource() const {
    return from_.kind == EndpointKind::kRegistry ? Shown(from_.reference) : from_.ToString();
  }
  // What the target is called with each tag, the main one last.
  std::vector<std::string> References() const;
  // Where tags are put: what stands before them.
  std::string Place() const {
    if (to_.kind == EndpointKind::kRegistry) return to_.reference.Name();
    return absl::StrCat(transfer::EndpointPrefix(to_.kind), to_.path);
  }
  nlohmann::ordered_json ToJson() const;

  CommandContext& context_;
  PromoteFlags flags_;
  std::unique_ptr<ImageAccess> access_;
  LocalEngine engine_;
  Endpoint from_, to_;
  std::string came_from_;  // "its registry", "the Docker engine at …".
  PromoteNames names_;
  CopyOptions options_;
  transfer::Copier copier_;
  std::unique_ptr<TransferProgress> progress_;
  CopyResult result_;

  base::Mutex mu_;
  std::vector<std::pair<std::string, CopyResult>> done_ ABSL_GUARDED_BY(mu_);  // With --all-tags.
  std::vector<std::pair<std::string, absl::Status>> failed_ ABSL_GUARDED_BY(mu_);
};

absl::StatusOr<ExitCode> Promotion::Run() {
  for (const std::string& notice : flags_.notices) PrintWarning(*context_.console, notice);
  ASSIGN_OR_RETURN(access_, ImageAccess::Open(context_, flags_.image));
  RETURN_IF_ERROR(CompletePromoteFlags(access_->configuration(), &flags_));
  ASSIGN_OR_RETURN(const ProgressStyle style, ParseProgressStyle(flags_.progress));
  progress_ = std::make_unique<TransferProgress>(style, context_.console, &base::Clock::System());
  RETURN_IF_ERROR(ChooseSource());
  RETURN_IF_ERROR(ChooseTarget());
  ASSIGN_OR_RETURN(options_, CopyOptionsOf(flags_, from_.kind, to_.kind));
  if (flags_.all_tags) return CopyAllTags();
  RETURN_IF_ERROR(CopyOne());
  if (flags_.remove_local_images && !flags_.dry_run) RETURN_IF_ERROR(RemoveLocalImages());
  if (!flags_.digest_file.empty() && !flags_.dry_run) {
    RETURN_IF_ERROR(base::WriteFileAtomically(flags_.digest_file,
                                              absl::StrCat(result_.digest.ToString(), "\n")),
                    "--digestfile");
  }
  RETURN_IF_ERROR(flags_.dry_run ? PrintDryRun() : PrintOne());
  return ExitCode::kOk;
}

absl::Status Promotion::ChooseSource() {
  ASSIGN_OR_RETURN(from_, transfer::ParseEndpoint(flags_.source));
  const bool plain =
      from_.kind == EndpointKind::kRegistry && !absl::StartsWith(flags_.source, "docker://");
  came_from_ = from_.kind == EndpointKind::kRegistry ? "its registry" : "";
  // With a destination this is the `copy` of other tools, which ask no engine.
  if (plain && !flags_.from_remote && flags_.destination.empty()) {
    std::string why_not;
    ASSIGN_OR_RETURN(const bool local, engine_.Has(from_.reference, &why_not, access_->stop()));
    if (local) {
      from_.kind = EndpointKind::kDockerDaemon;
      came_from_ = engine_.Describe();
    } else {
      absl::StrAppend(&came_from_, " (", why_not, ")");
    }
  }
  const std::string shown = plain ? Shown(from_.reference) : from_.ToString();
  progress_->Say(absl::StrCat("source   ", shown,
                              came_from_.empty() ? "" : absl::StrCat(", from ", came_from_)));
  return absl::OkStatus();
}

absl::Status Promotion::ChooseTarget() {
  if (flags_.destination.empty()) {
    const bool named =
        from_.kind == EndpointKind::kRegistry ||
        (from_.kind == EndpointKind::kDockerDaemon && !from_.reference.Name().empty());
    if (!named) {
      return absl::InvalidArgumentError(absl::StrCat(
          from_.ToString(), " has no name that a target's could be made of; name a destination"));
    }
    ASSIGN_OR_RETURN(names_, NamesOfPromotion(from_.reference, flags_.names));
    to_ = {.kind = EndpointKind::kRegistry, .reference = names_.target};
    std::vector<std::string> tags = names_.extra_tags;
    tags.insert(tags.end(), flags_.additional_tags.begin(), flags_.additional_tags.end());
    names_.extra_tags = std::move(tags);
  } else {
    ASSIGN_OR_RETURN(to_, transfer::ParseEndpoint(flags_.destination));
    transfer::InheritName(from_, &to_);
    std::string main_tag = to_.kind == EndpointKind::kRegistry ? to_.reference.tag() : to_.tag;
    ASSIGN_OR_RETURN(names_, NamesOfCopy(main_tag, flags_.additional_tags, flags_.names));
    names_.target = to_.reference;
  }
  for (const std::string& warning : names_.warnings) {
    progress_->Say(absl::StrCat("warning: ", warning));
  }
  return absl::OkStatus();
}

absl::Status Promotion::CopyOne() {
  ASSIGN_OR_RETURN(const transfer::OpenedSource source,
                   access_->endpoints()->OpenSource(from_, access_->stop()));
  ASSIGN_OR_RETURN(const transfer::OpenedSink sink,
                   access_->endpoints()->OpenSink(to_, access_->stop()));
  options_.extra_tags = names_.extra_tags;
  options_.on_event = [this, place = Place()](const transfer::CopyEvent& event) {
    // Nothing of it happens in a dry run.
    if (!flags_.dry_run) progress_->OnEvent(event, place);
  };
  ASSIGN_OR_RETURN(result_, copier_.Copy(*source.images, source.tag_or_digest, *sink.images,
                                         sink.tag_or_digest, options_, access_->stop()));
  progress_->Finish();
  SayWhatWasDone();
  return absl::OkStatus();
}

void Promotion::SayWhatWasDone() {
  const CopyResult& r = result_;
  if (r.unchanged && r.tags_kept.empty()) {
    progress_->Say("nothing to do: the destination has it already");
  }
  std::vector<std::string> parts;
  if (r.blobs_copied > 0) {
    parts.push_back(absl::StrCat(r.blobs_copied, " copied (", FormatBytes(r.bytes_copied), ")"));
  }
  if (r.blobs_mounted > 0) parts.push_back(absl::StrCat(r.blobs_mounted, " mounted"));
  if (r.blobs_there > 0) parts.push_back(absl::StrCat(r.blobs_there, " there before"));
  if (!parts.empty() && !flags_.dry_run) {
    progress_->Say(absl::StrCat("blobs    ", absl::StrJoin(parts, ", ")));
  }
  if (r.digests_changed) {
    progress_->Say(absl::StrCat("digest   changed, from ", r.source_digest.ToString()));
  }
}

absl::Status Promotion::RemoveLocalImages() {
  if (to_.kind != EndpointKind::kRegistry) return absl::OkStatus();
  std::vector<std::string> tags = names_.extra_tags;
  tags.push_back(names_.target.tag());
  for (const std::string& tag : tags) {
    ASSIGN_OR_RETURN(const oci::Reference image, names_.target.WithTag(tag));
    // The source is never removed.
    if (image == from_.reference) continue;
    std::string why_not;
    ASSIGN_OR_RETURN(const bool there, engine_.Has(image, &why_not, access_->stop()));
    if (!there) continue;
    RETURN_IF_ERROR(engine_.Remove(image, access_->stop()), "remove ", image.Canonical());
    progress_->Say(absl::StrCat("removed  ", Shown(image), " from ", engine_.Describe()));
  }
  return absl::OkStatus();
}

// --- All tags ---

absl::StatusOr<ExitCode> Promotion::CopyAllTags() {
  const auto names_a_tag = [](const std::string& text) {
    const size_t slash = text.rfind('/');
    return absl::StrContains(text, '@') ||
           text.find(':', slash == std::string::npos ? 0 : slash) != std::string::npos;
  };
  for (const auto& [text, endpoint] :
       {std::pair(flags_.source, from_), {flags_.destination, to_}}) {
    if (endpoint.kind == EndpointKind::kRegistry && names_a_tag(text)) {
      return absl::InvalidArgumentError(absl::StrCat(
          base::Quoted(text), " names one image; with --all-tags name the repository alone"));
    }
  }
  ASSIGN_OR_RETURN(const transfer::OpenedSource source,
                   access_->endpoints()->OpenSource(from_, access_->stop()));
  ASSIGN_OR_RETURN(const transfer::OpenedSink sink,
                   access_->endpoints()->OpenSink(to_, access_->stop()));
  ASSIGN_OR_RETURN(const std::vector<std::string> tags, source.images->ListTags(access_->stop()));
  options_.finish = false;
  options_.on_event = [this, place = Place()](const transfer::CopyEvent& event) {
    // Nothing of it happens in a dry run.
    if (!flags_.dry_run) progress_->OnEvent(event, place);
  };
  std::atomic<size_t> next = 0;
  const auto work = [&] {
    for (size_t i = next++; i < tags.size() && !access_->stop().stop_requested(); i = next++) {
      const absl::Status status = CopyTag(source, sink, tags[i]);
      if (status.ok()) continue;
      base::MutexLock lock(&mu_);
      failed_.emplace_back(tags[i], status);
    }
  };
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < std::min(kParallelTags, tags.size()); ++i) threads.emplace_back(work);
  }
  if (access_->stop().stop_requested()) return absl::CancelledError("the copy was cancelled");
  if (!flags_.dry_run) RETURN_IF_ERROR(sink.images->Finish(access_->stop()));
  progress_->Finish();
  base::MutexLock lock(&mu_);
  std::sort(done_.begin(), done_.end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  std::vector<std::vector<std::string>> rows;
  for (const auto& [tag, result] : done_) {
    json.push_back({{"tag", tag},
                    {"digest", result.digest.ToString()},
                    {"unchanged", result.unchanged},
                    {"kept", !result.tags_kept.empty()}});
    rows.push_back({tag, result.digest.ToString()});
  }
  context_.console->Out(FormatResult(flags_.image, FormatTable({"TAG", "DIGEST"}, rows), json));
  for (const auto& [tag, status] : failed_) {
    PrintError(*context_.console, absl::StrCat("tag ", tag, ": ", status.message()));
  }
  return failed_.empty() ? ExitCode::kOk : ExitCode::kFailed;
}

absl::Status Promotion::CopyTag(const transfer::OpenedSource& source,
                                const transfer::OpenedSink& sink, const std::string& tag) {
  ASSIGN_OR_RETURN(CopyResult result,
                   copier_.Copy(*source.images, tag, *sink.images, tag, options_, access_->stop()));
  base::MutexLock lock(&mu_);
  done_.emplace_back(tag, std::move(result));
  return absl::OkStatus();
}

// --- What is printed ---

std::vector<std::string> Promotion::References() const {
  if (to_.kind != EndpointKind::kRegistry) return {to_.ToString()};
  std::vector<std::string> references;
  for (const std::string& tag : names_.extra_tags) {
    const absl::StatusOr<oci::Reference> reference = names_.target.WithTag(tag);
    if (reference.ok()) references.push_back(Shown(*reference));
  }
  references.push_back(Shown(names_.target));
  return references;
}

nlohmann::ordered_json Promotion::ToJson() const {
  const CopyResult& r = result_;
  return {{"source", ShownSource()},
          {"source_place", from_.kind == EndpointKind::kRegistry       ? "registry"
                           : from_.kind == EndpointKind::kDockerDaemon ? "engine"
                                                                       : "file"},
          {"references", References()},
          {"digest", r.digest.ToString()},
          {"media_type", r.media_type},
          {"source_digest", r.source_digest.ToString()},
          {"digests_changed", r.digests_changed},
          {"unchanged", r.unchanged},
          {"dry_run", flags_.dry_run},
          {"tags_written", r.tags_written},
          {"tags_kept", r.tags_kept},
          {"manifests_copied", r.manifests_copied},
          {"blobs_copied", r.blobs_copied},
          {"blobs_mounted", r.blobs_mounted},
          {"blobs_there", r.blobs_there},
          {"bytes_copied", r.bytes_copied}};
}

absl::Status Promotion::PrintOne() {
  // Standard output is the archive.
  if (to_.path == "-") return absl::OkStatus();
  context_.console->Out(
      FormatResult(flags_.image, absl::StrCat(result_.digest.ToString(), "\n"), ToJson()));
  return absl::OkStatus();
}

absl::Status Promotion::PrintDryRun() {
  const auto user_at = [&](const Endpoint& place) -> absl::StatusOr<std::string> {
    if (place.kind != EndpointKind::kRegistry) return std::string("-");
    ASSIGN_OR_RETURN(
        const auto credential,
        access_->credentials().Find(place.reference.registry(), place.reference.repository()));
    if (!credential.has_value()) return std::string("anonymous");
    return credential->username.empty() ? std::string("token") : credential->username;
  };
  ASSIGN_OR_RETURN(const std::string puller, user_at(from_));
  ASSIGN_OR_RETURN(const std::string pusher, user_at(to_));
  const std::vector<std::string> references = References();
  std::string text = absl::StrCat("source:         ", ShownSource(), "\n");
  if (!came_from_.empty()) absl::StrAppend(&text, "taken from:     ", came_from_, "\n");
  absl::StrAppend(&text, "target:         ", references.back(), "\n");
  for (size_t i = 0; i + 1 < references.size(); ++i) {
    absl::StrAppend(&text, "also:           ", references[i], "\n");
  }
  const CopyResult& r = result_;
  absl::StrAppend(&text, "digest:         ", r.digest.ToString(), "\n");
  absl::StrAppend(&text, "read as:        ", puller, "\n", "written as:     ", pusher, "\n");
  absl::StrAppend(&text, "blobs:          ", r.blobs_copied, " to copy (",
                  FormatBytes(r.bytes_copied), "), ", r.blobs_mounted, " to mount, ", r.blobs_there,
                  " there\n");
  absl::StrAppend(&text, "manifests:      ", r.manifests_copied, " to put\n");
  absl::StrAppend(&text, "tags to write:  ",
                  r.tags_written.empty() ? "none" : absl::StrJoin(r.tags_written, ", "), "\n");
  absl::StrAppend(&text, "remove local:   ", flags_.remove_local_images ? "yes" : "no", "\n");
  nlohmann::ordered_json json = ToJson();
  json["read_as"] = puller;
  json["written_as"] = pusher;
  json["remove_local_images"] = flags_.remove_local_images;
  context_.console->Out(FormatResult(flags_.image, text, json));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ExitCode> Promote(CommandContext& context, PromoteFlags flags) {
  Promotion promotion(&context, std::move(flags));
  return promotion.Run();
}

}  // namespace stevedore::cli
