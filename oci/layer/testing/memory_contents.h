// Layer contents that are strings, for tests.

#ifndef STEVEDORE_OCI_LAYER_TESTING_MEMORY_CONTENTS_H_
#define STEVEDORE_OCI_LAYER_TESTING_MEMORY_CONTENTS_H_

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "oci/layer/layer_entry.h"

namespace stevedore::oci::testing {

// Collects entries and their contents. `content_id` is an index into the contents.
class MemoryContents final : public LayerContents {
 public:
  LayerEntry File(std::string path, std::string content, uint32_t mode = 0644) {
    LayerEntry entry{.path = std::move(path), .mode = mode, .size = content.size()};
    entry.content_id = contents_.size();
    contents_.push_back(std::move(content));
    return entry;
  }
  static LayerEntry Directory(std::string path, uint32_t mode = 0755) {
    return {.path = std::move(path), .type = LayerEntry::Type::kDirectory, .mode = mode};
  }
  static LayerEntry Symlink(std::string path, std::string target) {
    LayerEntry entry{.path = std::move(path), .type = LayerEntry::Type::kSymlink, .mode = 0777};
    entry.link_target = std::move(target);
    return entry;
  }
  static LayerEntry HardLink(std::string path, std::string target) {
    LayerEntry entry{.path = std::move(path), .type = LayerEntry::Type::kHardLink};
    entry.link_target = std::move(target);
    return entry;
  }
  const std::string& content(const LayerEntry& entry) const { return contents_[entry.content_id]; }
  // Makes the content differ from what entries say.
  void Truncate(const LayerEntry& entry, size_t size) { contents_[entry.content_id].resize(size); }

  absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(const LayerEntry& entry) const override {
    return std::make_unique<Reader>(&contents_[entry.content_id]);
  }

 private:
  class Reader final : public base::RandomReader {
   public:
    explicit Reader(const std::string* text) : text_(*text) {}
    absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override {
      if (offset + size > text_.size()) return absl::OutOfRangeError("the text ends before");
      std::memcpy(buffer, text_.data() + offset, size);
      return absl::OkStatus();
    }

   private:
    const std::string& text_;
  };
  std::vector<std::string> contents_;
};

// `size` bytes that no codec makes smaller, the same for equal seeds.
inline std::string Noise(size_t size, uint64_t seed = 1) {
  std::string noise(size, '\0');
  for (char& c : noise) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    c = static_cast<char>(seed >> 56);
  }
  return noise;
}

// `size` bytes that look like source code, the same for equal seeds.
inline std::string Prose(size_t size, uint64_t seed = 1) {
  static constexpr const char* kWords[] = {"return ", "status", "layer",  "(",    ");\n",
                                           "  ",      "if (",   "entry.", "size", " = ",
                                           "const ",  "std::",  "0x",     "42"};
  std::string text;
  while (text.size() < size) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    text += kWords[(seed >> 33) % std::size(kWords)];
    if ((seed >> 40) % 7 == 0) text += std::to_string(seed >> 48);
  }
  text.resize(size);
  return text;
}

}  // namespace stevedore::oci::testing

#endif  // STEVEDORE_OCI_LAYER_TESTING_MEMORY_CONTENTS_H_
