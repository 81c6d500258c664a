#include "oci/layer/tar_writer.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::oci {
namespace {

constexpr size_t kCopyBytes = 1 << 16;
constexpr char kZeros[kTarEndBytes] = {};

}  // namespace

absl::Status TarWriter::Append(LayerEntry entry, absl::string_view content) {
  entry.size = content.size();
  RETURN_IF_ERROR(WriteHeader(entry));
  if (content.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(sink_->Write(content));
  return Pad(content.size());
}

absl::Status TarWriter::Append(const LayerEntry& entry, base::ByteSource& content) {
  RETURN_IF_ERROR(WriteHeader(entry));
  std::vector<char> buffer(kCopyBytes);
  for (uint64_t left = entry.size;;) {
    ASSIGN_OR_RETURN(const size_t count,
                     content.Read(buffer.data(), std::clamp<uint64_t>(left, 1, kCopyBytes)),
                     "tar entry ", base::Quoted(entry.path));
    if ((count == 0) != (left == 0)) {
      return absl::AbortedError(absl::StrCat("tar entry ", base::Quoted(entry.path),
                                             ": content is ", count == 0 ? "shorter" : "longer",
                                             " than ", entry.size,
                                             " bytes; it changed while it was read"));
    }
    if (count == 0) return Pad(entry.size);
    RETURN_IF_ERROR(sink_->Write(absl::string_view(buffer.data(), count)));
    left -= count;
  }
}

absl::Status TarWriter::Finish() { return sink_->Write(absl::string_view(kZeros, kTarEndBytes)); }

absl::Status TarWriter::WriteHeader(const LayerEntry& entry) {
  if (entry.size != 0 && entry.type != LayerEntry::Type::kFile) {
    return absl::InvalidArgumentError(absl::StrCat("tar entry ", base::Quoted(entry.path),
                                                   " is no file but has ", entry.size, " bytes"));
  }
  header_.clear();
  RETURN_IF_ERROR(AppendTarHeader(entry, options_, &header_));
  return sink_->Write(header_);
}

absl::Status TarWriter::Pad(uint64_t content_bytes) {
  const uint64_t padding = TarPadded(content_bytes) - content_bytes;
  return padding == 0 ? absl::OkStatus() : sink_->Write(absl::string_view(kZeros, padding));
}

}  // namespace stevedore::oci
