#include "worker/drivers/dockerfile/dockerfile.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "graph/spelling.h"
#include "worker/drivers/dockerfile/lines.h"

namespace stevedore::worker::dockerfile {
namespace {

bool IsStageName(absl::string_view name) {
  if (name.empty() || !absl::ascii_islower(name[0])) return false;
  for (const char c : name) {
    if (!absl::ascii_islower(c) && !absl::ascii_isdigit(c) && c != '-' && c != '_' && c != '.') {
      return false;
    }
  }
  return true;
}

// "line 3: what" as "Dockerfile:3: what".
absl::Status InFile(const absl::Status& status, absl::string_view name) {
  constexpr absl::string_view kLine = "line ";
  const absl::string_view message = status.message();
  if (message.substr(0, kLine.size()) != kLine) return base::Annotate(status, name);
  return absl::Status(status.code(), absl::StrCat(name, ":", message.substr(kLine.size())));
}

}  // namespace

std::string Dockerfile::Place(int line) const { return absl::StrCat(name_, ":", line); }

absl::Status Dockerfile::AddStage(const Instruction& from) {
  Stage stage;
  stage.image = from.words[0];
  stage.line = from.line;
  stage.last_line = from.last_line;
  if (from.words.size() == 3) {
    stage.name = absl::AsciiStrToLower(from.words[2]);
    if (!IsStageName(stage.name)) {
      return absl::InvalidArgumentError(
          absl::StrCat(Place(from.line), ": ", base::Quoted(from.words[2]),
                       " is no name for a stage; it begins with a letter and goes on with ",
                       "letters, digits, `-`, `_` and `.`"));
    }
    if (stage.name == "scratch") {
      return absl::InvalidArgumentError(absl::StrCat(
          Place(from.line), ": a stage cannot be called `scratch`, which is the empty image"));
    }
  }
  if (const Flag* platform = from.FindFlag("platform")) stage.platform = *platform->value;
  stages_.push_back(std::move(stage));
  return absl::OkStatus();
}

absl::Status Dockerfile::AddInstruction(Instruction instruction) {
  if (instruction.kind == Instruction::Kind::kFrom) return AddStage(instruction);
  if (!stages_.empty()) {
    stages_.back().instructions.push_back(std::move(instruction));
    return absl::OkStatus();
  }
  if (instruction.kind == Instruction::Kind::kArg) {
    global_arguments_.push_back(std::move(instruction));
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(Place(instruction.line), ": ",
                                                 instruction.keyword(),
                                                 " before the first FROM; only ARG may be there"));
}

absl::StatusOr<Dockerfile> Dockerfile::Parse(absl::string_view text, absl::string_view name) {
  if (text.size() > kMaxFileBytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat(name, ": ", text.size(), " bytes; a Dockerfile has at most ", kMaxFileBytes));
  }
  Dockerfile file;
  file.name_ = std::string(name);
  absl::StatusOr<LineReader> lines = LineReader::Create(text);
  if (!lines.ok()) return InFile(lines.status(), name);
  file.directives_ = lines->directives();
  while (true) {
    absl::StatusOr<std::optional<Instruction>> next = lines->Next();
    if (!next.ok()) return InFile(next.status(), name);
    if (!next->has_value()) break;
    RETURN_IF_ERROR(file.AddInstruction(**std::move(next)));
  }
  if (!file.stages_.empty()) return file;
  return absl::InvalidArgumentError(absl::StrCat(
      name, ": no FROM in it; a Dockerfile begins with `FROM IMAGE` or `FROM scratch`"));
}

std::optional<size_t> Dockerfile::FindStage(absl::string_view name, size_t before) const {
  const std::string wanted = absl::AsciiStrToLower(name);
  for (size_t i = std::min(before, stages_.size()); i-- > 0;) {
    if (!wanted.empty() && stages_[i].name == wanted) return i;
  }
  uint32_t number = 0;
  if (!wanted.empty() && absl::ascii_isdigit(wanted[0]) && absl::SimpleAtoi(wanted, &number) &&
      number < before && number < stages_.size()) {
    return number;
  }
  return std::nullopt;
}

absl::StatusOr<size_t> Dockerfile::FindTarget(absl::string_view target) const {
  if (target.empty()) return stages_.size() - 1;
  if (const std::optional<size_t> found = FindStage(target, stages_.size())) return *found;
  std::vector<std::string> names;
  for (const Stage& stage : stages_) {
    if (!stage.name.empty()) names.push_back(stage.name);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      name_, ": no stage ", base::Quoted(target), graph::DidYouMean(target, names), "; ",
      names.empty() ? "no stage has a name"
                    : absl::StrCat("stages are ", absl::StrJoin(names, ", ")),
      ", numbers are 0 to ", stages_.size() - 1));
}

}  // namespace stevedore::worker::dockerfile
