// What a result depends on, as named parts: equal parts, equal key, no need to build.

#ifndef STEVEDORE_GRAPH_BUILD_KEY_H_
#define STEVEDORE_GRAPH_BUILD_KEY_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace stevedore::graph {

// Collects everything that decides the bytes of one image on one platform. Tags are never among it.
// A value; not thread-safe.
class BuildKeyInputs {
 public:
  // Target repository without tag: results are pushed there. "registry/namespace/name".
  void SetRepository(absl::string_view repository);
  // Driver and everything about it that changes bytes: version, codec identity.
  void SetDriver(absl::string_view driver, absl::string_view identity);
  // "os/arch[/variant]".
  void SetPlatform(absl::string_view platform);
  // Options as a JSON object: each top-level member becomes a part. INVALID_ARGUMENT if it is not
  // an object.
  absl::Status SetOptions(absl::string_view options_json);
  // All but those that `volatile_names` (ResolvedImage::volatile_names) lists.
  void SetArguments(const std::map<std::string, std::string>& arguments,
                    absl::Span<const std::string> volatile_names = {});
  void SetLabels(const std::map<std::string, std::string>& labels,
                 absl::Span<const std::string> volatile_names = {});
  // The same from pairs of any map, e.g. a protobuf one.
  void AddArgument(absl::string_view name, absl::string_view value);
  void AddLabel(absl::string_view name, absl::string_view value);
  // In the order of the definition: id, and the digest of its manifest for this platform.
  void AddParent(absl::string_view id, absl::string_view manifest_digest);
  // In merge order: path as the user wrote it (only for DescribeChanges: it is not in the key), and
  // tree digest (or git tree id).
  void AddContext(absl::string_view path, absl::string_view tree_digest);
  void SetSourceDateEpoch(int64_t seconds);

  // SHA-256 over all parts in a spelling that no two different inputs share: 64 lower-case hex
  // digits. Independent of the order of calls, but for parents and contexts.
  std::string Key() const;

  // One line of JSON for storing beside a result, long values shortened to their digest.
  std::string Serialize() const;
  // The inverse, good for DescribeChanges (not for Key). INVALID_ARGUMENT for anything else.
  static absl::StatusOr<BuildKeyInputs> Parse(absl::string_view serialized);

 private:
  friend std::vector<std::string> DescribeChanges(const BuildKeyInputs* before,
                                                  const BuildKeyInputs& now);
  struct Part {
    std::string value;
    std::string shown_name;  // For messages, when it is not the map's key.
    int position = 0;        // Of parents and contexts.
  };
  void Add(std::string name, absl::string_view value);

  // By part name: "repository", "option layers", "arg VERSION", "parent base:2.4", "context 0".
  std::map<std::string, Part> parts_;
  int parent_count_ = 0;
  int context_count_ = 0;
};

// Why an image is built now that was built from `before` the last time (null: never): one text per
// cause, parents first, such as `parent base:2.4 sha256:3f0e1c2d -> sha256:9a41bb07`, `context
// services/web`, `arg VERSION`, `label team`, `option layers`, `new`. Empty if nothing differs.
std::vector<std::string> DescribeChanges(const BuildKeyInputs* before, const BuildKeyInputs& now);

// True if `volatile_names` lists argument (`kind` "arg") or label ("label") `name`.
bool IsVolatile(absl::Span<const std::string> volatile_names, absl::string_view kind,
                absl::string_view name);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_BUILD_KEY_H_
