// One instruction of a Dockerfile as it is written: no variable replaced yet.

#ifndef STEVEDORE_WORKER_DRIVERS_DOCKERFILE_INSTRUCTION_H_
#define STEVEDORE_WORKER_DRIVERS_DOCKERFILE_INSTRUCTION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::worker::dockerfile {

// A file written in place: `<<EOF` ... `EOF`.
struct Heredoc {
  std::string name;
  bool expand = true;  // False if the name was quoted.
  bool chomp = false;  // `<<-`: tabs at the start of lines are left out.
  std::string content;
  // What reaches a file or shell: without leading tabs if `chomp`.
  std::string Content() const;
};

// `--name`, or `--name=value`.
struct Flag {
  std::string name;
  std::optional<std::string> value;
};

// NAME=value; ARG may have no value.
struct Pair {
  std::string name;
  std::optional<std::string> value;
};

// A parsed instruction. Which members have a meaning depends on the kind. A value.
struct Instruction {
  enum class Kind : uint8_t {
    kAdd,
    kArg,
    kCmd,
    kCopy,
    kEntrypoint,
    kEnv,
    kExpose,
    kFrom,
    kHealthcheck,
    kLabel,
    kMaintainer,
    kOnbuild,
    kRun,
    kShell,
    kStopsignal,
    kUser,
    kVolume,
    kWorkdir,
  };
  Kind kind = Kind::kRun;
  // Lines in the file, from 1; the last one includes heredocs.
  int line = 0;
  int last_line = 0;
  // Everything after the keyword, continuations joined.
  std::string rest;

  std::vector<Flag> flags;
  // True: `words` was written as a JSON list.
  bool json = false;
  // The words of ADD, COPY, EXPOSE, FROM, VOLUME, HEALTHCHECK (first: CMD or NONE); elements of a
  // JSON list; otherwise everything after the flags as one word.
  std::vector<std::string> words;
  // Of ARG, ENV and LABEL.
  std::vector<Pair> pairs;
  std::vector<Heredoc> heredocs;
  // Of ONBUILD: exactly one.
  std::vector<Instruction> trigger;

  // "COPY".
  absl::string_view keyword() const;
  // Value of flag `name`, nullptr if it was not given.
  const Flag* FindFlag(absl::string_view name) const;
};

// The keyword of a kind, in capitals.
absl::string_view KeywordOf(Instruction::Kind kind);

// Reads one instruction from its logical line (continuations joined, no heredocs yet); `escape` is
// the file's escape character. INVALID_ARGUMENT, without the line's number, for unknown keywords
// and flags, missing or surplus words, lists that are not of texts. Thread-safe.
absl::StatusOr<Instruction> ParseInstruction(absl::string_view line, char escape);

// The heredocs that the words of `text` announce, without contents. Thread-safe.
std::vector<Heredoc> FindHeredocs(absl::string_view text);

// `word` as the announcement of a heredoc, such as `<<EOF` or `3<<-'END'`; nullopt if it is none.
std::optional<Heredoc> ParseHeredocWord(absl::string_view word);

}  // namespace stevedore::worker::dockerfile

#endif  // STEVEDORE_WORKER_DRIVERS_DOCKERFILE_INSTRUCTION_H_
