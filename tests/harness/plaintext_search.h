// Looks for texts in everything that programs left behind.

#ifndef STEVEDORE_TESTS_HARNESS_PLAINTEXT_SEARCH_H_
#define STEVEDORE_TESTS_HARNESS_PLAINTEXT_SEARCH_H_

#include <map>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace stevedore::testing {

// Hay: files, outputs, command lines; compressed files are searched inside as well. Needles are
// found as they are, in hex, and inside of base64 wherever they begin in it (as passwords do in
// logins). Not thread-safe.
class PlaintextSearch {
 public:
  // Adds a text under a name: what a process said.
  void AddText(const std::string& name, const std::string& text);
  // Adds every file below `directory`.
  void AddFiles(const std::string& directory);
  // Adds the command lines of all processes of this machine, as they are now.
  void AddCommandLines();

  // Where `needle` is: names of texts and paths of files, sorted, each once. "path (inside)" is the
  // decompressed content.
  std::vector<std::string> Find(absl::string_view needle) const;
  // How many texts and files there are.
  size_t size() const { return hay_.size(); }

 private:
  std::map<std::string, std::string> hay_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_HARNESS_PLAINTEXT_SEARCH_H_
