// What an engine says while it builds, pulls, loads or pushes: a stream of JSON documents.

#ifndef STEVEDORE_TRANSFER_DOCKER_ENGINE_MESSAGES_H_
#define STEVEDORE_TRANSFER_DOCKER_ENGINE_MESSAGES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "base/byte_source.h"

namespace stevedore::transfer {

// One document of such a stream. Members that it did not have are empty. A value.
struct EngineMessage {
  std::string stream;      // Output of a build, with its line ends.
  std::string status;      // "Pulling fs layer".
  std::string id;          // What the status is about: "3f4d90098f5b".
  std::string progress;    // "[==>   ] 1MB/3MB": comes many times per second.
  std::string error;       // The work failed; nothing good follows.
  int64_t error_code = 0;  // Exit code of a RUN that failed; 0: none told.
  std::string aux_json;    // Machine's part, such as {"ID":"sha256:…"}.

  // The `ID` or `Digest` of aux_json, or "".
  std::string AuxText(absl::string_view member) const;
};

// Splits a stream into its documents. Documents follow each other with or without line ends between
// them and come in pieces of any size. Not thread-safe.
class EngineMessageReader {
 public:
  // A document above this is RESOURCE_EXHAUSTED: engines send output in pieces of 32 KiB.
  static constexpr size_t kMaxDocumentBytes = 64 << 20;

  // `source` must outlive the reader.
  explicit EngineMessageReader(base::ByteSource* source) : source_(*source) {}

  // The next message, or nullopt at the end. DATA_LOSS for what is no JSON object, or one that is
  // cut off; errors of the source as they are.
  absl::StatusOr<std::optional<EngineMessage>> Next();

 private:
  // The text of the next document, or nullopt at the end.
  absl::StatusOr<std::optional<std::string>> NextDocument();
  // Looks at buffer_ from scanned_ on; true if a document ends there (then at scanned_).
  bool Scan();

  base::ByteSource& source_;
  std::string buffer_;
  size_t start_ = 0;    // Where the present document begins.
  size_t scanned_ = 0;  // What was looked at already.
  int depth_ = 0;       // Open braces and brackets up to scanned_.
  bool in_text_ = false, escaped_ = false;
  bool ended_ = false;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_DOCKER_ENGINE_MESSAGES_H_
