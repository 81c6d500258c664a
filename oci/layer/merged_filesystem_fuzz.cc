#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/merged_filesystem.h"
#include "oci/layer/tar_header.h"
#include "oci/layer/tar_writer.h"

namespace {

using stevedore::oci::LayerEntry;
using stevedore::oci::LayerStream;
using stevedore::oci::MergedFilesystem;
using stevedore::oci::MergeOptions;
using Type = LayerEntry::Type;

// The entry that a line stands for: "d/", "l->target", "h=>target", "f=text".
std::string TarOf(absl::string_view lines) {
  std::string tar;
  stevedore::base::StringSink sink(&tar);
  stevedore::oci::TarWriter writer(&sink);
  for (const absl::string_view line : absl::StrSplit(lines, '\n')) {
    LayerEntry entry{.path = std::string(line)};
    std::string content;
    if (const size_t link = line.find("->"); link != absl::string_view::npos) {
      entry.path = std::string(line.substr(0, link));
      entry.type = Type::kSymlink;
      entry.link_target = std::string(line.substr(link + 2));
    } else if (const size_t hard = line.find("=>"); hard != absl::string_view::npos) {
      entry.path = std::string(line.substr(0, hard));
      entry.type = Type::kHardLink;
      entry.link_target = std::string(line.substr(hard + 2));
    } else if (const size_t file = line.find('='); file != absl::string_view::npos) {
      entry.path = std::string(line.substr(0, file));
      content = std::string(line.substr(file + 1));
    } else if (absl::EndsWith(line, "/")) {
      entry.type = Type::kDirectory;
    }
    // A name that no tar can say leaves nothing behind.
    writer.Append(entry, content).IgnoreError();
  }
  writer.Finish().IgnoreError();
  return tar;
}

LayerStream StreamOf(std::string blob) {
  LayerStream layer;
  layer.name = "layer";
  layer.open =
      [blob = std::move(blob)]() -> absl::StatusOr<std::unique_ptr<stevedore::base::ByteSource>> {
    return std::make_unique<stevedore::base::StringSource>(blob);
  };
  return layer;
}

// What must be true of every merged file system, whatever the layers were.
void Check(const MergedFilesystem& files) {
  std::vector<LayerEntry> entries;
  for (size_t i = 0; i < files.size(); ++i) entries.push_back(files.Entry(i).entry);
  for (size_t i = 0; i < entries.size(); ++i) {
    const LayerEntry& entry = entries[i];
    if (!stevedore::oci::CheckSafePath(entry.path).ok()) std::abort();
    if (i > 0 && !stevedore::oci::LayerPathLess(entries[i - 1].path, entry.path)) std::abort();
    for (const absl::string_view part : absl::StrSplit(entry.path, '/')) {
      if (absl::StartsWith(part, ".wh.")) std::abort();
    }
    if (i > 0 && entries[i - 1].type != Type::kDirectory &&
        absl::StartsWith(entry.path, entries[i - 1].path + "/")) {
      std::abort();
    }
    if (entry.type != Type::kHardLink) continue;
    bool found = false;
    for (size_t j = 0; j < i && !found; ++j) {
      found = entries[j].path == entry.link_target && entries[j].type == Type::kFile;
    }
    if (!found) std::abort();
  }
}

MergeOptions Limits() {
  MergeOptions options;
  options.tar.max_entries = 2000;
  options.tar.max_header_bytes = 1 << 14;
  options.max_paths = 5000;
  options.decompress.max_output_bytes = 1 << 22;
  return options;
}

void Merge(std::vector<LayerStream> layers) {
  MergeOptions options = Limits();
  options.drop_climbing_symlinks = layers.size() % 2 == 0;
  const absl::StatusOr<MergedFilesystem> files = MergedFilesystem::Plan(std::move(layers), options);
  if (!files.ok()) return;
  Check(*files);
  std::string tar;
  stevedore::base::StringSink sink(&tar);
  if (!files->WriteTar(&sink).ok()) return;  // Names that only a reader accepts.
  const absl::StatusOr<MergedFilesystem> again = MergedFilesystem::Plan({StreamOf(tar)}, Limits());
  if (!again.ok() || again->size() != files->size()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<LayerStream> layers, raw;
  for (const absl::string_view part : absl::StrSplit(text, '\f')) {
    layers.push_back(StreamOf(TarOf(part)));
    raw.push_back(StreamOf(std::string(part)));
    if (layers.size() == 20) break;
  }
  Merge(std::move(layers));
  Merge(std::move(raw));
  return 0;
}
