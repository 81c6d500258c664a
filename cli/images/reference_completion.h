// What could stand where somebody types the name of an image.

#ifndef STEVEDORE_CLI_IMAGES_REFERENCE_COMPLETION_H_
#define STEVEDORE_CLI_IMAGES_REFERENCE_COMPLETION_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "oci/image/reference.h"

namespace stevedore::cli {

// Who knows what there is.
struct ReferenceKnowledge {
  std::function<absl::StatusOr<std::vector<std::string>>(const oci::Reference& repository)> tags;
  std::function<absl::StatusOr<std::vector<std::string>>(const std::string& registry)> repositories;
};

// References that begin with `word`, sorted: with tags once `word` has a colon behind its last
// slash ("localhost:5000/shop/web:1"), else repositories of its registry ("localhost:5000/sh"). The
// prefix `docker://` is kept. Nothing for other places, for what is none, and when nobody answers.
// Thread-safe.
std::vector<std::string> CompleteReference(absl::string_view word,
                                           const ReferenceKnowledge& knowledge);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_REFERENCE_COMPLETION_H_
