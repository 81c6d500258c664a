#include "graph/resolved_image.h"

namespace stevedore::graph {

std::string ContextName(const ContextSpec& context) {
  if (!context.git.has_value()) {
    return context.resolved_path.empty() ? context.path : context.resolved_path;
  }
  const GitContext& git = *context.git;
  std::string name = git.repository;
  const size_t slashes = name.find("://");
  const bool ssh = name.compare(0, 3, "ssh") == 0 || name.compare(0, 7, "git+ssh") == 0;
  if (slashes != std::string::npos) {
    const size_t begin = slashes + 3;
    const size_t end = name.find('/', begin);
    const size_t at = name.rfind('@', end);
    if (at != std::string::npos && at >= begin) {
      const size_t colon = name.find(':', begin);
      if (!ssh) {
        name.erase(begin, at + 1 - begin);
      } else if (colon < at) {
        name.erase(colon, at - colon);  // The user is part of an ssh address, a password is not.
      }
    }
  }
  if (!git.reference.empty() || !git.path.empty()) name += "#" + git.reference;
  if (!git.path.empty()) name += ":" + git.path;
  return name;
}

}  // namespace stevedore::graph
