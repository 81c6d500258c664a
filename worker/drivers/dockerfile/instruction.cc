#include "worker/drivers/dockerfile/instruction.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/types/span.h"
#include "base/status.h"
#include "graph/spelling.h"
#include "worker/drivers/dockerfile/words.h"

namespace stevedore::worker::dockerfile {
namespace {

using Kind = Instruction::Kind;

constexpr absl::string_view kAddFlags[] = {"chmod", "checksum",     "chown", "exclude",
                                           "link",  "keep-git-dir", "unpack"};
constexpr absl::string_view kCopyFlags[] = {"chmod", "chown", "exclude", "from", "link", "parents"};
constexpr absl::string_view kFromFlags[] = {"platform"};
constexpr absl::string_view kHealthFlags[] = {"interval", "retries", "start-interval",
                                              "start-period", "timeout"};
constexpr absl::string_view kRunFlags[] = {"device", "mount", "network", "security"};
// May stand without a value.
constexpr absl::string_view kBoolFlags[] = {"link", "parents", "keep-git-dir", "unpack"};
// May stand several times.
constexpr absl::string_view kListFlags[] = {"exclude", "mount", "device"};

// How a keyword's text is read.
enum class Form : uint8_t { kCommand, kWords, kPairs, kText, kHealth, kOnbuild };

struct Keyword {
  absl::string_view name;
  Kind kind;
  Form form;
  absl::Span<const absl::string_view> flags;
  size_t least_words;
  absl::string_view example;
};

constexpr Keyword kKeywords[] = {
    {"ADD", Kind::kAdd, Form::kWords, kAddFlags, 2, "ADD SOURCE... DESTINATION"},
    {"ARG", Kind::kArg, Form::kPairs, {}, 1, "ARG NAME or ARG NAME=value"},
    {"CMD", Kind::kCmd, Form::kCommand, {}, 0, "CMD [\"program\", \"argument\"]"},
    {"COPY", Kind::kCopy, Form::kWords, kCopyFlags, 2, "COPY SOURCE... DESTINATION"},
    {"ENTRYPOINT", Kind::kEntrypoint, Form::kCommand, {}, 0, "ENTRYPOINT [\"program\"]"},
    {"ENV", Kind::kEnv, Form::kPairs, {}, 1, "ENV NAME=value"},
    {"EXPOSE", Kind::kExpose, Form::kWords, {}, 1, "EXPOSE 8080/tcp"},
    {"FROM", Kind::kFrom, Form::kWords, kFromFlags, 1, "FROM IMAGE [AS NAME]"},
    {"HEALTHCHECK", Kind::kHealthcheck, Form::kHealth, kHealthFlags, 1,
     "HEALTHCHECK CMD command, or HEALTHCHECK NONE"},
    {"LABEL", Kind::kLabel, Form::kPairs, {}, 1, "LABEL name=value"},
    {"MAINTAINER", Kind::kMaintainer, Form::kText, {}, 1, "MAINTAINER name"},
    {"ONBUILD", Kind::kOnbuild, Form::kOnbuild, {}, 1, "ONBUILD COPY . /src"},
    {"RUN", Kind::kRun, Form::kCommand, kRunFlags, 1, "RUN command"},
    {"SHELL", Kind::kShell, Form::kCommand, {}, 1, "SHELL [\"/bin/bash\", \"-c\"]"},
    {"STOPSIGNAL", Kind::kStopsignal, Form::kText, {}, 1, "STOPSIGNAL SIGTERM"},
    {"USER", Kind::kUser, Form::kText, {}, 1, "USER name[:group]"},
    {"VOLUME", Kind::kVolume, Form::kWords, {}, 1, "VOLUME /data"},
    {"WORKDIR", Kind::kWorkdir, Form::kText, {}, 1, "WORKDIR /app"},
};

template <size_t n>
bool Contains(const absl::string_view (&list)[n], absl::string_view word) {
  return std::find(std::begin(list), std::end(list), word) != std::end(list);
}

absl::StatusOr<const Keyword*> FindKeyword(absl::string_view word) {
  const std::string upper = absl::AsciiStrToUpper(word);
  std::vector<absl::string_view> names;
  for (const Keyword& keyword : kKeywords) {
    if (keyword.name == upper) return &keyword;
    names.push_back(keyword.name);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("unknown instruction ", base::Quoted(word),
                   graph::DidYouMean(word, absl::MakeConstSpan(names)), "; instructions are ",
                   absl::StrJoin(names, ", ")));
}

absl::StatusOr<Flag> ReadFlag(const Keyword& keyword, absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  Flag flag{std::string(parts.first), std::nullopt};
  if (text.size() > parts.first.size()) flag.value = std::string(parts.second);
  const auto known = std::find(keyword.flags.begin(), keyword.flags.end(), flag.name);
  if (known == keyword.flags.end()) {
    const std::string allowed = keyword.flags.empty()
                                    ? absl::StrCat(keyword.name, " takes no flags")
                                    : absl::StrCat("flags of ", keyword.name, " are --",
                                                   absl::StrJoin(keyword.flags, ", --"));
    return absl::InvalidArgumentError(
        absl::StrCat("unknown flag ", base::Quoted(absl::StrCat("--", flag.name)),
                     graph::DidYouMean(flag.name, keyword.flags), "; ", allowed));
  }
  if (Contains(kBoolFlags, flag.name)) {
    const std::string value = absl::AsciiStrToLower(flag.value.value_or("true"));
    if (value != "true" && value != "false") {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag.name, " is ", base::Quoted(value), "; it is true or false"));
    }
    flag.value = value;
  } else if (!flag.value.has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--", flag.name, " has no value; write --", flag.name, "=VALUE"));
  }
  return flag;
}

absl::Status ReadFlags(const Keyword& keyword, const std::vector<std::string>& texts,
                       Instruction& out) {
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(Flag flag, ReadFlag(keyword, text));
    if (out.FindFlag(flag.name) != nullptr && !Contains(kListFlags, flag.name)) {
      return absl::InvalidArgumentError(absl::StrCat("--", flag.name, " is given twice"));
    }
    out.flags.push_back(std::move(flag));
  }
  return absl::OkStatus();
}

absl::Status ReadPairs(const Keyword& keyword, absl::string_view text, char escape,
                       Instruction& out) {
  const std::vector<std::string> words = SplitQuoted(text, escape);
  if (words.empty()) return absl::OkStatus();
  const bool argument = keyword.kind == Kind::kArg;
  if (!argument && !absl::StrContains(words[0], "=")) {
    // The form of old: one name, the rest of the line is its value.
    const size_t blank = text.find_first_of(" \t");
    if (blank == absl::string_view::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat(base::Quoted(text), " has no value; write ", keyword.name, " NAME=value"));
    }
    out.pairs.push_back({std::string(text.substr(0, blank)),
                         std::string(absl::StripLeadingAsciiWhitespace(text.substr(blank)))});
    return absl::OkStatus();
  }
  for (const std::string& word : words) {
    const size_t equals = word.find('=');
    if (equals == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat("no name before the = of ", base::Quoted(word)));
    }
    if (equals == std::string::npos) {
      if (!argument) {
        return absl::InvalidArgumentError(
            absl::StrCat(base::Quoted(word), " has no =; write NAME=value for each, and quote ",
                         "values with blanks"));
      }
      out.pairs.push_back({word, std::nullopt});
      continue;
    }
    out.pairs.push_back({word.substr(0, equals), word.substr(equals + 1)});
  }
  return absl::OkStatus();
}

// A JSON list, or else what `form` makes of the text.
absl::Status ReadWords(Form form, absl::string_view text, Instruction& out) {
  if (text.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::optional<std::vector<std::string>> list, ReadList(text));
  if (list.has_value()) {
    out.json = true;
    for (std::string& word : *list) out.words.push_back(std::move(word));
  } else if (form == Form::kWords) {
    out.words = SplitBlanks(text);
  } else {
    out.words.emplace_back(text);
  }
  return absl::OkStatus();
}

absl::Status ReadHealth(absl::string_view text, Instruction& out) {
  const size_t blank = std::min(text.find_first_of(" \t"), text.size());
  const std::string type = absl::AsciiStrToUpper(text.substr(0, blank));
  const absl::string_view rest = absl::StripLeadingAsciiWhitespace(text.substr(blank));
  if (type != "CMD" && type != "NONE") {
    return absl::InvalidArgumentError(absl::StrCat("HEALTHCHECK is followed by ",
                                                   base::Quoted(text.substr(0, blank)),
                                                   "; write HEALTHCHECK CMD or HEALTHCHECK NONE"));
  }
  out.words.push_back(type);
  if (type == "NONE") {
    if (rest.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("HEALTHCHECK NONE takes nothing more");
  }
  RETURN_IF_ERROR(ReadWords(Form::kCommand, rest, out));
  if (out.words.size() > 1) return absl::OkStatus();
  return absl::InvalidArgumentError("HEALTHCHECK CMD has no command");
}

absl::Status ReadTrigger(absl::string_view text, char escape, Instruction& out) {
  ASSIGN_OR_RETURN(Instruction trigger, ParseInstruction(text, escape));
  for (const Kind kind : {Kind::kOnbuild, Kind::kFrom, Kind::kMaintainer}) {
    if (trigger.kind == kind) {
      return absl::InvalidArgumentError(
          absl::StrCat("ONBUILD ", KeywordOf(kind), " is not allowed: the trigger is one ",
                       "instruction for the stages that build on this image"));
    }
  }
  out.trigger.push_back(std::move(trigger));
  return absl::OkStatus();
}

// Counts of words, where there are rules.
absl::Status CheckWords(const Keyword& keyword, const Instruction& in) {
  const size_t count = in.words.size() + in.pairs.size() + in.trigger.size();
  if (count < keyword.least_words) {
    return absl::InvalidArgumentError(absl::StrCat(keyword.name, " has ",
                                                   count == 0 ? "nothing" : "only one word",
                                                   " after it; write ", keyword.example));
  }
  if (keyword.kind == Kind::kShell && !in.json) {
    return absl::InvalidArgumentError("SHELL takes a JSON list: SHELL [\"/bin/bash\", \"-c\"]");
  }
  if (keyword.kind == Kind::kVolume) {
    for (const std::string& word : in.words) {
      if (word.empty()) return absl::InvalidArgumentError("VOLUME has an empty path");
    }
  }
  if (keyword.kind != Kind::kFrom) return absl::OkStatus();
  const bool named = in.words.size() == 3 && absl::EqualsIgnoreCase(in.words[1], "as");
  if (in.json || (in.words.size() != 1 && !named)) {
    return absl::InvalidArgumentError(absl::StrCat("FROM has ", in.words.size(),
                                                   " words after it; write FROM IMAGE or FROM ",
                                                   "IMAGE AS NAME"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::string_view KeywordOf(Instruction::Kind kind) {
  for (const Keyword& keyword : kKeywords) {
    if (keyword.kind == kind) return keyword.name;
  }
  return "";
}

absl::string_view Instruction::keyword() const { return KeywordOf(kind); }

const Flag* Instruction::FindFlag(absl::string_view name) const {
  for (const Flag& flag : flags) {
    if (flag.name == name) return &flag;
  }
  return nullptr;
}

absl::StatusOr<Instruction> ParseInstruction(absl::string_view line, char escape) {
  line = absl::StripAsciiWhitespace(line);
  const size_t blank = std::min(line.find_first_of(" \t\r\n\v\f"), line.size());
  ASSIGN_OR_RETURN(const Keyword* const keyword, FindKeyword(line.substr(0, blank)));
  Instruction out;
  out.kind = keyword->kind;
  out.rest = std::string(absl::StripLeadingAsciiWhitespace(line.substr(blank)));
  const auto [flags, rest] = SplitFlags(out.rest);
  const absl::string_view text = absl::StripTrailingAsciiWhitespace(rest);
  RETURN_IF_ERROR(ReadFlags(*keyword, flags, out));
  switch (keyword->form) {
    case Form::kPairs:
      RETURN_IF_ERROR(ReadPairs(*keyword, text, escape, out));
      break;
    case Form::kHealth:
      if (!text.empty()) RETURN_IF_ERROR(ReadHealth(text, out));
      break;
    case Form::kOnbuild:
      if (!text.empty()) RETURN_IF_ERROR(ReadTrigger(text, escape, out), "ONBUILD");
      break;
    case Form::kText:
      if (!text.empty()) out.words.emplace_back(text);
      break;
    case Form::kCommand:
    case Form::kWords:
      RETURN_IF_ERROR(ReadWords(keyword->form, text, out));
      break;
  }
  RETURN_IF_ERROR(CheckWords(*keyword, out));
  return out;
}

}  // namespace stevedore::worker::dockerfile
