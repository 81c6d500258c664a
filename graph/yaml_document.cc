#include "graph/yaml_document.h"

#include <algorithm>
#include <exception>
#include <istream>
#include <streambuf>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "graph/yaml_complaint.h"
#include "yaml-cpp/eventhandler.h"
#include "yaml-cpp/exceptions.h"
#include "yaml-cpp/parser.h"

namespace stevedore::graph {
namespace {

// Aliases may repeat parts of a document, but not make a small file an endless one.
constexpr uint64_t kMaxExpansion = 20;
constexpr uint64_t kFreeNodes = 1 << 20;

// Up to here comparing all pairs is cheaper than hashing.
constexpr size_t kFewKeys = 12;

// How an event handler leaves yaml-cpp early; caught in YamlDocument::Parse, nowhere else.
struct Stop {
  absl::Status status;
};

// Reads memory without copying it.
class ViewBuffer : public std::streambuf {
 public:
  explicit ViewBuffer(absl::string_view text) {
    char* begin = const_cast<char*>(text.data());
    setg(begin, begin, begin + text.size());
  }
};

}  // namespace

// Builds the tree from yaml-cpp's events.
class YamlReader : public YAML::EventHandler {
 public:
  YamlReader(YamlDocument* document, const YamlText& text)
      : document_(*document), file_(&document->file_), text_(text) {}

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (document_count_++ == 0) return;
    throw Stop{ErrorAt({*file_, mark.line + 1, mark.column + 1}, text_.SecondDocument(mark.line))};
  }
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode& node = Add(YamlNode::Kind::kNull, mark, anchor);
    node.plain_ = true;
    Place(&node);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    YamlNode* const node = anchors_[anchor];
    if (node->open_) {
      throw Stop{ErrorAt({*file_, mark.line + 1, mark.column + 1},
                         "this alias stands inside the value that it names, which would go on for "
                         "ever; name another anchor")};
    }
    Place(node);
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    YamlNode& node = Add(YamlNode::Kind::kScalar, mark, anchor);
    node.plain_ = tag == "?" || tag.empty();
    node.text_ = value;
    if (tag == "!") {
      // yaml-cpp takes the end of the file for the second quote.
      if (absl::Status status = text_.CheckQuoteCloses(mark.line, mark.column); !status.ok()) {
        throw Stop{node.Error(status.message())};
      }
    }
    Place(&node);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(Add(YamlNode::Kind::kList, mark, anchor));
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    if (!open_.empty() && open_.back().node->is_map() && open_.back().key == nullptr &&
        text_.HasTemplateAt(mark.line, mark.column)) {
      throw Stop{Add(YamlNode::Kind::kMap, mark, 0).Error(YamlText::kQuoteTemplate)};
    }
    Open(Add(YamlNode::Kind::kMap, mark, anchor));
  }
  void OnMapEnd() override {
    FinishMap(*open_.back().node);
    Close();
  }

 private:
  struct OpenNode {
    YamlNode* node;
    YamlNode* key;  // Of a map: read, its value not yet.
  };

  YamlNode& Add(YamlNode::Kind kind, const YAML::Mark& mark, YAML::anchor_t anchor) {
    YamlNode& node = document_.nodes_.emplace_back();
    node.kind_ = kind;
    node.line_ = mark.line + 1;
    node.column_ = mark.column + 1;
    node.file_ = file_;
    if (anchor != YAML::NullAnchor) anchors_[anchor] = &node;
    return node;
  }

  void Open(YamlNode& node) {
    node.open_ = true;
    if (open_.size() >= YamlDocument::kMaxDepth) {
      throw Stop{node.Error(absl::StrCat("more than ", YamlDocument::kMaxDepth,
                                         " levels of lists and maps; definitions need about ten"))};
    }
    open_.push_back({&node, nullptr});
  }

  void Close() {
    YamlNode* const node = open_.back().node;
    node->open_ = false;
    open_.pop_back();
    Place(node);
  }

  // Puts a finished node where it belongs.
  void Place(YamlNode* node) {
    if (open_.empty()) {
      document_.root_ = node;
      return;
    }
    OpenNode& parent = open_.back();
    Grow(*parent.node, *node);
    if (parent.node->is_list()) {
      parent.node->items_.push_back(node);
    } else if (parent.key == nullptr) {
      if (!node->is_scalar()) {
        throw Stop{node->Error(absl::StrCat("a key must be a text, found ", node->Describe(),
                                            text_.HasTemplateAt(node->line_ - 1, node->column_ - 1)
                                                ? absl::StrCat("; ", YamlText::kQuoteTemplate)
                                                : "; put it in quotes"))};
      }
      parent.key = node;
    } else {
      parent.node->entries_.push_back({parent.key, node});
      parent.key = nullptr;
    }
  }

  void Grow(YamlNode& parent, const YamlNode& child) {
    parent.expanded_size_ += child.expanded_size_;
    if (parent.expanded_size_ > kFreeNodes &&
        parent.expanded_size_ / kMaxExpansion > document_.nodes_.size()) {
      throw Stop{parent.Error(absl::StrCat("aliases blow this up to more than ",
                                           parent.expanded_size_, " values; name fewer of them"))};
    }
  }

  // Duplicate keys, and `<<`.
  void FinishMap(YamlNode& node) {
    if (node.entries_.size() <= kFewKeys && HasFewDistinctKeys(node)) return;
    absl::flat_hash_map<absl::string_view, const YamlNode*> seen;
    std::vector<YamlNode::Entry> own;
    std::vector<const YamlNode*> merged;
    for (const YamlNode::Entry& entry : node.entries_) {
      if (entry.first->is_plain() && entry.first->text() == "<<") {
        Merge(*entry.second, merged);
        continue;
      }
      const auto [first, is_new] = seen.try_emplace(entry.first->text(), entry.first);
      if (!is_new) {
        throw Stop{entry.first->Error(
            absl::StrCat("key ", base::Quoted(entry.first->text()), " is there already, in line ",
                         first->second->where().line, "; remove one or merge both"))};
      }
      own.push_back(entry);
    }
    for (const YamlNode* map : merged) {
      for (const YamlNode::Entry& entry : map->entries()) {
        if (!seen.try_emplace(entry.first->text(), entry.first).second) continue;
        own.push_back(entry);
        Grow(node, *entry.second);
      }
    }
    node.entries_ = std::move(own);
  }

  // True for the usual map, without a hash table: no two keys equal, no `<<`.
  static bool HasFewDistinctKeys(const YamlNode& node) {
    for (size_t i = 0; i < node.entries_.size(); ++i) {
      const std::string& key = node.entries_[i].first->text();
      if (key == "<<") return false;
      for (size_t j = 0; j < i; ++j) {
        if (node.entries_[j].first->text() == key) return false;
      }
    }
    return true;
  }

  void Merge(const YamlNode& value, std::vector<const YamlNode*>& merged) {
    if (value.is_map()) {
      merged.push_back(&value);
      return;
    }
    const bool maps = value.is_list() && std::all_of(value.items().begin(), value.items().end(),
                                                     [](const YamlNode* n) { return n->is_map(); });
    if (!maps) {
      throw Stop{value.Error(
          absl::StrCat("`<<` takes a map or a list of maps, found ", value.Describe()))};
    }
    merged.insert(merged.end(), value.items().begin(), value.items().end());
  }

  YamlDocument& document_;
  const std::string* const file_;
  const YamlText& text_;
  int document_count_ = 0;
  std::vector<OpenNode> open_;
  absl::flat_hash_map<YAML::anchor_t, YamlNode*> anchors_;
};

const YamlNode* YamlNode::Find(absl::string_view key) const {
  for (const Entry& entry : entries_) {
    if (entry.first->text() == key) return entry.second;
  }
  return nullptr;
}

std::string YamlNode::Describe() const {
  switch (kind_) {
    case Kind::kNull:
      return "nothing";
    case Kind::kScalar:
      return base::Quoted(text_, 60);
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "";
}

absl::Status YamlNode::Error(absl::string_view what) const { return ErrorAt(where(), what); }

absl::StatusOr<std::unique_ptr<YamlDocument>> YamlDocument::Parse(std::string file,
                                                                  absl::string_view text) {
  if (text.size() > kMaxBytes) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": ", text.size(), " bytes; at most ",
                                                   kMaxBytes, " are read; split the file"));
  }
  std::unique_ptr<YamlDocument> document(new YamlDocument(file));
  const YamlText lines(text);
  YamlReader reader(document.get(), lines);
  ViewBuffer buffer(text);
  std::istream stream(&buffer);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(reader)) {
    }
  } catch (const Stop& stop) {
    return stop.status;
  } catch (const YAML::Exception& error) {
    const YamlComplaint complaint = lines.Explain(error.mark.line, error.mark.column, error.msg);
    return ErrorAt({std::move(file), complaint.line + 1, complaint.column + 1}, complaint.text);
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat(file, ": not readable as YAML: ", error.what()));
  }
  return document;
}

absl::Status ErrorAt(const SourceLocation& where, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(where.ToString(), ": ", what));
}

}  // namespace stevedore::graph
