// Where the contents of files come from while driver `native` builds.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_CONTENT_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_CONTENT_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/byte_source.h"
#include "context/tree.h"
#include "oci/layer/layer_entry.h"

namespace stevedore::worker::native {

// Contents that can be told apart without reading them. Thread-safe.
class ContentSource : public oci::LayerContents {
 public:
  // Bytes that name the content of the file `entry`: equal names, equal contents. Found by
  // `content_id`.
  virtual std::string Identity(const oci::LayerEntry& entry) const = 0;
};

// The files of a context; `content_id` is the index of an entry of the tree. Thread-safe.
class ContextContent final : public ContentSource {
 public:
  explicit ContextContent(std::shared_ptr<const context::Tree> tree) : tree_(std::move(tree)) {}
  std::string Identity(const oci::LayerEntry& entry) const override;
  absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(
      const oci::LayerEntry& entry) const override;

 private:
  const std::shared_ptr<const context::Tree> tree_;
};

// Texts in memory; `content_id` is their number. Add before sharing; then thread-safe.
class TextContent final : public ContentSource {
 public:
  // Returns the text's content id.
  uint64_t Add(std::string text);
  std::string Identity(const oci::LayerEntry& entry) const override;
  absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(
      const oci::LayerEntry& entry) const override;

 private:
  std::vector<std::string> texts_;
};

// One content that lies in a file, such as a download, or a tar with many. `identity` names the
// file's bytes. Thread-safe.
class FileContent final : public ContentSource {
 public:
  // `content_id` is where the entry's content begins in `file`.
  FileContent(std::unique_ptr<base::RandomReader> file, std::string identity)
      : file_(std::move(file)), identity_(std::move(identity)) {}
  std::string Identity(const oci::LayerEntry& entry) const override;
  absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(
      const oci::LayerEntry& entry) const override;

 private:
  const std::unique_ptr<base::RandomReader> file_;
  const std::string identity_;
};

// Contents from several sources; `content_id` is the number of the part. Add before sharing; then
// thread-safe.
class MixedContent final : public ContentSource {
 public:
  // Returns the content id of `entry`, whose own content id is `source`'s.
  uint64_t Add(std::shared_ptr<const ContentSource> source, const oci::LayerEntry& entry);
  std::string Identity(const oci::LayerEntry& entry) const override;
  absl::StatusOr<std::unique_ptr<base::RandomReader>> Open(
      const oci::LayerEntry& entry) const override;

 private:
  struct Part {
    std::shared_ptr<const ContentSource> source;
    oci::LayerEntry entry;
  };
  std::vector<Part> parts_;
};

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_CONTENT_H_
