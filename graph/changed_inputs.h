// What of a project differs from an earlier state of it, and which images that reaches.

#ifndef STEVEDORE_GRAPH_CHANGED_INPUTS_H_
#define STEVEDORE_GRAPH_CHANGED_INPUTS_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/image_instance.h"
#include "graph/resolved_image.h"

namespace stevedore::graph {

// One definitions file then and now. A value.
struct FileVersions {
  std::string path;                   // For messages.
  std::optional<std::string> before;  // Absent: it was not there.
  std::optional<std::string> after;
};

// Changes as the question "why would this image come out differently", without those of its
// parents. Thread-safe if `context_change` is.
struct ChangedInputs {
  // Why every image counts as changed; empty: not all do.
  std::string everything;
  // "NAME:VERSION" of definitions, and why.
  std::map<std::string, std::string> definitions;
  // Names of global builders, and why.
  std::map<std::string, std::string> builders;
  // Why a context counts as changed; nullopt: it does not. Unset: none does.
  std::function<std::optional<std::string>(const ContextSpec&)> context_change;

  // Why `image` counts as changed by itself; nullopt: it does not. What a playbook reads cannot be
  // told, so images of that driver always do.
  std::optional<std::string> CauseOf(const ImageInstance& image) const;
};

// Adds to `changes` the definitions and builders that differ in `files`: by content, whatever
// moved between files or within one, was reformatted or commented. What cannot be read as it was
// counts as changed in full. `by_folder`: paths in a file are relative to it, so moving a
// definition to another folder changes it.
void CompareDefinitions(const std::vector<FileVersions>& files, bool by_folder,
                        ChangedInputs* changes);

// True if the two states of a configuration file differ in anything that may change an image.
bool SettingsDiffer(const FileVersions& file);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_CHANGED_INPUTS_H_
