#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <memory>
#include <set>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status.h"
#include "graph/finding_codes.h"
#include "graph/lint_rules.h"

namespace stevedore::graph {
namespace {

// A context with more entries is looked at up to here: lint is to answer at once.
constexpr int kMaxEntries = 20'000;

// What one walk found.
struct Links {
  int count = 0;
  std::string first;  // Smallest path below the context.
  std::string target;
};

std::string TargetOf(const std::string& path) {
  std::array<char, 4096> target;
  const ssize_t size = readlink(path.c_str(), target.data(), target.size());
  return size < 0 ? "" : std::string(target.data(), size);
}

Links FindLinks(const std::string& root) {
  Links links;
  int entries = 0;
  std::deque<std::string> folders = {""};
  while (!folders.empty() && entries < kMaxEntries) {
    const std::string folder = folders.front();
    folders.pop_front();
    const std::unique_ptr<DIR, int (*)(DIR*)> handle(opendir(base::JoinPath(root, folder).c_str()),
                                                     closedir);
    if (handle == nullptr) continue;
    while (const dirent* entry = readdir(handle.get())) {
      const std::string name = entry->d_name;
      if (name == "." || name == ".." || name == ".git") continue;
      ++entries;
      const std::string path = folder.empty() ? name : absl::StrCat(folder, "/", name);
      if (entry->d_type == DT_DIR) folders.push_back(path);
      if (entry->d_type != DT_LNK) continue;
      if (links.count++ > 0 && links.first < path) continue;
      links.first = path;
      links.target = TargetOf(base::JoinPath(root, path));
    }
  }
  return links;
}

void LintFolder(const ContextSpec& context, LintReport* report) {
  const std::string& root = context.resolved_path;
  if (const Links links = FindLinks(root); links.count > 0) {
    report->Add(context.where, codes::kContextLink,
                absl::StrCat(base::Quoted(root), " has ", links.count,
                             links.count == 1 ? " symbolic link (" : " symbolic links (",
                             links.first, " -> ", links.target,
                             "): gostevedore copies what a link points to, here it stays a link; "
                             "put the file itself there if the image needs a copy"));
  }
  if (base::Exists(base::JoinPath(root, ".dockerignore"))) {
    report->Add(context.where, codes::kIgnoreFile,
                absl::StrCat(base::Quoted(base::JoinPath(root, ".dockerignore")),
                             " means nothing to gostevedore; here it is obeyed; look whether the "
                             "Dockerfile needs what it leaves out"));
  }
}

}  // namespace

void LintContexts(const Catalog::Content& content, LintReport* report) {
  std::set<std::string> seen;
  for (const auto& builder : content.builders) {
    for (const ContextSpec& context : builder->contexts) {
      if (!context.path.empty() && seen.insert(context.resolved_path).second) {
        LintFolder(context, report);
      }
    }
  }
}

}  // namespace stevedore::graph
