#include "worker/drivers/dockerfile_references.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace stevedore::worker {
namespace {

using Arguments = std::map<std::string, std::string>;

// A word of an instruction and where it is.
struct Word {
  size_t offset = 0;
  std::string text;
};

// An instruction's words, continuation lines joined.
struct Instruction {
  std::vector<Word> words;
};

char EscapeOf(absl::string_view dockerfile) {
  for (absl::string_view line : absl::StrSplit(dockerfile, '\n')) {
    line = absl::StripAsciiWhitespace(line);
    if (!absl::ConsumePrefix(&line, "#")) break;
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    if (absl::AsciiStrToLower(absl::StripAsciiWhitespace(parts.first)) == "escape") {
      return absl::StripAsciiWhitespace(parts.second) == "`" ? '`' : '\\';
    }
  }
  return '\\';
}

// Adds the words of `line`, which begins at `offset`.
void AddWords(absl::string_view line, size_t offset, std::vector<Word>* words) {
  size_t i = 0;
  while (i < line.size()) {
    if (absl::ascii_isspace(static_cast<unsigned char>(line[i]))) {
      ++i;
      continue;
    }
    const size_t start = i;
    while (i < line.size() && !absl::ascii_isspace(static_cast<unsigned char>(line[i]))) ++i;
    words->push_back({offset + start, std::string(line.substr(start, i - start))});
  }
}

std::vector<Instruction> Split(absl::string_view dockerfile) {
  const char escape = EscapeOf(dockerfile);
  std::vector<Instruction> instructions;
  bool continued = false;
  size_t offset = 0;
  for (const absl::string_view whole : absl::StrSplit(dockerfile, '\n')) {
    absl::string_view line = absl::StripTrailingAsciiWhitespace(whole);
    const absl::string_view bare = absl::StripLeadingAsciiWhitespace(line);
    // Comments and empty lines do not end a continued instruction.
    if (!bare.empty() && bare[0] != '#') {
      const bool more = line.back() == escape;
      if (more) line.remove_suffix(1);
      if (!continued) instructions.emplace_back();
      AddWords(line, offset, &instructions.back().words);
      continued = more;
    }
    offset += whole.size() + 1;
  }
  return instructions;
}

std::string Expand(absl::string_view text, const Arguments& known);

// The value of what stands between the braces of "${...}".
std::string ExpandBraces(absl::string_view inside, const Arguments& known) {
  const size_t end = inside.find(':');
  const auto found = known.find(std::string(inside.substr(0, std::min(end, inside.size()))));
  const std::string value = found == known.end() ? "" : found->second;
  if (end == absl::string_view::npos || end + 1 >= inside.size()) return value;
  const absl::string_view word = inside.substr(end + 2);
  switch (inside[end + 1]) {
    case '-':
      return value.empty() ? Expand(word, known) : value;
    case '+':
      return value.empty() ? "" : Expand(word, known);
    default:
      return value;
  }
}

std::string Expand(absl::string_view text, const Arguments& known) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '"' || text[i] == '\'') continue;
    if (text[i] != '$' || i + 1 == text.size()) {
      out += text[i];
      continue;
    }
    size_t end = i + 1;
    if (text[end] == '{') {
      int depth = 0;
      do {
        if (text[end] == '{') ++depth;
        if (text[end] == '}') --depth;
        ++end;
      } while (end < text.size() && depth > 0);
      const size_t inside_size = depth == 0 ? end - i - 3 : end - i - 2;
      out += ExpandBraces(text.substr(i + 2, inside_size), known);
    } else {
      while (end < text.size() &&
             (absl::ascii_isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_')) {
        ++end;
      }
      const auto found = known.find(std::string(text.substr(i + 1, end - i - 1)));
      if (found != known.end()) out += found->second;
    }
    i = end - 1;
  }
  return out;
}

// Walks the instructions of one Dockerfile.
class Finder {
 public:
  explicit Finder(const Arguments& given) : given_(given) {}

  std::vector<DockerfileReference> Find(absl::string_view dockerfile) {
    for (const Instruction& instruction : Split(dockerfile)) {
      if (instruction.words.empty()) continue;
      const std::string name = absl::AsciiStrToUpper(instruction.words[0].text);
      if (name == "ARG" && stages_ == 0) TakeArguments(instruction);
      if (name == "FROM") TakeFrom(instruction);
      if (name == "COPY" || name == "ADD" || name == "RUN") TakeFlags(instruction);
    }
    return std::move(found_);
  }

 private:
  void TakeArguments(const Instruction& instruction) {
    for (size_t i = 1; i < instruction.words.size(); ++i) {
      const std::pair<std::string, std::string> parts =
          absl::StrSplit(instruction.words[i].text, absl::MaxSplits('=', 1));
      const auto given = given_.find(parts.first);
      known_[parts.first] = given != given_.end() ? given->second : Expand(parts.second, known_);
    }
  }

  void TakeFrom(const Instruction& instruction) {
    size_t i = 1;
    while (i < instruction.words.size() && absl::StartsWith(instruction.words[i].text, "--")) ++i;
    if (i < instruction.words.size()) Add(instruction.words[i].offset, instruction.words[i].text);
    ++stages_;
    if (i + 2 < instruction.words.size() &&
        absl::EqualsIgnoreCase(instruction.words[i + 1].text, "AS")) {
      stage_names_.push_back(absl::AsciiStrToLower(instruction.words[i + 2].text));
    }
  }

  void TakeFlags(const Instruction& instruction) {
    for (size_t i = 1; i < instruction.words.size(); ++i) {
      const Word& word = instruction.words[i];
      if (!absl::StartsWith(word.text, "--")) return;
      size_t at = std::string::npos;
      if (absl::StartsWith(word.text, "--from=")) at = sizeof("--from=") - 1;
      if (absl::StartsWith(word.text, "--mount=")) {
        at = word.text.find("from=");
        if (at != std::string::npos) at += sizeof("from=") - 1;
      }
      if (at == std::string::npos) continue;
      const size_t end = std::min(word.text.find(',', at), word.text.size());
      Add(word.offset + at, word.text.substr(at, end - at));
    }
  }

  void Add(size_t offset, std::string text) {
    std::string image = Expand(text, known_);
    uint32_t number = 0;
    const bool stage = std::find(stage_names_.begin(), stage_names_.end(),
                                 absl::AsciiStrToLower(image)) != stage_names_.end() ||
                       absl::SimpleAtoi(image, &number);
    if (image.empty() || image == "scratch" || stage) return;
    found_.push_back({offset, std::move(text), std::move(image)});
  }

  const Arguments& given_;
  Arguments known_;  // Those before the first FROM: no others count in FROM.
  int stages_ = 0;
  std::vector<std::string> stage_names_;
  std::vector<DockerfileReference> found_;
};

}  // namespace

std::vector<DockerfileReference> FindReferences(absl::string_view dockerfile,
                                                const Arguments& arguments) {
  return Finder(arguments).Find(dockerfile);
}

std::string ReplaceReferences(absl::string_view dockerfile,
                              const std::vector<DockerfileReference>& references,
                              const Arguments& replacement) {
  std::string out;
  size_t copied = 0;
  for (const DockerfileReference& reference : references) {
    const auto found = replacement.find(reference.image);
    if (found == replacement.end()) continue;
    out.append(dockerfile.data() + copied, reference.offset - copied);
    out += found->second;
    copied = reference.offset + reference.text.size();
  }
  out.append(dockerfile.data() + copied, dockerfile.size() - copied);
  return out;
}

}  // namespace stevedore::worker
