#include "cli/images/reference_completion.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace stevedore::cli {
namespace {

// A shell shows no more than that anyway.
constexpr size_t kCandidateLimit = 2000;

void Add(const std::string& prefix, absl::string_view word,
         const absl::StatusOr<std::vector<std::string>>& names, std::vector<std::string>* found) {
  if (!names.ok()) return;
  for (const std::string& name : *names) {
    if (found->size() == kCandidateLimit) return;
    std::string candidate = absl::StrCat(prefix, name);
    // What a shell would take for something else is no name of an image either.
    const bool plain = std::all_of(name.begin(), name.end(), [](char c) {
      return absl::ascii_isalnum(c) || absl::StrContains("._-/", c);
    });
    if (plain && absl::StartsWith(candidate, word)) found->push_back(std::move(candidate));
  }
}

}  // namespace

std::vector<std::string> CompleteReference(absl::string_view word,
                                           const ReferenceKnowledge& knowledge) {
  std::vector<std::string> found;
  const absl::string_view whole = word;
  absl::ConsumePrefix(&word, "docker://");
  const std::string scheme(whole.substr(0, whole.size() - word.size()));
  const size_t slash = word.rfind('/');
  const size_t colon = word.rfind(':');
  const bool has_tag =
      colon != absl::string_view::npos && (slash == absl::string_view::npos || colon > slash);
  if (has_tag && !absl::StrContains(word, '@')) {
    const absl::string_view name = word.substr(0, colon);
    const auto repository = oci::Reference::Parse(name);
    if (repository.ok()) {
      Add(absl::StrCat(scheme, name, ":"), whole, knowledge.tags(*repository), &found);
    }
  } else if (slash != absl::string_view::npos) {
    const std::string registry(word.substr(0, word.find('/')));
    // Without dot, colon or that name it is a part of a repository of Docker Hub.
    const bool is_host = registry == "localhost" || absl::StrContains(registry, '.') ||
                         absl::StrContains(registry, ':');
    if (is_host && oci::CheckRegistry(registry).ok()) {
      Add(absl::StrCat(scheme, registry, "/"), whole, knowledge.repositories(registry), &found);
    }
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace stevedore::cli
