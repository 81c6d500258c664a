// The config of an image: how to run it, and what its layers are made of.

#ifndef STEVEDORE_OCI_IMAGE_IMAGE_CONFIG_H_
#define STEVEDORE_OCI_IMAGE_IMAGE_CONFIG_H_

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "oci/image/digest.h"
#include "oci/image/platform.h"

namespace stevedore::oci {

// One line of an image's history.
struct HistoryEntry {
  std::string created;  // RFC 3339; empty if not told.
  std::string created_by;
  std::string author;
  std::string comment;
  bool empty_layer = false;  // True: this step made no layer.
};

// A parsed image config with the bytes it came from. Immutable.
class ImageConfig {
 public:
  ImageConfig() = default;

  // INVALID_ARGUMENT, naming the member, for what the image spec's schema refuses: os or
  // architecture missing, members of wrong types, Env items without `=`. RESOURCE_EXHAUSTED above
  // kMaxDocumentBytes.
  static absl::StatusOr<ImageConfig> Parse(std::string bytes);

  const std::string& bytes() const { return bytes_; }
  // SHA-256 of bytes(): Docker's "image id".
  const Digest& digest() const { return digest_; }
  const Platform& platform() const { return platform_; }
  const std::string& created() const { return created_; }
  const std::string& author() const { return author_; }

  // Digests of the uncompressed layer tars, bottom first.
  const std::vector<Digest>& diff_ids() const { return diff_ids_; }
  const std::vector<HistoryEntry>& history() const { return history_; }

  // nullopt: not there or null, which is not the same as an empty list.
  const std::optional<std::vector<std::string>>& entrypoint() const { return entrypoint_; }
  const std::optional<std::vector<std::string>>& cmd() const { return cmd_; }
  // "KEY=value", in order.
  const std::vector<std::string>& env() const { return env_; }
  const std::string& user() const { return user_; }
  const std::string& working_dir() const { return working_dir_; }
  const std::string& stop_signal() const { return stop_signal_; }
  const std::map<std::string, std::string>& labels() const { return labels_; }
  // "8080/tcp".
  const std::set<std::string>& exposed_ports() const { return exposed_ports_; }
  const std::set<std::string>& volumes() const { return volumes_; }

 private:
  friend class ImageConfigReader;

  std::string bytes_;
  Digest digest_;
  Platform platform_;
  std::string created_;
  std::string author_;
  std::vector<Digest> diff_ids_;
  std::vector<HistoryEntry> history_;
  std::optional<std::vector<std::string>> entrypoint_;
  std::optional<std::vector<std::string>> cmd_;
  std::vector<std::string> env_;
  std::string user_;
  std::string working_dir_;
  std::string stop_signal_;
  std::map<std::string, std::string> labels_;
  std::set<std::string> exposed_ports_;
  std::set<std::string> volumes_;
};

}  // namespace stevedore::oci

#endif  // STEVEDORE_OCI_IMAGE_IMAGE_CONFIG_H_
