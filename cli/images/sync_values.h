// Values in files for `sync`, read with the errors that belong to them.

#ifndef STEVEDORE_CLI_IMAGES_SYNC_VALUES_H_
#define STEVEDORE_CLI_IMAGES_SYNC_VALUES_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "graph/findings.h"
#include "graph/yaml_document.h"
#include "oci/image/digest.h"
#include "oci/image/platform.h"
#include "transfer/endpoint.h"
#include "transfer/tag_rules.h"

namespace stevedore::cli {

// Reads values; what is wrong goes to the findings, with its place, and is left out of the result.
// `what` names the key in messages: "`tags`". Not thread-safe.
class SyncValues {
 public:
  // `findings` must outlive this.
  explicit SyncValues(graph::Findings* findings) : findings_(*findings) {}

  // A whole number from 1 to `most`.
  std::optional<int> Count(const graph::YamlNode& node, const std::string& what, int most);
  // A number of bytes: 500000, 800KiB, 20MiB, 1GiB; KB, MB, GB are powers of 1000.
  std::optional<double> Bytes(const graph::YamlNode& node, const std::string& what);
  // A number above 0.
  std::optional<double> Rate(const graph::YamlNode& node, const std::string& what);

  // Each: a list, or one text.
  std::vector<std::string> Tags(const graph::YamlNode& node, const std::string& what);
  std::vector<oci::Digest> Digests(const graph::YamlNode& node, const std::string& what);
  std::vector<oci::Platform> Platforms(const graph::YamlNode& node, const std::string& what);
  std::vector<transfer::TagPattern> Patterns(const graph::YamlNode& node, const std::string& what,
                                             bool whole);
  std::vector<transfer::VersionRange> Versions(const graph::YamlNode& node,
                                               const std::string& what);

  // What may stand at the end of a tag.
  std::string TagSuffix(const graph::YamlNode& node);
  // A place for a repository's images, without tag or digest.
  std::optional<transfer::Endpoint> Repository(const graph::YamlNode& node,
                                               const std::string& what);
  // Reports kinds of places that cannot take one image after the other.
  void CheckWritable(const graph::YamlNode& node, const transfer::Endpoint& destination);

 private:
  graph::Findings& findings_;
};

// A place for a repository's images ("docker://host/shop/web", "host/shop/web", "oci:folder").
// INVALID_ARGUMENT if `text` is no endpoint, or has a tag or a digest. Thread-safe.
absl::StatusOr<transfer::Endpoint> ParseRepository(absl::string_view text);

// INVALID_ARGUMENT if images cannot be put one after the other to `destination`. Thread-safe.
absl::Status CheckMirrorDestination(const transfer::Endpoint& destination);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_SYNC_VALUES_H_
