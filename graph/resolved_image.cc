#include "graph/resolved_image.h"

namespace stevedore::graph {

std::string ShownRepository(const std::string& repository) {
  std::string name = repository;
  const size_t slashes = name.find("://");
  if (slashes == std::string::npos) return name;
  const size_t begin = slashes + 3;
  const size_t at = name.rfind('@', name.find('/', begin));
  if (at == std::string::npos || at < begin) return name;
  const bool ssh = name.substr(0, slashes).find("ssh") != std::string::npos;
  if (!ssh) return name.erase(begin, at + 1 - begin);
  // The user is part of an ssh address, a password is not.
  const size_t colon = name.find(':', begin);
  return colon < at ? name.erase(colon, at - colon) : name;
}

std::string ContextName(const ContextSpec& context) {
  if (!context.git.has_value()) {
    return context.resolved_path.empty() ? context.path : context.resolved_path;
  }
  const GitContext& git = *context.git;
  std::string name = ShownRepository(git.repository);
  if (!git.reference.empty() || !git.path.empty()) name += "#" + git.reference;
  if (!git.path.empty()) name += ":" + git.path;
  return name;
}

}  // namespace stevedore::graph
