#include "cli/images/family_promotion.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "base/status.h"
#include "cli/images/parallel_for.h"
#include "cli/text.h"
#include "graph/semver_tags.h"
#include "oci/image/descriptor.h"
#include "oci/image/reference.h"

namespace stevedore::cli {
namespace {

using Json = nlohmann::ordered_json;

// About the one image, not about the registry that would have the others.
bool IsVerdict(const absl::Status& status) {
  return absl::IsNotFound(status) || absl::IsInvalidArgument(status) ||
         absl::IsFailedPrecondition(status) || absl::IsDataLoss(status);
}

absl::StatusOr<oci::Reference> RepositoryAt(const oci::Reference& source,
                                            const PromotionTarget& target) {
  const std::string& repository = source.repository();
  const size_t slash = repository.rfind('/');
  std::string name = slash == std::string::npos ? repository : repository.substr(slash + 1);
  std::string name_space = slash == std::string::npos ? "" : repository.substr(0, slash);
  if (target.name_space.has_value()) name_space = *target.name_space;
  if (!name_space.empty()) name = absl::StrCat(name_space, "/", name);
  return oci::Reference::Parse(
      absl::StrCat(target.registry.value_or(source.registry()), "/", name));
}

// One promotion of one family.
class Promotion {
 public:
  Promotion(const FamilyPromotionRequest& request, FamilyPlaces& places, transfer::Copier& copier,
            std::stop_token stop)
      : request_(request), places_(places), copier_(copier), stop_(std::move(stop)) {}

  absl::StatusOr<FamilyPromotionReport> Run() {
    const std::vector<FamilyMember>& members = request_.family.members;
    work_.resize(members.size());
    for (size_t i = 0; i < members.size(); ++i) RETURN_IF_ERROR(Aim(i));
    RETURN_IF_ERROR(ParallelFor(
        members.size(), request_.jobs, [this](size_t i) { return Look(i); }, stop_));
    int last = 0;
    for (const FamilyMember& member : members) last = std::max(last, member.generation);
    for (int generation = 0; generation <= last; ++generation) {
      RETURN_IF_ERROR(CopyGeneration(generation));
    }
    FamilyPromotionReport report{.dry_run = request_.copy.dry_run};
    for (Work& work : work_) {
      for (PromotedImage& image : work.images) report.images.push_back(std::move(image));
    }
    return report;
  }

 private:
  // One member of the family.
  struct Work {
    oci::Reference target;
    // Source tag to target tags; with other tags than the source's, of the main one only.
    std::vector<std::pair<std::string, std::vector<std::string>>> tags;
    FamilyPlace from;
    FamilyPlace to;
    std::vector<std::string> sources;  // Tag to copy, parallel to `images`.
    std::vector<PromotedImage> images;
  };

  // Says where member `i` goes.
  absl::Status Aim(size_t i) {
    const FamilyMember& member = request_.family.members[i];
    const PromotionTarget& target = request_.target;
    Work& work = work_[i];
    ASSIGN_OR_RETURN(work.target, RepositoryAt(member.reference, target), "image ", member.id);
    const std::string& main = member.reference.tag();
    if (target.tags.empty()) {
      work.tags.push_back({main, {main}});
      for (const std::string& tag : member.tags) work.tags.push_back({tag, {tag}});
    } else {
      work.tags.push_back({main, target.tags});
      if (target.force_source_tag) work.tags[0].second.push_back(main);
    }
    if (work.target.Name() == member.reference.Name() && target.tags.empty() &&
        target.semver_templates.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "image ", member.id, " would be promoted to where it is, ", member.reference.Name(),
          "; say where to with --promote-image-registry-host, --promote-image-registry-namespace "
          "or --promote-image-tag"));
    }
    for (const auto& [source, tags] : work.tags) {
      for (const std::string& tag : tags) RETURN_IF_ERROR(Claim(member.id, work.target, tag));
    }
    ASSIGN_OR_RETURN(
        const std::vector<std::string> semver,
        graph::SemverTags(work.tags[0].second, target.semver_templates, target.semver_strict));
    for (const std::string& tag : semver) {
      // 1.0.0-os1 and 1.0.0-os2 are both 1.0.0: whoever comes first keeps the tag.
      if (owners_.count(absl::StrCat(work.target.Name(), ":", tag)) > 0) continue;
      RETURN_IF_ERROR(Claim(member.id, work.target, tag));
      work.tags[0].second.push_back(tag);
    }
    return absl::OkStatus();
  }

  absl::Status Claim(const std::string& id, const oci::Reference& target, const std::string& tag) {
    RETURN_IF_ERROR(oci::CheckTag(tag), "image ", id);
    const std::string reference = absl::StrCat(target.Name(), ":", tag);
    const auto [owner, is_new] = owners_.try_emplace(reference, id);
    if (is_new || owner->second == id) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("images ", owner->second, " and ", id, " would both be promoted to ",
                     reference, "; promote them one by one, or without --promote-image-tag"));
  }

  // Finds out which of the tags name the same image: those are one copy.
  absl::Status Look(size_t i) {
    const FamilyMember& member = request_.family.members[i];
    Work& work = work_[i];
    ASSIGN_OR_RETURN(work.from, places_.Open(member.reference));
    ASSIGN_OR_RETURN(work.to, places_.Open(work.target));
    std::map<oci::Digest, size_t> known;
    for (const auto& [source, tags] : work.tags) {
      ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> found,
                       work.from.source->HeadManifest(source, stop_), "image ", member.id);
      if (!found.has_value() && !work.images.empty()) {
        work.images[0].notes.push_back(absl::StrCat("its tag ", source, " is not there"));
        continue;
      }
      const auto [position, is_new] =
          known.try_emplace(found.has_value() ? found->digest : oci::Digest(), work.images.size());
      if (is_new) {
        work.sources.push_back(source);
        work.images.push_back(
            {.id = member.id, .source = absl::StrCat(member.reference.Name(), ":", source)});
        if (!found.has_value()) {
          work.images.back().why = "it is not in its registry; build it and push it there";
        }
      }
      for (const std::string& tag : tags) {
        work.images[position->second].targets.push_back(absl::StrCat(work.target.Name(), ":", tag));
      }
      // Without the image, its other tags do not matter.
      if (!found.has_value()) return absl::OkStatus();
    }
    return absl::OkStatus();
  }

  absl::Status CopyGeneration(int generation) {
    std::vector<size_t> wave;
    for (size_t i = 0; i < work_.size(); ++i) {
      if (request_.family.members[i].generation == generation) wave.push_back(i);
    }
    // The first generation is what everything else shares: one by one, so that what those images
    // have in common is sent once, too.
    return ParallelFor(
        wave.size(), generation == 0 ? 1 : request_.jobs,
        [&](size_t i) { return CopyMember(wave[i]); }, stop_);
  }

  absl::Status CopyMember(size_t i) {
    Work& work = work_[i];
    for (size_t copy = 0; copy < work.images.size(); ++copy) {
      PromotedImage& image = work.images[copy];
      if (!image.why.empty()) continue;
      const absl::Status status = CopyOne(work, work.sources[copy], image);
      if (!status.ok() && !IsVerdict(status)) return base::Annotate(status, image.id);
      if (!status.ok()) image.why = std::string(status.message());
    }
    return absl::OkStatus();
  }

  absl::Status CopyOne(Work& work, const std::string& source, PromotedImage& image) {
    const size_t prefix = work.target.Name().size() + 1;
    transfer::CopyOptions options = request_.copy;
    options.finish = true;
    options.extra_tags.clear();
    for (size_t t = 1; t < image.targets.size(); ++t) {
      options.extra_tags.push_back(image.targets[t].substr(prefix));
    }
    options.on_event = [&](const transfer::CopyEvent& event) {
      if (event.kind == transfer::CopyEvent::Kind::kCopied) Count(work, event.content, image);
    };
    ASSIGN_OR_RETURN(image.result, copier_.Copy(*work.from.source, source, *work.to.sink,
                                                image.targets[0].substr(prefix), options, stop_));
    return absl::OkStatus();
  }

  // A dry run meets a shared blob with every image; only the first would send it.
  void Count(const Work& work, const oci::Descriptor& blob, PromotedImage& image) {
    {
      base::MutexLock lock(&mu_);
      if (!sent_.insert({work.target.registry(), blob.digest}).second) return;
    }
    ++image.blobs_sent;
    image.bytes_sent += blob.size;
  }

  const FamilyPromotionRequest& request_;
  FamilyPlaces& places_;
  transfer::Copier& copier_;
  const std::stop_token stop_;
  std::vector<Work> work_;                     // Parallel to the family's members.
  std::map<std::string, std::string> owners_;  // Target reference to id.
  base::Mutex mu_;
  std::set<std::pair<std::string, oci::Digest>> sent_ ABSL_GUARDED_BY(mu_);  // By registry.
};

std::string Outcome(const PromotedImage& image, bool dry_run) {
  if (!image.why.empty()) return "failed";
  if (image.result.unchanged) return "unchanged";
  return dry_run ? "would promote" : "promoted";
}

std::string Tags(const PromotedImage& image) {
  return absl::StrJoin(image.targets, ", ", [](std::string* out, const std::string& reference) {
    const size_t colon = reference.rfind(':');
    absl::StrAppend(out, out->empty() ? reference : reference.substr(colon + 1));
  });
}

}  // namespace

int FamilyPromotionReport::failures() const {
  return static_cast<int>(std::count_if(
      images.begin(), images.end(), [](const PromotedImage& image) { return !image.why.empty(); }));
}

absl::StatusOr<FamilyPromotionReport> PromoteFamily(const FamilyPromotionRequest& request,
                                                    FamilyPlaces& places, transfer::Copier& copier,
                                                    std::stop_token stop) {
  return Promotion(request, places, copier, std::move(stop)).Run();
}

std::string PromotionTable(const FamilyPromotionReport& report) {
  std::vector<std::vector<std::string>> rows;
  for (const PromotedImage& image : report.images) {
    std::vector<std::string> remarks = image.notes;
    if (!image.why.empty()) remarks.insert(remarks.begin(), image.why);
    rows.push_back({image.id, Outcome(image, report.dry_run), Tags(image),
                    image.why.empty() ? ShortDigest(image.result.digest.ToString()) : "",
                    image.why.empty() ? FormatBytes(image.bytes_sent) : "",
                    absl::StrJoin(remarks, "; ")});
  }
  return FormatTable({"IMAGE", "RESULT", "TO", "DIGEST", report.dry_run ? "TO SEND" : "SENT", ""},
                     rows);
}

std::string PromotionSummary(const FamilyPromotionReport& report, absl::Duration time) {
  size_t images = 0, tags = 0, unchanged = 0;
  uint64_t sent = 0, bytes = 0, mounted = 0;
  for (const PromotedImage& image : report.images) {
    if (!image.why.empty()) continue;
    ++images;
    tags += image.targets.size();
    if (image.result.unchanged) ++unchanged;
    sent += image.blobs_sent;
    bytes += image.bytes_sent;
    mounted += image.result.blobs_mounted;
  }
  std::string text = absl::StrCat(
      images, " images in ", tags, " tags ", report.dry_run ? "to promote" : "promoted", " (",
      unchanged, " were there already), ", report.failures(), " failed in ", FormatSeconds(time),
      "; ", sent, " blobs ", report.dry_run ? "to send" : "sent", " (", FormatBytes(bytes), ")");
  if (!report.dry_run) absl::StrAppend(&text, ", ", mounted, " mounted");
  return text + "\n";
}

Json PromotionJson(const FamilyPromotionReport& report, absl::Duration time) {
  Json json = {{"dry_run", report.dry_run}, {"images", Json::array()}};
  for (const PromotedImage& image : report.images) {
    Json one = {{"image", image.id},
                {"source", image.source},
                {"result", image.why.empty() ? (image.result.unchanged ? "unchanged" : "promoted")
                                             : "failed"},
                {"targets", image.targets}};
    if (!image.why.empty()) one["why"] = image.why;
    if (!image.notes.empty()) one["notes"] = image.notes;
    if (image.why.empty()) {
      one["digest"] = image.result.digest.ToString();
      one["blobs_sent"] = image.blobs_sent;
      one["bytes_sent"] = image.bytes_sent;
      one["blobs_mounted"] = image.result.blobs_mounted;
      one["blobs_there"] = image.result.blobs_there;
    }
    json["images"].push_back(std::move(one));
  }
  json["failed"] = report.failures();
  json["seconds"] = absl::ToDoubleSeconds(time);
  return json;
}

}  // namespace stevedore::cli
