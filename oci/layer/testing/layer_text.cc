#include "oci/layer/testing/layer_text.h"

#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/tar_writer.h"

namespace stevedore::oci::testing {
namespace {

using Type = LayerEntry::Type;

absl::Status Append(const std::string& item, TarWriter& writer) {
  LayerEntry entry{.path = item};
  if (const size_t link = item.find("->"); link != std::string::npos) {
    entry = {.path = item.substr(0, link), .type = Type::kSymlink, .mode = 0777};
    entry.link_target = item.substr(link + 2);
  } else if (const size_t hard = item.find("=>"); hard != std::string::npos) {
    entry = {.path = item.substr(0, hard), .type = Type::kHardLink};
    entry.link_target = item.substr(hard + 2);
  } else if (const size_t file = item.find('='); file != std::string::npos) {
    entry.path = item.substr(0, file);
    return writer.Append(entry, item.substr(file + 1));
  } else if (!item.empty() && item.back() == '/') {
    entry.type = Type::kDirectory;
    entry.mode = 0755;
  }
  return writer.Append(entry);
}

}  // namespace

std::string LayerTar(const std::vector<std::string>& items) {
  std::string tar;
  base::StringSink sink(&tar);
  TarWriter writer(&sink);
  for (const std::string& item : items) {
    if (!Append(item, writer).ok()) std::abort();
  }
  if (!writer.Finish().ok()) std::abort();
  return tar;
}

LayerStream StreamOf(std::string blob) {
  return {.name = "layer",
          .open = [blob = std::move(blob)]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
            return std::make_unique<base::StringSource>(blob);
          }};
}

std::vector<LayerStream> LayersOf(const std::vector<std::vector<std::string>>& layers) {
  std::vector<LayerStream> streams;
  for (const std::vector<std::string>& layer : layers) {
    streams.push_back(StreamOf(LayerTar(layer)));
    streams.back().name = absl::StrCat("layer ", streams.size() - 1);
  }
  return streams;
}

}  // namespace stevedore::oci::testing
