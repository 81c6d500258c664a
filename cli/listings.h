// What `get` shows of a project: images, builders and settings, for people and for programs.

#ifndef STEVEDORE_CLI_LISTINGS_H_
#define STEVEDORE_CLI_LISTINGS_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "graph/catalog.h"
#include "graph/configuration.h"

namespace stevedore::cli {

// Flags of `get images`. A value.
struct ImageListOptions {
  bool tree = false;
  // Attribute to value, all must match exactly.
  std::map<std::string, std::string> filters;
  // "table", "json", "yaml" or "names" (of definitions, once each, for completion).
  std::string output = "table";
  // References as docker completes them: docker.io/library/alpine:3.
  bool normalized_names = false;
};

// INVALID_ARGUMENT naming the attribute if images (builders) have no such one. Thread-safe.
absl::Status CheckImageFilters(const std::map<std::string, std::string>& filters);
absl::Status CheckBuilderFilters(const std::map<std::string, std::string>& filters);

// All images that match, sorted by name and version, or the tree of all. `options.filters` are
// checked. INVALID_ARGUMENT if a reference cannot be normalised. Thread-safe.
absl::StatusOr<std::string> ListImages(const graph::Catalog& catalog,
                                       const ImageListOptions& options);

// All builders that match, sorted by name, those written inside images too. `output` is "table",
// "json" or "yaml". Options are as defined, without inline secrets of git contexts. Thread-safe.
std::string ListBuilders(const graph::Catalog& catalog,
                         const std::map<std::string, std::string>& filters,
                         const std::string& output);

// The effective settings; the encryption key as `********` unless `show_secrets`. Thread-safe.
std::string ListConfiguration(const graph::Configuration& configuration, const std::string& output,
                              bool show_secrets);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_LISTINGS_H_
