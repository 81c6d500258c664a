// Git contexts of a selection.

#ifndef STEVEDORE_CLI_GIT_READER_H_
#define STEVEDORE_CLI_GIT_READER_H_

#include <map>
#include <memory>
#include <stop_token>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "cli/contexts.h"
#include "context/git_mirrors.h"
#include "graph/resolved_image.h"

namespace stevedore::cli {

// Resolves references and reads commits. A reference is resolved once, so that all contexts of one
// command see the same commit of it. Thread-safe.
class GitReader {
 public:
  GitReader(const ContextSources& sources, std::stop_token stop)
      : sources_(sources), stop_(std::move(stop)) {}

  // The tree of `spec`, which has `git`, for image `image_id`. Errors as GitMirrors::Resolve and
  // OpenTree; INVALID_ARGUMENT for URLs that are none.
  absl::StatusOr<ContextTree> Read(const graph::ContextSpec& spec, const std::string& image_id)
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // A reference that somebody resolves or has resolved.
  struct Resolution {
    bool done = false;
    absl::StatusOr<std::string> commit = "";
  };

  absl::StatusOr<context::GitMirrors*> Mirrors() ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::string> Resolve(context::GitMirrors& mirrors, const context::GitPlace& place,
                                      const std::string& reference) ABSL_LOCKS_EXCLUDED(mu_);

  const ContextSources& sources_;
  const std::stop_token stop_;
  base::Mutex mu_;
  base::CondVar resolved_;
  std::unique_ptr<context::GitMirrors> mirrors_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, Resolution> commits_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_GIT_READER_H_
