#include "graph/build_key.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/hash.h"
#include "base/status.h"
#include "nlohmann/json.hpp"

namespace stevedore::graph {
namespace {

using Json = nlohmann::json;

// Changes whenever the same inputs shall no longer mean the same key.
constexpr char kKeyFormat[] = "stevedore build key 1";
// Longer values are stored as their digest; what is shown of them would be cut anyway.
constexpr size_t kStoredValueBytes = 80;

std::string Dump(const Json& json) {
  // Never throws: what is not UTF-8 is replaced.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// Digests are shown by their first 8 digits.
std::string Shown(absl::string_view digest) {
  constexpr absl::string_view kSha256 = "sha256:";
  if (!absl::StartsWith(digest, kSha256)) return std::string(digest.substr(0, 20));
  return std::string(digest.substr(0, kSha256.size() + 8));
}

std::string Stored(const std::string& value) {
  if (value.size() <= kStoredValueBytes) return value;
  return absl::StrCat("sha256:", base::Sha256Hex(value));
}

}  // namespace

void BuildKeyInputs::Add(std::string name, absl::string_view value) {
  parts_[std::move(name)] = Part{.value = std::string(value), .shown_name = ""};
}

void BuildKeyInputs::SetRepository(absl::string_view repository) { Add("repository", repository); }

void BuildKeyInputs::SetDriver(absl::string_view driver, absl::string_view identity) {
  Add("driver", driver);
  Add("driver version", identity);
}

void BuildKeyInputs::SetPlatform(absl::string_view platform) { Add("platform", platform); }

absl::Status BuildKeyInputs::SetOptions(absl::string_view options_json) {
  const Json options = Json::parse(options_json, nullptr, /*allow_exceptions=*/false);
  if (!options.is_object()) {
    return absl::InvalidArgumentError(
        absl::StrCat("driver options must be a JSON object, found ", base::Quoted(options_json)));
  }
  for (const auto& [name, value] : options.items()) Add(absl::StrCat("option ", name), Dump(value));
  return absl::OkStatus();
}

void BuildKeyInputs::SetArguments(const std::map<std::string, std::string>& arguments,
                                  absl::Span<const std::string> volatile_names) {
  for (const auto& [name, value] : arguments) {
    if (!IsVolatile(volatile_names, "arg", name)) AddArgument(name, value);
  }
}

void BuildKeyInputs::SetLabels(const std::map<std::string, std::string>& labels,
                               absl::Span<const std::string> volatile_names) {
  for (const auto& [name, value] : labels) {
    if (!IsVolatile(volatile_names, "label", name)) AddLabel(name, value);
  }
}

void BuildKeyInputs::AddArgument(absl::string_view name, absl::string_view value) {
  Add(absl::StrCat("arg ", name), value);
}

void BuildKeyInputs::AddLabel(absl::string_view name, absl::string_view value) {
  Add(absl::StrCat("label ", name), value);
}

void BuildKeyInputs::AddParent(absl::string_view id, absl::string_view manifest_digest) {
  // The position counts: the first one is the base.
  parts_[absl::StrCat("parent ", id)] =
      Part{.value = std::string(manifest_digest), .shown_name = "", .position = parent_count_++};
}

void BuildKeyInputs::AddContext(absl::string_view path, absl::string_view tree_digest) {
  parts_[absl::StrCat("context ", context_count_)] =
      Part{.value = std::string(tree_digest),
           .shown_name = absl::StrCat("context ", path),
           .position = context_count_};
  ++context_count_;
}

void BuildKeyInputs::SetSourceDateEpoch(int64_t seconds) {
  Add("SOURCE_DATE_EPOCH", absl::StrCat(seconds));
}

std::string BuildKeyInputs::Key() const {
  // Lengths in front, so that no value can pretend to be the next part.
  base::Hasher hasher;
  hasher.Update(kKeyFormat);
  for (const auto& [name, part] : parts_) {
    hasher.Update(absl::StrCat("\n", name.size(), " ", part.value.size(), " ", part.position, "\n",
                               name, part.value));
  }
  std::string hex;
  for (unsigned char byte : hasher.Finish()) {
    absl::StrAppend(&hex, absl::Hex(byte, absl::kZeroPad2));
  }
  return hex;
}

std::string BuildKeyInputs::Serialize() const {
  Json list = Json::array();
  for (const auto& [name, part] : parts_) {
    Json item = {name, Stored(part.value)};
    if (!part.shown_name.empty()) item.push_back(part.shown_name);
    list.push_back(std::move(item));
  }
  return Dump(list);
}

absl::StatusOr<BuildKeyInputs> BuildKeyInputs::Parse(absl::string_view serialized) {
  const Json list = Json::parse(serialized, nullptr, /*allow_exceptions=*/false);
  const absl::Status bad = absl::InvalidArgumentError(absl::StrCat(
      "build key inputs must be a JSON list of [name, value], found ", base::Quoted(serialized)));
  if (!list.is_array()) return bad;
  BuildKeyInputs inputs;
  for (const Json& item : list) {
    if (!item.is_array() || item.size() < 2 || item.size() > 3) return bad;
    for (const Json& text : item) {
      if (!text.is_string()) return bad;
    }
    Part part{.value = item[1].get<std::string>(), .shown_name = ""};
    if (item.size() == 3) part.shown_name = item[2].get<std::string>();
    inputs.parts_[item[0].get<std::string>()] = std::move(part);
  }
  return inputs;
}

std::vector<std::string> DescribeChanges(const BuildKeyInputs* before, const BuildKeyInputs& now) {
  if (before == nullptr) return {"new"};
  // Parents first, then contexts: they are the usual reasons.
  std::vector<std::string> parents, contexts, others;
  auto group = [&](absl::string_view name) -> std::vector<std::string>& {
    if (absl::StartsWith(name, "parent ")) return parents;
    return absl::StartsWith(name, "context ") ? contexts : others;
  };
  auto shown = [](const std::string& name, const BuildKeyInputs::Part& part) {
    return part.shown_name.empty() ? name : part.shown_name;
  };
  for (const auto& [name, part] : now.parts_) {
    const auto old = before->parts_.find(name);
    if (old != before->parts_.end() && Stored(old->second.value) == Stored(part.value)) continue;
    std::string text = shown(name, part);
    if (absl::StartsWith(name, "parent ")) {
      absl::StrAppend(&text, " ", old == before->parts_.end() ? "none" : Shown(old->second.value),
                      " -> ", Shown(part.value));
    } else if (old == before->parts_.end()) {
      absl::StrAppend(&text, " (added)");
    }
    group(name).push_back(std::move(text));
  }
  for (const auto& [name, part] : before->parts_) {
    if (now.parts_.count(name) == 0) {
      group(name).push_back(absl::StrCat(shown(name, part), " (removed)"));
    }
  }
  parents.insert(parents.end(), contexts.begin(), contexts.end());
  parents.insert(parents.end(), others.begin(), others.end());
  return parents;
}

bool IsVolatile(absl::Span<const std::string> volatile_names, absl::string_view kind,
                absl::string_view name) {
  for (absl::string_view listed : volatile_names) {
    if (absl::ConsumePrefix(&listed, kind) && absl::ConsumePrefix(&listed, " ") && listed == name) {
      return true;
    }
  }
  return false;
}

}  // namespace stevedore::graph
