// Text as BuildKit puts it into headers.

#ifndef STEVEDORE_WORKER_DRIVERS_BUILDKIT_HEADER_TEXT_H_
#define STEVEDORE_WORKER_DRIVERS_BUILDKIT_HEADER_TEXT_H_

#include <string>

#include "absl/strings/string_view.h"

namespace stevedore::worker {

// Undoes a URL query's escaping: "a%2Fb+c" is "a/b c". What is no valid escape stays as it is.
std::string QueryUnescape(absl::string_view text);

}  // namespace stevedore::worker

#endif  // STEVEDORE_WORKER_DRIVERS_BUILDKIT_HEADER_TEXT_H_
