// Execution's instructions that change the config only, and WORKDIR.

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "worker/drivers/dockerfile/words.h"
#include "worker/drivers/native_execution.h"
#include "worker/drivers/native_users.h"

namespace stevedore::worker::native {
namespace {

using dockerfile::Instruction;
using Kind = Instruction::Kind;

// A list as Go's %q shows it, which is what engines write into history.
std::string QuotedList(const std::vector<std::string>& texts) {
  return absl::StrCat("[",
                      absl::StrJoin(texts, " ",
                                    [](std::string* out, const std::string& text) {
                                      absl::StrAppend(out, "\"", text, "\"");
                                    }),
                      "]");
}

absl::StatusOr<absl::Duration> ReadDuration(const dockerfile::Flag& flag) {
  absl::Duration value;
  if (absl::ParseDuration(*flag.value, &value) &&
      (value == absl::ZeroDuration() || value >= absl::Milliseconds(1)) &&
      value < absl::Hours(24 * 365)) {
    return value;
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag.name, "=", *flag.value,
                   " is no duration; write a number with its unit, such as 30s, 1m30s or 500ms, ",
                   "from 1ms on"));
}

}  // namespace

absl::Status Execution::Env(const Instruction& in, StageState& state) {
  // All values see the variables as they are before this line.
  std::vector<std::pair<std::string, std::string>> values;
  std::vector<std::string> texts;
  for (const dockerfile::Pair& pair : in.pairs) {
    ASSIGN_OR_RETURN(std::string name, Expand(pair.name, state));
    ASSIGN_OR_RETURN(std::string value, Expand(*pair.value, state), name);
    if (name.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the name ", base::Quoted(pair.name), " is empty"));
    }
    texts.push_back(absl::StrCat(name, "=", value));
    values.emplace_back(std::move(name), std::move(value));
  }
  for (auto& [name, value] : values) {
    state.config.SetEnv(name, value);
    state.variables.Set(name, std::move(value));
  }
  AddStep(in, absl::StrJoin(texts, " "), nullptr, state);
  return absl::OkStatus();
}

absl::Status Execution::Label(const Instruction& in, StageState& state) {
  std::vector<std::string> texts;
  for (const dockerfile::Pair& pair : in.pairs) {
    ASSIGN_OR_RETURN(const std::string name, Expand(pair.name, state));
    ASSIGN_OR_RETURN(const std::string value, Expand(*pair.value, state), name);
    state.config.labels[name] = value;
    texts.push_back(absl::StrCat(name, "=", value));
  }
  AddStep(in, absl::StrJoin(texts, " "), nullptr, state);
  return absl::OkStatus();
}

absl::Status Execution::Expose(const Instruction& in, StageState& state) {
  std::vector<std::string> added;
  for (const std::string& word : in.words) {
    ASSIGN_OR_RETURN(const std::string text, Expand(word, state));
    for (const std::string& part : dockerfile::SplitBlanks(text)) {
      ASSIGN_OR_RETURN(const std::vector<std::string> ports, ParsePorts(part));
      state.config.exposed_ports.insert(ports.begin(), ports.end());
      added.push_back(part);
    }
  }
  AddStep(in, absl::StrJoin(added, " "), nullptr, state);
  return absl::OkStatus();
}

absl::Status Execution::Volume(const Instruction& in, StageState& state) {
  std::vector<std::string> paths;
  for (const std::string& word : in.words) {
    ASSIGN_OR_RETURN(std::string path, Expand(word, state));
    if (path.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(base::Quoted(word), " is an empty path once its variables are replaced"));
    }
    state.config.volumes.insert(path);
    paths.push_back(std::move(path));
  }
  AddStep(in, absl::StrCat("[", absl::StrJoin(paths, " "), "]"), nullptr, state);
  return absl::OkStatus();
}

absl::Status Execution::Workdir(const Instruction& in, StageState& state) {
  ASSIGN_OR_RETURN(const std::string path, Expand(in.words[0], state));
  if (path.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        base::Quoted(in.words[0]), " is an empty path once its variables are replaced"));
  }
  state.config.working_dir = Absolute(path, state);
  LayerBuilder layer(&state.files);
  ASSIGN_OR_RETURN(const std::string resolved, layer.Resolve(state.config.working_dir));
  // Looked up only if something is made: an image without /etc/passwd may have a named user.
  if (!resolved.empty() && !layer.Find(resolved).has_value()) {
    Owner owner;
    if (!state.config.user.empty()) {
      ASSIGN_OR_RETURN(owner, FindOwner(state.files, state.config.user), "USER");
    }
    RETURN_IF_ERROR(layer.MakeDirectories(resolved, owner));
  } else {
    RETURN_IF_ERROR(layer.MakeDirectories(resolved, Owner()));
  }
  AddStep(in, state.config.working_dir, &layer, state);
  return absl::OkStatus();
}

absl::Status Execution::User(const Instruction& in, StageState& state) {
  ASSIGN_OR_RETURN(state.config.user, Expand(in.words[0], state));
  if (state.config.user.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        base::Quoted(in.words[0]), " is an empty name once its variables are replaced"));
  }
  AddStep(in, state.config.user, nullptr, state);
  return absl::OkStatus();
}

absl::Status Execution::Command(const Instruction& in, StageState& state) {
  std::vector<std::string> words = in.words;
  if (!in.json && !words.empty()) {
    std::vector<std::string> shell = state.config.ShellOrDefault();
    shell.push_back(words[0]);
    words = std::move(shell);
  }
  if (in.kind == Kind::kShell) {
    state.config.shell = words;
  } else if (in.kind == Kind::kCmd) {
    state.config.cmd = words;
    state.cmd_set = true;
  } else {
    state.config.entrypoint = words;
    // A command that came with the base belonged to its entrypoint.
    if (!state.cmd_set) state.config.cmd.reset();
  }
  AddStep(in, QuotedList(words), nullptr, state);
  return absl::OkStatus();
}

absl::Status Execution::StopSignal(const Instruction& in, StageState& state) {
  ASSIGN_OR_RETURN(const std::string signal, Expand(in.words[0], state));
  RETURN_IF_ERROR(CheckSignal(signal));
  state.config.stop_signal = signal;
  AddStep(in, signal, nullptr, state);
  return absl::OkStatus();
}

absl::Status Execution::Health(const Instruction& in, StageState& state) {
  HealthCheck health;
  if (in.words[0] == "NONE") {
    health.test = {"NONE"};
  } else {
    health.test = {in.json ? "CMD" : "CMD-SHELL"};
    health.test.insert(health.test.end(), in.words.begin() + 1, in.words.end());
  }
  for (const dockerfile::Flag& flag : in.flags) {
    if (flag.name == "retries") {
      if (!absl::SimpleAtoi(*flag.value, &health.retries) || health.retries < 0) {
        return absl::InvalidArgumentError(
            absl::StrCat("--retries=", *flag.value, " is no number from 0 on"));
      }
      continue;
    }
    ASSIGN_OR_RETURN(const absl::Duration value, ReadDuration(flag));
    if (flag.name == "interval") health.interval = value;
    if (flag.name == "timeout") health.timeout = value;
    if (flag.name == "start-period") health.start_period = value;
    if (flag.name == "start-interval") health.start_interval = value;
  }
  state.config.health = std::move(health);
  AddStep(in, in.rest, nullptr, state);
  return absl::OkStatus();
}

}  // namespace stevedore::worker::native
