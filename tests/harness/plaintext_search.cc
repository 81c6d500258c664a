#include "tests/harness/plaintext_search.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "oci/layer/decompress.h"

namespace stevedore::testing {
namespace {

namespace fs = std::filesystem;

// Text that base64 of anything with `needle` in it contains, for each of the three positions at
// which it may begin.
std::vector<std::string> InBase64(absl::string_view needle) {
  std::vector<std::string> forms;
  for (size_t shift = 0; shift < 3; ++shift) {
    std::string encoded = absl::Base64Escape(absl::StrCat(std::string(shift, 'x'), needle));
    while (!encoded.empty() && encoded.back() == '=') encoded.pop_back();
    // The first and the last characters depend on the neighbours too.
    forms.push_back(encoded.substr(shift == 0 ? 0 : 4, encoded.size() - (shift == 0 ? 2 : 6)));
  }
  return forms;
}

// The decompressed content, or nothing if it is not compressed.
std::string Inside(const std::string& path) {
  absl::StatusOr<std::unique_ptr<base::FileSource>> file = base::FileSource::Open(path);
  if (!file.ok()) return "";
  auto opened = oci::OpenDecompressed(*std::move(file));
  if (!opened.ok() || opened->compression == oci::LayerCompression::kNone) return "";
  std::string content;
  char buffer[64 << 10];
  while (true) {
    const absl::StatusOr<size_t> size = opened->source->Read(buffer, sizeof(buffer));
    if (!size.ok() || *size == 0) return content;
    content.append(buffer, *size);
  }
}

}  // namespace

void PlaintextSearch::AddText(const std::string& name, const std::string& text) {
  hay_[name] += text;
}

void PlaintextSearch::AddFiles(const std::string& directory) {
  std::error_code error;
  for (fs::recursive_directory_iterator it(directory, error), end; it != end; it.increment(error)) {
    if (error || !it->is_regular_file(error)) continue;
    const std::string path = it->path().string();
    const absl::StatusOr<std::string> content = base::ReadFile(path);
    if (!content.ok()) continue;  // It went while we looked.
    hay_[path] = *content;
    if (std::string inside = Inside(path); !inside.empty()) {
      hay_[absl::StrCat(path, " (inside)")] = std::move(inside);
    }
  }
}

void PlaintextSearch::AddCommandLines() {
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator("/proc", error)) {
    const std::string pid = entry.path().filename().string();
    if (!std::all_of(pid.begin(), pid.end(), absl::ascii_isdigit)) continue;
    const absl::StatusOr<std::string> line = base::ReadFile(entry.path() / "cmdline");
    if (line.ok()) hay_[absl::StrCat("/proc/", pid, "/cmdline")] += *line;
  }
}

std::vector<std::string> PlaintextSearch::Find(absl::string_view needle) const {
  std::vector<std::string> forms = InBase64(needle);
  forms.emplace_back(needle);
  forms.push_back(absl::BytesToHexString(needle));
  std::vector<std::string> found;
  for (const auto& [name, text] : hay_) {
    const bool hit = std::any_of(forms.begin(), forms.end(), [&](const std::string& form) {
      return absl::StrContains(text, form);
    });
    if (hit) found.push_back(name);
  }
  return found;
}

}  // namespace stevedore::testing
