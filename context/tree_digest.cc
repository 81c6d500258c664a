#include "context/tree_digest.h"

#include <string>

#include "absl/strings/string_view.h"
#include "base/hash.h"

namespace stevedore::context {
namespace {

void AppendUint32(std::string* out, uint32_t value) {
  for (int shift = 24; shift >= 0; shift -= 8) out->push_back(static_cast<char>(value >> shift));
}

char TypeByte(TreeEntry::Type type) {
  switch (type) {
    case TreeEntry::Type::kDirectory:
      return 'd';
    case TreeEntry::Type::kSymlink:
      return 'l';
    case TreeEntry::Type::kFile:
      break;
  }
  return 'f';
}

// A directory whose entries are being hashed.
struct OpenDirectory {
  const TreeEntry* entry;  // Null: the root.
  base::Hasher hasher;
};

void AddEntry(const TreeEntry& entry, absl::string_view digest, base::Hasher* hasher) {
  const absl::string_view path = entry.path;
  const size_t slash = path.rfind('/');
  const absl::string_view name = slash == absl::string_view::npos ? path : path.substr(slash + 1);
  std::string record(1, TypeByte(entry.type));
  AppendUint32(&record, entry.mode);
  AppendUint32(&record, static_cast<uint32_t>(name.size()));
  record.append(name.data(), name.size());
  record.append(digest.data(), digest.size());
  hasher->Update(record);
}

// Ends the innermost directory and adds it to the one around it.
void CloseDirectory(std::vector<OpenDirectory>* open) {
  const TreeEntry* const entry = open->back().entry;
  const std::string digest = open->back().hasher.Finish();
  open->pop_back();
  AddEntry(*entry, digest, &open->back().hasher);
}

bool IsIn(absl::string_view path, const TreeEntry* directory) {
  if (directory == nullptr) return true;
  const absl::string_view prefix = directory->path;
  return path.size() > prefix.size() && path.substr(0, prefix.size()) == prefix &&
         path[prefix.size()] == '/';
}

}  // namespace

oci::Digest TreeDigest(const std::vector<TreeEntry>& entries) {
  std::vector<OpenDirectory> open;
  open.push_back({nullptr, base::Hasher()});
  for (const TreeEntry& entry : entries) {
    while (!IsIn(entry.path, open.back().entry)) CloseDirectory(&open);
    if (entry.type == TreeEntry::Type::kDirectory) {
      open.push_back({&entry, base::Hasher()});
    } else {
      AddEntry(entry, entry.digest_bytes(), &open.back().hasher);
    }
  }
  while (open.size() > 1) CloseDirectory(&open);
  return oci::Digest::FromSha256(open.back().hasher.Finish());
}

}  // namespace stevedore::context
