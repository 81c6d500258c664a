#include "bench/scheduler/graph_file.h"

#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace stevedore::bench {

absl::StatusOr<coordinator::Submission> SubmissionOfGraph(
    absl::string_view text, const std::vector<std::string>& platforms,
    absl::FunctionRef<bool(absl::string_view node)> keep) {
  std::vector<std::pair<absl::string_view, absl::string_view>> lines;
  std::set<absl::string_view> nodes;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (line[0] == '#') continue;
    const size_t tab = line.find('\t');
    if (tab == absl::string_view::npos) {
      return absl::InvalidArgumentError(absl::StrCat("graph: no tab in line `", line, "`"));
    }
    const absl::string_view node = line.substr(0, tab);
    if (!keep(node)) continue;
    lines.emplace_back(node, line.substr(tab + 1));
    nodes.insert(node);
  }
  coordinator::Submission submission;
  for (const auto& [node, parents] : lines) {
    v1::Image& image = submission.images.emplace_back();
    image.set_id(absl::StrCat(node, ":1"));
    image.set_reference(absl::StrCat("registry.example/", node, ":1"));
    image.set_driver("sleep");
    image.set_options_json(R"({"duration":"0s"})");
    for (const std::string& platform : platforms) image.add_platforms(platform);
    for (const absl::string_view parent : absl::StrSplit(parents, ',', absl::SkipEmpty())) {
      if (nodes.contains(parent)) image.add_parents(absl::StrCat(parent, ":1"));
    }
  }
  return submission;
}

}  // namespace stevedore::bench
