#include "worker/drivers/dockerfile/references.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"

namespace stevedore::worker::dockerfile {
namespace {

// The `from` of COPY or of mounts, as written; empty: the context.
std::vector<std::string> FromsOf(const Instruction& instruction) {
  std::vector<std::string> froms;
  for (const Flag& flag : instruction.flags) {
    if (flag.name == "from") froms.push_back(flag.value.value_or(""));
    if (flag.name != "mount") continue;
    for (const absl::string_view part : absl::StrSplit(flag.value.value_or(""), ',')) {
      absl::string_view value = part;
      if (absl::ConsumePrefix(&value, "from=")) froms.emplace_back(value);
    }
  }
  return froms;
}

absl::StatusOr<std::string> ImageOf(const Dockerfile& file, const Stage& stage,
                                    const GlobalVariables& variables) {
  const std::string place = file.Place(stage.line);
  ASSIGN_OR_RETURN(std::string image, variables.Expand(stage.image, file.directives().escape),
                   place, ": FROM");
  if (!image.empty()) return image;
  return absl::InvalidArgumentError(
      absl::StrCat(place, ": FROM ", base::Quoted(stage.image),
                   " names no image: its variables are empty; FROM sees only ARGs before the ",
                   "first FROM and build arguments that they declare"));
}

// Collects what one stage needs, and goes on with the stages that it needs.
class Walk {
 public:
  Walk(const Dockerfile& file, const GlobalVariables& variables)
      : file_(file), variables_(variables), needed_(file.stages().size(), false) {}

  absl::Status Visit(size_t target) {
    needed_[target] = true;
    // A stage needs earlier stages only, so one pass from the back finds them all.
    for (size_t i = target + 1; i-- > 0;) {
      if (needed_[i]) RETURN_IF_ERROR(VisitStage(i));
    }
    return absl::OkStatus();
  }

  std::vector<size_t> TakeStages() const {
    std::vector<size_t> stages;
    for (size_t i = 0; i < needed_.size(); ++i) {
      if (needed_[i]) stages.push_back(i);
    }
    return stages;
  }
  std::vector<ExternalImage> TakeImages() {
    std::stable_sort(images_.begin(), images_.end(),
                     [](const auto& a, const auto& b) { return a.line < b.line; });
    std::vector<ExternalImage> unique;
    std::set<std::pair<std::string, std::string>> seen;
    for (ExternalImage& image : images_) {
      if (seen.emplace(image.reference, image.platform).second) unique.push_back(std::move(image));
    }
    return unique;
  }

 private:
  absl::Status VisitStage(size_t index) {
    const Stage& stage = file_.stages()[index];
    ASSIGN_OR_RETURN(std::string image, ImageOf(file_, stage, variables_));
    if (const std::optional<size_t> base = StageNamed(image, index)) {
      needed_[*base] = true;
    } else if (image != "scratch") {
      ASSIGN_OR_RETURN(std::string platform,
                       variables_.Expand(stage.platform, file_.directives().escape),
                       file_.Place(stage.line), ": --platform");
      images_.push_back({std::move(image), std::move(platform), stage.line});
    }
    for (const Instruction& instruction : stage.instructions) {
      for (const std::string& from : FromsOf(instruction)) {
        if (from.empty()) continue;
        ASSIGN_OR_RETURN(CopySource source, ResolveCopySource(file_, index, from),
                         file_.Place(instruction.line), ": ", instruction.keyword());
        if (source.stage.has_value()) {
          needed_[*source.stage] = true;
        } else if (source.reference != "scratch") {
          images_.push_back({std::move(source.reference), "", instruction.line});
        }
      }
    }
    return absl::OkStatus();
  }

  // FROM takes names only: `FROM 0` would be an image.
  std::optional<size_t> StageNamed(const std::string& image, size_t before) const {
    if (absl::ascii_isdigit(image[0])) return std::nullopt;
    return file_.FindStage(image, before);
  }

  const Dockerfile& file_;
  const GlobalVariables& variables_;
  std::vector<bool> needed_;
  std::vector<ExternalImage> images_;
};

}  // namespace

absl::StatusOr<CopySource> ResolveCopySource(const Dockerfile& file, size_t stage,
                                             absl::string_view from) {
  if (absl::StrContains(from, "$")) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--from=", from, ": variables do not count here; name the image in a stage of its own ",
        "(`FROM image:${TAG} AS name`) and copy from that"));
  }
  if (const std::optional<size_t> found = file.FindStage(from, stage)) {
    return CopySource{found, ""};
  }
  const bool number = !from.empty() && from.find_first_not_of("0123456789") == std::string::npos;
  if (number) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--from=", from, ": no stage of this number comes before; ",
        stage == 0 ? "this is the first" : absl::StrCat("numbers here are 0 to ", stage - 1)));
  }
  if (const std::optional<size_t> later = file.FindStage(from, file.stages().size())) {
    return absl::InvalidArgumentError(absl::StrCat("--from=", from, ": that stage begins in line ",
                                                   file.stages()[*later].line,
                                                   "; a stage copies from stages before it only"));
  }
  return CopySource{std::nullopt, std::string(from)};
}

absl::StatusOr<std::vector<size_t>> NeededStages(const Dockerfile& file, size_t target,
                                                 const GlobalVariables& variables) {
  Walk walk(file, variables);
  RETURN_IF_ERROR(walk.Visit(target));
  return walk.TakeStages();
}

absl::StatusOr<std::vector<ExternalImage>> ExternalImages(const Dockerfile& file, size_t target,
                                                          const GlobalVariables& variables) {
  Walk walk(file, variables);
  RETURN_IF_ERROR(walk.Visit(target));
  return walk.TakeImages();
}

}  // namespace stevedore::worker::dockerfile
