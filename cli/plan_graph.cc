#include "cli/plan_graph.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using Task = v1::PlanBuildResponse::Task;

// A label with all causes would hide the picture.
constexpr size_t kShownCauses = 3;
constexpr size_t kShownCauseBytes = 80;

// What becomes of one image; of several platforms the one with most work counts.
enum class Fate { kOutside, kSkip, kReuse, kPerhaps, kBuild };

struct Style {
  const char* name;  // Of the Mermaid class.
  const char* words;
  const char* colour;
};

Style StyleOf(Fate fate) {
  switch (fate) {
    case Fate::kOutside:
      return {"outside", "not built here", "#ffffff"};
    case Fate::kSkip:
      return {"skip", "skip", "#eeeeee"};
    case Fate::kReuse:
      return {"reuse", "reuse", "#d5f5d5"};
    case Fate::kPerhaps:
      return {"perhaps", "build if parent changes", "#fff3c4"};
    case Fate::kBuild:
      return {"build", "build", "#ffd0c4"};
  }
  return {"skip", "skip", "#eeeeee"};
}

Fate FateOf(Task::Action action) {
  switch (action) {
    case Task::ACTION_BUILD:
      return Fate::kBuild;
    case Task::ACTION_BUILD_IF_PARENT_CHANGES:
      return Fate::kPerhaps;
    case Task::ACTION_REUSE:
      return Fate::kReuse;
    default:
      return Fate::kSkip;
  }
}

struct Node {
  std::string id;
  Fate fate = Fate::kOutside;
  std::vector<std::string> causes;
};

// Images in order of the plan, then those that are skipped, outside parents where they are named;
// edges sorted.
class Picture {
 public:
  Picture(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings) {
    for (const Task& task : plan.tasks()) {
      Node& node = nodes[NumberOf(task.image_id())];
      node.fate = std::max(node.fate, FateOf(task.action()));
      for (const std::string& cause : task.causes()) AddCause(node, cause);
    }
    for (const std::string& id : surroundings.without_builder) Skip(id, "no builder");
    for (const std::string& id : surroundings.unchanged) {
      Skip(id, absl::StrCat("unchanged since ", surroundings.changed_since));
    }
    for (const Task& task : plan.tasks()) {
      for (const std::string& parent : task.parents()) {
        const size_t number = NumberOf(parent);
        edges.insert({number, NumberOf(task.image_id())});
      }
    }
  }

  std::vector<Node> nodes;
  std::set<std::pair<size_t, size_t>> edges;

 private:
  size_t NumberOf(const std::string& id) {
    const auto [found, is_new] = numbers_.try_emplace(id, nodes.size());
    if (is_new) nodes.push_back({id, Fate::kOutside, {}});
    return found->second;
  }

  void Skip(const std::string& id, const std::string& why) {
    Node& node = nodes[NumberOf(id)];
    node.fate = std::max(node.fate, Fate::kSkip);
    AddCause(node, why);
  }

  static void AddCause(Node& node, const std::string& cause) {
    if (std::find(node.causes.begin(), node.causes.end(), cause) == node.causes.end()) {
      node.causes.push_back(cause);
    }
  }

  std::map<std::string, size_t> numbers_;
};

// At most kShownCauseBytes, not cut inside a UTF-8 character.
std::string Short(const std::string& text) {
  if (text.size() <= kShownCauseBytes) return text;
  size_t end = kShownCauseBytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "...");
}

// What a node says below its id, a line each.
std::vector<std::string> LinesOf(const Node& node) {
  std::vector<std::string> lines = {StyleOf(node.fate).words};
  for (size_t i = 0; i < node.causes.size() && i < kShownCauses; ++i) {
    lines.push_back(Short(node.causes[i]));
  }
  if (node.causes.size() > kShownCauses) {
    lines.push_back(absl::StrCat("and ", node.causes.size() - kShownCauses, " more"));
  }
  return lines;
}

// Inside double quotes of DOT, where a backslash begins an escape and a line feed may stand.
std::string DotText(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += ' ';
    } else {
      out += c;
    }
  }
  return out;
}

// Inside double quotes of Mermaid, which knows entities and reads some of HTML and Markdown.
std::string MermaidText(absl::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool harmless = byte >= 0x80 || absl::StrContains(" .,:/-+@=()~", c) ||
                          (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
                          (c >= 'a' && c <= 'z');
    if (harmless) {
      out += c;
    } else {
      absl::StrAppend(&out, "#", static_cast<int>(byte < 0x20 ? ' ' : byte), ";");
    }
  }
  return out;
}

}  // namespace

std::string PlanDot(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings) {
  const Picture picture(plan, surroundings);
  std::string text =
      "digraph plan {\n  rankdir=LR;\n  node [shape=box, style=filled, fontname=sans];\n";
  for (const Node& node : picture.nodes) {
    std::string label = DotText(node.id);
    for (const std::string& line : LinesOf(node)) absl::StrAppend(&label, "\\n", DotText(line));
    absl::StrAppend(&text, "  \"", DotText(node.id), "\" [label=\"", label, "\", fillcolor=\"",
                    StyleOf(node.fate).colour, "\"",
                    node.fate == Fate::kOutside ? ", style=\"filled,dashed\"" : "", ", tooltip=\"",
                    DotText(absl::StrJoin(node.causes, "\n")), "\"];\n");
  }
  for (const auto& [parent, child] : picture.edges) {
    absl::StrAppend(&text, "  \"", DotText(picture.nodes[parent].id), "\" -> \"",
                    DotText(picture.nodes[child].id), "\";\n");
  }
  return absl::StrCat(text, "}\n");
}

std::string PlanMermaid(const v1::PlanBuildResponse& plan, const PlanSurroundings& surroundings) {
  const Picture picture(plan, surroundings);
  std::string text = "flowchart LR\n";
  for (size_t i = 0; i < picture.nodes.size(); ++i) {
    const Node& node = picture.nodes[i];
    std::string label = MermaidText(node.id);
    for (const std::string& line : LinesOf(node)) {
      absl::StrAppend(&label, "<br/>", MermaidText(line));
    }
    absl::StrAppend(&text, "  n", i, "[\"", label, "\"]:::", StyleOf(node.fate).name, "\n");
  }
  for (const auto& [parent, child] : picture.edges) {
    absl::StrAppend(&text, "  n", parent, " --> n", child, "\n");
  }
  for (const Fate fate :
       {Fate::kOutside, Fate::kSkip, Fate::kReuse, Fate::kPerhaps, Fate::kBuild}) {
    absl::StrAppend(&text, "  classDef ", StyleOf(fate).name, " fill:", StyleOf(fate).colour,
                    ",color:#000000", fate == Fate::kOutside ? ",stroke-dasharray:4" : "", "\n");
  }
  return text;
}

}  // namespace stevedore::cli
