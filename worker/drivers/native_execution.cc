#include "worker/drivers/native_execution.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "worker/drivers/dockerfile/expand.h"
#include "worker/drivers/dockerfile/references.h"
#include "worker/drivers/native_layer.h"
#include "worker/drivers/native_sources.h"
#include "worker/drivers/native_users.h"

namespace stevedore::worker::native {
namespace {

using dockerfile::Instruction;
using dockerfile::Stage;
using Kind = Instruction::Kind;

// Triggers of a base image run with the stage that they come into: not for ever.
constexpr size_t kMostTriggers = 1000;

// Instructions that stand as they are in history.
bool KeepsText(Kind kind) {
  return kind == Kind::kHealthcheck || kind == Kind::kOnbuild || kind == Kind::kMaintainer;
}

}  // namespace

absl::StatusOr<StageState> Execution::Run(size_t target,
                                          const dockerfile::BuildArguments& arguments) {
  ASSIGN_OR_RETURN(global_, dockerfile::GlobalVariables::Create(*file_, arguments));
  // What cannot be built is said before anything is fetched.
  ASSIGN_OR_RETURN(const std::vector<size_t> needed,
                   dockerfile::NeededStages(*file_, target, global_));
  for (const size_t index : needed) {
    for (const Instruction& in : file_->stages()[index].instructions) {
      if (in.kind == Kind::kRun) return RunRefused(index, in);
    }
  }
  ASSIGN_OR_RETURN(const StageState* const state, StageNumber(target));
  return *state;
}

absl::Status Execution::RunRefused(size_t index, const Instruction& in) const {
  const Stage& stage = file_->stages()[index];
  const std::string name =
      stage.name.empty() ? absl::StrCat("stage ", index) : absl::StrCat("stage ", stage.name);
  return absl::UnimplementedError(
      absl::StrCat(file_->Place(in.line), ": RUN in ", name, ", which the build needs: driver ",
                   "native runs no commands; use driver docker or buildkit for this image"));
}

absl::StatusOr<const StageState*> Execution::StageNumber(size_t index) {
  const auto known = stages_.find(index);
  if (known != stages_.end()) return &known->second;
  StageState state;
  RETURN_IF_ERROR(StartStage(index, state));
  for (const Instruction& in : file_->stages()[index].instructions) {
    if (stop_.stop_requested()) return absl::CancelledError("the build was cancelled");
    RETURN_IF_ERROR(Execute(index, in, state));
  }
  return &stages_.emplace(index, std::move(state)).first->second;
}

absl::Status Execution::StartStage(size_t index, StageState& state) {
  const Stage& stage = file_->stages()[index];
  const char escape = file_->directives().escape;
  const std::string place = file_->Place(stage.line);
  ASSIGN_OR_RETURN(const std::string image, global_.Expand(stage.image, escape), place, ": FROM");
  ASSIGN_OR_RETURN(const std::string platform, global_.Expand(stage.platform, escape), place,
                   ": --platform");
  state.platform = request_->platform;
  if (!platform.empty()) {
    ASSIGN_OR_RETURN(state.platform, oci::Platform::Parse(platform), place, ": --platform");
  }
  const bool number = absl::ascii_isdigit(image[0]);
  const std::optional<size_t> below = number ? std::nullopt : file_->FindStage(image, index);
  if (below.has_value()) {
    ASSIGN_OR_RETURN(const StageState* const base, StageNumber(*below));
    state = *base;
    state.cmd_set = false;
  } else if (image == "scratch") {
    state.config.AddDefaultPath();
    state.config.working_dir = "/";
  } else {
    RETURN_IF_ERROR(StartFromImage(index, image, state), place, ": FROM ", image);
  }
  for (const auto& [name, value] : state.config.env) state.variables.Set(name, value);
  return RunTriggers(index, state);
}

absl::Status Execution::StartFromImage(size_t, const std::string& image, StageState& state) {
  ASSIGN_OR_RETURN(state.base, images_.Find(image, state.platform));
  ASSIGN_OR_RETURN(state.files, images_.Files(state.base));
  ASSIGN_OR_RETURN(state.config, RunConfig::Of(state.base->image.config));
  state.author = state.base->image.config.author();
  state.config.AddDefaultPath();
  return absl::OkStatus();
}

absl::Status Execution::RunTriggers(size_t index, StageState& state) {
  const std::vector<std::string> triggers = std::exchange(state.config.on_build, {});
  if (triggers.size() > kMostTriggers) {
    return absl::InvalidArgumentError(
        absl::StrCat("the base image has ", triggers.size(), " triggers; at most ", kMostTriggers));
  }
  const Stage& stage = file_->stages()[index];
  for (const std::string& text : triggers) {
    const std::string what =
        absl::StrCat(file_->Place(stage.line), ": trigger of the base image: ONBUILD ", text);
    // As a file of its own: a trigger may have heredocs.
    ASSIGN_OR_RETURN(const dockerfile::Dockerfile parsed,
                     dockerfile::Dockerfile::Parse(absl::StrCat("FROM scratch\n", text), "trigger"),
                     what);
    for (Instruction in : parsed.stages()[0].instructions) {
      in.line = stage.line;
      RETURN_IF_ERROR(Execute(index, in, state), what);
    }
  }
  return absl::OkStatus();
}

absl::Status Execution::Execute(size_t index, const Instruction& in, StageState& state) {
  if (in.kind == Kind::kRun) return RunRefused(index, in);
  const absl::Status status = ExecuteNamed(index, in, state);
  if (status.ok()) return status;
  return base::Annotate(status, absl::StrCat(file_->Place(in.line), ": ", in.keyword()));
}

absl::Status Execution::ExecuteNamed(size_t index, const Instruction& in, StageState& state) {
  switch (in.kind) {
    case Kind::kAdd:
    case Kind::kCopy:
      return CopyOrAdd(index, in, state);
    case Kind::kArg:
      return Arg(in, state);
    case Kind::kCmd:
    case Kind::kEntrypoint:
    case Kind::kShell:
      return Command(in, state);
    case Kind::kEnv:
      return Env(in, state);
    case Kind::kExpose:
      return Expose(in, state);
    case Kind::kHealthcheck:
      return Health(in, state);
    case Kind::kLabel:
      return Label(in, state);
    case Kind::kMaintainer:
      state.author = in.words[0];
      AddStep(in, in.rest, nullptr, state);
      return absl::OkStatus();
    case Kind::kOnbuild:
      state.config.on_build.push_back(in.rest);
      for (const dockerfile::Heredoc& heredoc : in.trigger[0].heredocs) {
        absl::StrAppend(&state.config.on_build.back(), "\n", heredoc.content, heredoc.name);
      }
      AddStep(in, in.rest, nullptr, state);
      return absl::OkStatus();
    case Kind::kStopsignal:
      return StopSignal(in, state);
    case Kind::kUser:
      return User(in, state);
    case Kind::kVolume:
      return Volume(in, state);
    case Kind::kWorkdir:
      return Workdir(in, state);
    case Kind::kFrom:
    case Kind::kRun:
      break;
  }
  return absl::InternalError("an instruction that nobody executes");
}

void Execution::AddStep(const Instruction& in, const std::string& created_by, LayerBuilder* layer,
                        StageState& state) {
  Step step;
  step.created_by = absl::StrCat(in.keyword(), " ", created_by);
  if (KeepsText(in.kind)) step.created_by = absl::StrCat(in.keyword(), " ", in.rest);
  step.place = absl::StrCat(file_->Place(in.line), ": ", in.keyword());
  if (layer != nullptr && !layer->empty()) {
    step.layer = layer->Finish();
    state.files.Add(step.layer);
  }
  state.steps.push_back(std::move(step));
}

std::string Execution::Absolute(absl::string_view path, const StageState& state) const {
  const std::string from =
      absl::StartsWith(path, "/") ? "" : absl::StrCat(state.config.working_dir, "/");
  return absl::StrCat("/", CleanPath(absl::StrCat(from, path)));
}

absl::Status Execution::Arg(const Instruction& in, StageState& state) {
  RETURN_IF_ERROR(state.variables.Declare(in, global_, file_->directives().escape));
  std::vector<std::string> texts;
  for (const dockerfile::Pair& pair : in.pairs) {
    const std::optional<std::string> value = state.variables.Find(pair.name);
    // What is given from outside is not kept: it may be a secret, and would change the image.
    const bool shown = pair.value.has_value() && global_.given().count(pair.name) == 0;
    texts.push_back(shown ? absl::StrCat(pair.name, "=", value.value_or("")) : pair.name);
  }
  AddStep(in, absl::StrJoin(texts, " "), nullptr, state);
  return absl::OkStatus();
}

absl::Status Execution::CopyOrAdd(size_t index, const Instruction& in, StageState& state) {
  ASSIGN_OR_RETURN(const CopyOptions options, ReadCopyOptions(in, state));
  const dockerfile::Flag* const link = in.FindFlag("link");
  const bool independent = link != nullptr && link->value == "true";
  const FileView nothing;
  LayerBuilder layer(independent ? &nothing : &state.files);
  CopyRequest copy;
  copy.instruction = &in;
  copy.keyword = std::string(in.keyword());
  for (const std::string& word : in.words) {
    ASSIGN_OR_RETURN(std::string expanded, Expand(word, state));
    copy.words.push_back(std::move(expanded));
  }
  for (const dockerfile::Heredoc& heredoc : in.heredocs) {
    ASSIGN_OR_RETURN(std::string content, HeredocContent(heredoc, state), "heredoc <<",
                     heredoc.name);
    copy.heredocs.push_back({heredoc.name, std::move(content)});
  }
  std::string& destination = copy.words.back();
  const bool folder =
      absl::EndsWith(destination, "/") || destination == "." || absl::EndsWith(destination, "/.");
  const std::string written = destination;
  destination = Absolute(destination, state);
  if (folder && destination != "/") destination += "/";
  const std::string history =
      absl::StrCat(absl::StrJoin(copy.words.begin(), copy.words.end() - 1, " "), " ", written);
  ASSIGN_OR_RETURN(copy.source, SourceOf(index, in, state));
  RETURN_IF_ERROR(PutSources(copy, options, *resources_, *request_, stop_, layer));
  AddStep(in, history, &layer, state);
  return absl::OkStatus();
}

absl::StatusOr<std::string> Execution::HeredocContent(const dockerfile::Heredoc& heredoc,
                                                      const StageState& state) const {
  if (!heredoc.expand) return heredoc.Content();
  dockerfile::ExpandOptions options;
  options.skip_quotes = true;
  return dockerfile::ExpandWord(
      heredoc.Content(), [&state](absl::string_view name) { return state.variables.Find(name); },
      options);
}

absl::StatusOr<CopyOptions> Execution::ReadCopyOptions(const Instruction& in,
                                                       const StageState& state) {
  CopyOptions options;
  for (const dockerfile::Flag& flag : in.flags) {
    ASSIGN_OR_RETURN(const std::string value, Expand(flag.value.value_or(""), state), "--",
                     flag.name);
    if (flag.name == "chown") {
      ASSIGN_OR_RETURN(options.owner, FindOwner(state.files, value), "--chown=", value);
    } else if (flag.name == "chmod") {
      ASSIGN_OR_RETURN(options.mode, ModeChange::Parse(value));
    } else if (flag.name == "exclude") {
      options.excludes.push_back(value);
    } else if (flag.name == "parents") {
      options.parents = value == "true";
    }
  }
  return options;
}

absl::StatusOr<FileView> Execution::SourceOf(size_t index, const Instruction& in,
                                             const StageState& state) {
  const dockerfile::Flag* const from = in.FindFlag("from");
  if (from == nullptr) return ContextView();
  ASSIGN_OR_RETURN(const dockerfile::CopySource source,
                   dockerfile::ResolveCopySource(*file_, index, *from->value));
  if (source.stage.has_value()) {
    ASSIGN_OR_RETURN(const StageState* const stage, StageNumber(*source.stage));
    return stage->files;
  }
  if (source.reference == "scratch") return FileView();
  ASSIGN_OR_RETURN(const std::shared_ptr<const FoundImage> image,
                   images_.Find(source.reference, state.platform), "--from");
  return images_.Files(image);
}

absl::StatusOr<FileView> Execution::ContextView() {
  if (!context_.has_value()) {
    context_.emplace();
    if (request_->context != nullptr) context_->Add(LayerTree::OfContext(request_->context));
  }
  return *context_;
}

}  // namespace stevedore::worker::native
