#include "graph/import/import_value.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <nlohmann/json.hpp>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "graph/yaml_document.h"

namespace stevedore::graph {
namespace {

using Json = nlohmann::json;

constexpr size_t kMaxDepth = 64;
// YAML aliases repeat what they name.
constexpr size_t kMaxValues = 1'000'000;

// "line:column" of a byte, both from 1 on.
std::string LineAndColumn(absl::string_view text, size_t offset) {
  offset = std::min(offset, text.size());
  const absl::string_view before = text.substr(0, offset);
  const size_t line = std::count(before.begin(), before.end(), '\n') + 1;
  const size_t begin = before.rfind('\n');
  const size_t column = begin == absl::string_view::npos ? offset + 1 : offset - begin;
  return absl::StrCat(line, ":", column);
}

// Builds values while the parser reads, so that depth is bounded before anything recurses.
class JsonBuilder : public Json::json_sax_t {
 public:
  JsonBuilder(const std::string& file, absl::string_view text, ImportValue* root)
      : file_(file), text_(text), root_(*root) {}

  const absl::Status& status() const { return status_; }

  bool null() override { return Add({}) != nullptr; }
  bool boolean(bool value) override { return AddText(value ? "true" : "false"); }
  bool number_integer(int64_t value) override { return AddText(absl::StrCat(value)); }
  bool number_unsigned(uint64_t value) override { return AddText(absl::StrCat(value)); }
  bool number_float(double, const std::string& text) override { return AddText(text); }
  bool string(std::string& text) override { return AddText(text); }
  bool binary(Json::binary_t&) override { return false; }
  bool start_object(size_t) override { return Open(ImportValue::Kind::kMap); }
  bool start_array(size_t) override { return Open(ImportValue::Kind::kList); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }

  bool key(std::string& name) override {
    if (!names_.back().insert(name).second) {
      status_ = open_.back()->Error(absl::StrCat("member ", base::Quoted(name), " is there twice"));
      return false;
    }
    key_ = name;
    return true;
  }

  bool parse_error(size_t position, const std::string& token, const Json::exception&) override {
    const size_t offset = position == 0 ? 0 : position - 1;
    status_ = absl::InvalidArgumentError(absl::StrCat(
        file_, ":", LineAndColumn(text_, offset), ": this is no JSON",
        offset >= text_.size() ? ": it ends too early" : absl::StrCat(", near ", Near(token))));
    return false;
  }

 private:
  static std::string Near(const std::string& token) {
    return base::Quoted(absl::string_view(token).substr(0, 40));
  }

  // Null if nothing more can be added.
  ImportValue* Add(ImportValue value) {
    if (open_.empty()) {
      value.place = file_ + "#";
      root_ = std::move(value);
      return &root_;
    }
    ImportValue& parent = *open_.back();
    if (parent.is_list()) {
      value.place = absl::StrCat(parent.place, "/", parent.items.size());
      parent.items.push_back(std::move(value));
      return &parent.items.back();
    }
    // As JSON pointers have it.
    value.place =
        absl::StrCat(parent.place, "/", absl::StrReplaceAll(key_, {{"~", "~0"}, {"/", "~1"}}));
    parent.members.push_back({key_, std::move(value)});
    return &parent.members.back().value;
  }

  bool AddText(std::string text) {
    ImportValue value;
    value.kind = ImportValue::Kind::kText;
    value.text = std::move(text);
    return Add(std::move(value)) != nullptr;
  }

  bool Open(ImportValue::Kind kind) {
    if (open_.size() >= kMaxDepth) {
      status_ = open_.back()->Error(absl::StrCat("nested deeper than ", kMaxDepth));
      return false;
    }
    ImportValue value;
    value.kind = kind;
    open_.push_back(Add(std::move(value)));
    names_.emplace_back();
    return true;
  }

  bool Close() {
    open_.pop_back();
    names_.pop_back();
    return true;
  }

  const std::string& file_;
  const absl::string_view text_;
  ImportValue& root_;
  // From the root down; a value gets no sibling while it is open, so that pointers stay good.
  std::vector<ImportValue*> open_;
  std::vector<absl::flat_hash_set<std::string>> names_;  // Of each open one.
  std::string key_;
  absl::Status status_;
};

absl::StatusOr<ImportValue> FromYaml(const YamlNode& node, size_t* count) {
  if (++*count > kMaxValues) {
    return absl::ResourceExhaustedError(absl::StrCat(
        node.where().ToString(), ": aliases make more than ", kMaxValues, " values of this file"));
  }
  ImportValue value;
  value.place = node.where().ToString();
  switch (node.kind()) {
    case YamlNode::Kind::kNull:
      break;
    case YamlNode::Kind::kScalar:
      value.kind = ImportValue::Kind::kText;
      value.text = node.text();
      break;
    case YamlNode::Kind::kList:
      value.kind = ImportValue::Kind::kList;
      for (const YamlNode* item : node.items()) {
        ASSIGN_OR_RETURN(ImportValue one, FromYaml(*item, count));
        value.items.push_back(std::move(one));
      }
      break;
    case YamlNode::Kind::kMap:
      value.kind = ImportValue::Kind::kMap;
      for (const auto& [key, item] : node.entries()) {
        ASSIGN_OR_RETURN(ImportValue one, FromYaml(*item, count));
        // An empty value has no place of its own that a user would look at.
        if (one.is_null()) one.place = key->where().ToString();
        value.members.push_back({key->text(), std::move(one)});
      }
      break;
  }
  return value;
}

}  // namespace

const ImportValue* ImportValue::Find(absl::string_view name) const {
  for (const auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

ImportValue* ImportValue::Find(absl::string_view name) {
  for (auto& [key, value] : members) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string ImportValue::Describe() const {
  switch (kind) {
    case Kind::kNull:
      return "nothing";
    case Kind::kText:
      return base::Quoted(text);
    case Kind::kList:
      return "a list";
    case Kind::kMap:
      return "a map";
  }
  return "";
}

absl::Status ImportValue::Error(absl::string_view what) const {
  return absl::InvalidArgumentError(absl::StrCat(place, ": ", what));
}

absl::StatusOr<ImportValue> ParseImportJson(const std::string& file, absl::string_view text) {
  ImportValue root;
  JsonBuilder builder(file, text, &root);
  if (!Json::sax_parse(text.begin(), text.end(), &builder)) {
    if (!builder.status().ok()) return builder.status();
    return absl::InvalidArgumentError(absl::StrCat(file, ": this is no JSON"));
  }
  return root;
}

absl::StatusOr<ImportValue> ParseImportYaml(const std::string& file, absl::string_view text) {
  ASSIGN_OR_RETURN(const std::unique_ptr<YamlDocument> document, YamlDocument::Parse(file, text));
  if (document->root() == nullptr) {
    ImportValue nothing;
    nothing.place = file;
    return nothing;
  }
  size_t count = 0;
  return FromYaml(*document->root(), &count);
}

absl::StatusOr<std::string> ImportText(const ImportValue& value, absl::string_view what) {
  if (value.is_text()) return value.text;
  return value.Error(absl::StrCat(what, " must be a text, found ", value.Describe()));
}

absl::StatusOr<bool> ImportBool(const ImportValue& value, absl::string_view what) {
  const std::string text = value.is_text() ? absl::AsciiStrToLower(value.text) : "";
  if (text == "true") return true;
  if (text == "false") return false;
  return value.Error(absl::StrCat(what, " must be true or false, found ", value.Describe()));
}

absl::StatusOr<std::vector<std::string>> ImportTexts(const ImportValue& value,
                                                     absl::string_view what) {
  std::vector<std::string> texts;
  if (value.is_null()) return texts;
  if (value.is_text()) return std::vector<std::string>{value.text};
  if (!value.is_list()) {
    return value.Error(absl::StrCat(what, " must be a list of texts, found ", value.Describe()));
  }
  for (const ImportValue& item : value.items) {
    ASSIGN_OR_RETURN(std::string text, ImportText(item, absl::StrCat("an entry of ", what)));
    texts.push_back(std::move(text));
  }
  return texts;
}

absl::StatusOr<ImportPairs> ImportPairsOf(const ImportValue& value, absl::string_view what) {
  ImportPairs pairs;
  absl::flat_hash_map<std::string, size_t> numbers;
  auto add = [&](const ImportValue& place, std::string name,
                 std::optional<std::string> text) -> absl::Status {
    if (name.empty()) return place.Error(absl::StrCat("an entry of ", what, " has no name"));
    // As in maps, the last one counts.
    const auto [known, is_new] = numbers.try_emplace(name, pairs.size());
    if (!is_new) {
      pairs[known->second].second = std::move(text);
      return absl::OkStatus();
    }
    pairs.emplace_back(std::move(name), std::move(text));
    return absl::OkStatus();
  };
  if (value.is_null()) return pairs;
  if (value.is_map()) {
    for (const auto& [name, text] : value.members) {
      if (text.is_null()) {
        RETURN_IF_ERROR(add(text, name, std::nullopt));
        continue;
      }
      ASSIGN_OR_RETURN(std::string one, ImportText(text, absl::StrCat(what, ".", name)));
      RETURN_IF_ERROR(add(text, name, std::move(one)));
    }
    return pairs;
  }
  if (!value.is_list()) {
    return value.Error(
        absl::StrCat(what, " must be a map or a list of NAME=VALUE, found ", value.Describe()));
  }
  for (const ImportValue& item : value.items) {
    ASSIGN_OR_RETURN(const std::string text, ImportText(item, absl::StrCat("an entry of ", what)));
    const size_t equals = text.find('=');
    RETURN_IF_ERROR(equals == std::string::npos
                        ? add(item, text, std::nullopt)
                        : add(item, text.substr(0, equals), text.substr(equals + 1)));
  }
  return pairs;
}

absl::Status CheckImportMap(const ImportValue& value, absl::string_view what) {
  if (value.is_map()) return absl::OkStatus();
  return value.Error(absl::StrCat(what, " must be a map, found ", value.Describe()));
}

}  // namespace stevedore::graph
