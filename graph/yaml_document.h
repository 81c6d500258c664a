// YAML as users write it: a tree in which every value knows its place and its raw text.

#ifndef STEVEDORE_GRAPH_YAML_DOCUMENT_H_
#define STEVEDORE_GRAPH_YAML_DOCUMENT_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/source_location.h"

namespace stevedore::graph {

// One value of a document. Belongs to it; an alias is the node that it names, so a tree may share
// parts, but never goes in a circle. Immutable after parsing.
class YamlNode {
 public:
  enum class Kind : uint8_t { kNull, kScalar, kList, kMap };
  // Key and value. Keys are scalars.
  using Entry = std::pair<const YamlNode*, const YamlNode*>;

  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_scalar() const { return kind_ == Kind::kScalar; }
  bool is_list() const { return kind_ == Kind::kList; }
  bool is_map() const { return kind_ == Kind::kMap; }
  // A scalar without quotes: may mean a number or true or false.
  bool is_plain() const { return plain_; }
  // The text of a scalar as in the file: an unquoted 1.10 stays "1.10".
  const std::string& text() const { return text_; }
  // In the order of the file; keys that came through `<<` after the others. Each key once.
  const std::vector<Entry>& entries() const { return entries_; }
  const std::vector<const YamlNode*>& items() const { return items_; }
  // The value of `key` in a map; null if there is none.
  const YamlNode* Find(absl::string_view key) const;
  // Where it begins.
  SourceLocation where() const { return {*file_, line_, column_}; }
  // "a list", "a map", "`text`", ... for messages.
  std::string Describe() const;
  // INVALID_ARGUMENT "file:line:column: `what`".
  absl::Status Error(absl::string_view what) const;

 private:
  friend class YamlReader;
  Kind kind_ = Kind::kNull;
  bool plain_ = false;
  bool open_ = false;  // While its end was not read.
  int line_ = 0;
  int column_ = 0;
  uint64_t expanded_size_ = 1;         // Nodes below, shared ones as often as they are named.
  const std::string* file_ = nullptr;  // Of the document.
  std::string text_;
  std::vector<Entry> entries_;
  std::vector<const YamlNode*> items_;
};

// A parsed file. Owns its nodes. Immutable: thread-safe.
class YamlDocument {
 public:
  // Larger files are refused.
  static constexpr size_t kMaxBytes = 64 << 20;
  // Deeper nesting is refused: code that walks a document recurses.
  static constexpr int kMaxDepth = 64;

  // INVALID_ARGUMENT "file:line:column: what was found; what to do" for text that is not YAML,
  // duplicate keys, keys that are no scalars, unknown anchors, aliases inside themselves, aliases
  // that blow up beyond reason, and more than one document.
  static absl::StatusOr<std::unique_ptr<YamlDocument>> Parse(std::string file,
                                                             absl::string_view text);

  // Null for a file without content.
  const YamlNode* root() const { return root_; }

 private:
  friend class YamlReader;
  explicit YamlDocument(std::string file) : file_(std::move(file)) {}
  const std::string file_;
  std::deque<YamlNode> nodes_;
  const YamlNode* root_ = nullptr;
};

// INVALID_ARGUMENT "file:line:column: `what`".
absl::Status ErrorAt(const SourceLocation& where, absl::string_view what);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_YAML_DOCUMENT_H_
