#include "cli/context_memory.h"

#include <filesystem>
#include <system_error>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/file.h"
#include "base/hash.h"

namespace stevedore::cli {
namespace {

constexpr size_t kFields = 6;

}  // namespace

std::string EncodeEntries(const std::vector<context::TreeEntry>& entries) {
  std::string text;
  for (const context::TreeEntry& entry : entries) {
    // Escaped text has no tabs and no line feeds.
    absl::StrAppend(&text, static_cast<int>(entry.type), "\t", entry.mode, "\t", entry.size, "\t",
                    absl::BytesToHexString(entry.digest_bytes()), "\t", absl::CEscape(entry.path),
                    "\t", absl::CEscape(entry.link_target), "\n");
  }
  return text;
}

absl::StatusOr<std::vector<context::TreeEntry>> DecodeEntries(absl::string_view text) {
  std::vector<context::TreeEntry> entries;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const std::vector<std::string> fields = absl::StrSplit(line, '\t');
    context::TreeEntry entry;
    int type = 0;
    if (fields.size() != kFields || !absl::SimpleAtoi(fields[0], &type) || type < 0 || type > 2 ||
        !absl::SimpleAtoi(fields[1], &entry.mode) || !absl::SimpleAtoi(fields[2], &entry.size) ||
        fields[3].size() != 2 * entry.digest.size() || !absl::CUnescape(fields[4], &entry.path) ||
        !absl::CUnescape(fields[5], &entry.link_target)) {
      return absl::InvalidArgumentError("not a list of entries");
    }
    entry.type = static_cast<context::TreeEntry::Type>(type);
    entry.digest = context::ToSha256(absl::HexStringToBytes(fields[3]));
    entries.push_back(std::move(entry));
  }
  return entries;
}

std::string ContextMemory::PathOf(const std::string& folder) const {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(folder, error);
  const std::string name = error ? folder : absolute.lexically_normal().string();
  return absl::StrCat(directory_, "/tree-", base::Sha256Hex(name).substr(0, 16));
}

std::vector<std::string> ContextMemory::ChangedFiles(const std::string& folder,
                                                     const context::Tree& tree) const {
  const absl::StatusOr<std::string> text = base::ReadFile(PathOf(folder));
  if (!text.ok()) return {};
  const absl::StatusOr<std::vector<context::TreeEntry>> before = DecodeEntries(*text);
  if (!before.ok()) return {};
  return context::ChangedPaths(*before, tree.entries(), kNamedPaths);
}

absl::Status ContextMemory::Remember(const std::string& folder, const context::Tree& tree) const {
  if (tree.entries().size() > kEntryLimit) return absl::OkStatus();
  return base::WriteFileAtomically(PathOf(folder), EncodeEntries(tree.entries()), 0600);
}

}  // namespace stevedore::cli
