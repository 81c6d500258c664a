#include "oci/image/index_editor.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"

namespace stevedore::oci {
namespace {

using Json = nlohmann::json;

std::string DigestOf(const Json& entry) { return entry.value("digest", std::string()); }

Json PlatformOf(const Json& entry) {
  const auto it = entry.find("platform");
  return it == entry.end() ? Json(nullptr) : *it;
}

// The digest that an attestation speaks about; empty for other entries.
std::string AttestedBy(const Json& entry) {
  const auto annotations = entry.find("annotations");
  if (annotations == entry.end() || !annotations->is_object()) return "";
  const auto it = annotations->find(kAttestedDigestAnnotation);
  return it == annotations->end() || !it->is_string() ? "" : it->get<std::string>();
}

Json& Annotations(Json& object) {
  Json& annotations = object["annotations"];
  if (!annotations.is_object()) annotations = Json::object();
  return annotations;
}

void EraseAnnotation(const std::string& name, Json& object) {
  const auto it = object.find("annotations");
  if (it == object.end() || !it->is_object()) return;
  it->erase(name);
  if (it->empty()) object.erase("annotations");
}

}  // namespace

Descriptor IndexEntry(const Image& image) {
  Descriptor entry = image.manifest.ToDescriptor();
  entry.platform = image.config.platform();
  entry.artifact_type = image.manifest.artifact_type();
  return entry;
}

bool IsAttachment(const Descriptor& entry) {
  if (entry.annotations.count(kAttestedDigestAnnotation) != 0) return true;
  if (!entry.artifact_type.empty() && !entry.platform.has_value()) return true;
  return entry.platform.has_value() && entry.platform->os == "unknown";
}

struct IndexEditor::State {
  Json document;
  std::optional<Index> base;
  Json base_document;

  Json& entries() { return document["manifests"]; }

  // Applies `change` to all entries with this digest.
  template <typename Change>
  absl::Status ForEach(const Digest& digest, Change change) {
    bool found = false;
    for (Json& entry : entries()) {
      if (DigestOf(entry) != digest.ToString()) continue;
      found = true;
      change(entry);
    }
    if (found) return absl::OkStatus();
    return absl::NotFoundError(absl::StrCat("the index has no entry ", digest.ToString()));
  }

  // Keeps the entries for which `keep` is true.
  template <typename Keep>
  size_t KeepOnly(Keep keep) {
    Json left = Json::array();
    for (const Json& entry : entries()) {
      if (keep(entry)) left.push_back(entry);
    }
    const size_t removed = entries().size() - left.size();
    entries() = std::move(left);
    return removed;
  }
};

IndexEditor::IndexEditor(std::unique_ptr<State> state) : state_(std::move(state)) {}
IndexEditor::IndexEditor(IndexEditor&&) noexcept = default;
IndexEditor& IndexEditor::operator=(IndexEditor&&) noexcept = default;
IndexEditor::~IndexEditor() = default;

IndexEditor::IndexEditor(ImageFormat format) : state_(std::make_unique<State>()) {
  state_->document = {{"schemaVersion", 2},
                      {"mediaType", format == ImageFormat::kOci ? kOciIndex : kDockerManifestList},
                      {"manifests", Json::array()}};
}

absl::StatusOr<IndexEditor> IndexEditor::Create(const Index& base) {
  auto state = std::make_unique<State>();
  ASSIGN_OR_RETURN(state->document, ParseJson(base.bytes()), "index");
  // A document may leave it to its header.
  state->document["mediaType"] = base.media_type();
  state->base_document = state->document;
  state->base = base;
  return IndexEditor(std::move(state));
}

void IndexEditor::Append(const Descriptor& entry) {
  Json json = entry.ToJson();
  for (Json& old : state_->entries()) {
    if (DigestOf(old) != DigestOf(json) || PlatformOf(old) != PlatformOf(json)) continue;
    old = std::move(json);
    return;
  }
  state_->entries().push_back(std::move(json));
}

absl::Status IndexEditor::AppendEntriesOf(const Index& nested) {
  ASSIGN_OR_RETURN(const Json document, ParseJson(nested.bytes()), "index");
  for (const Json& entry : document["manifests"]) {
    const auto same = [&entry](const Json& old) {
      return DigestOf(old) == DigestOf(entry) && PlatformOf(old) == PlatformOf(entry);
    };
    Json& entries = state_->entries();
    const auto it = std::find_if(entries.begin(), entries.end(), same);
    if (it == entries.end()) {
      entries.push_back(entry);
    } else {
      *it = entry;
    }
  }
  return absl::OkStatus();
}

absl::Status IndexEditor::Replace(const Digest& old, const Descriptor& entry) {
  return state_->ForEach(old, [&entry](Json& place) {
    const Json fresh = entry.ToJson();
    place.erase("data");
    for (const auto& [key, value] : fresh.items()) {
      if (key == "annotations") {
        Annotations(place).update(value);
      } else {
        place[key] = value;
      }
    }
  });
}

absl::Status IndexEditor::Remove(const Digest& digest) {
  const std::string text = digest.ToString();
  if (state_->KeepOnly([&text](const Json& entry) { return DigestOf(entry) != text; }) > 0) {
    return absl::OkStatus();
  }
  return absl::NotFoundError(absl::StrCat("the index has no entry ", text));
}

size_t IndexEditor::Filter(absl::Span<const Platform> platforms) {
  std::set<std::string> kept;
  for (const Json& entry : state_->entries()) {
    const absl::StatusOr<Platform> platform = Platform::FromJson(PlatformOf(entry));
    if (!platform.ok()) continue;
    const bool wanted =
        std::any_of(platforms.begin(), platforms.end(),
                    [&platform](const Platform& want) { return platform->Satisfies(want); });
    if (wanted) kept.insert(DigestOf(entry));
  }
  return state_->KeepOnly([&kept](const Json& entry) {
    return kept.count(DigestOf(entry)) != 0 || kept.count(AttestedBy(entry)) != 0;
  });
}

size_t IndexEditor::RemoveOrphans() {
  std::set<std::string> there;
  for (const Json& entry : state_->entries()) there.insert(DigestOf(entry));
  return state_->KeepOnly([&there](const Json& entry) {
    const std::string attested = AttestedBy(entry);
    return attested.empty() || there.count(attested) != 0;
  });
}

void IndexEditor::Annotate(const std::map<std::string, std::string>& annotations) {
  for (const auto& [key, value] : annotations) Annotations(state_->document)[key] = value;
}

void IndexEditor::RemoveAnnotation(const std::string& name) {
  EraseAnnotation(name, state_->document);
}

absl::Status IndexEditor::AnnotateEntry(const Digest& digest,
                                        const std::map<std::string, std::string>& annotations) {
  return state_->ForEach(digest, [&annotations](Json& entry) {
    for (const auto& pair : annotations) Annotations(entry)[pair.first] = pair.second;
  });
}

absl::Status IndexEditor::RemoveEntryAnnotation(const Digest& digest, const std::string& name) {
  return state_->ForEach(digest, [&name](Json& entry) { EraseAnnotation(name, entry); });
}

void IndexEditor::SetSubject(const std::optional<Descriptor>& subject) {
  state_->document.erase("subject");
  if (subject.has_value()) state_->document["subject"] = subject->ToJson();
}

void IndexEditor::SetArtifactType(const std::string& artifact_type) {
  state_->document.erase("artifactType");
  if (!artifact_type.empty()) state_->document["artifactType"] = artifact_type;
}

absl::StatusOr<std::vector<Descriptor>> IndexEditor::entries() const {
  std::vector<Descriptor> entries;
  for (const Json& json : state_->document["manifests"]) {
    ASSIGN_OR_RETURN(Descriptor entry, Descriptor::FromJson(json), "entry ", entries.size());
    entries.push_back(std::move(entry));
  }
  return entries;
}

absl::StatusOr<Index> IndexEditor::Finish() const {
  if (state_->base.has_value() && state_->document == state_->base_document) return *state_->base;
  ASSIGN_OR_RETURN(std::string bytes, CanonicalJson(state_->document), "index");
  return Index::Parse(std::move(bytes));
}

}  // namespace stevedore::oci
