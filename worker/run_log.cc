#include "worker/run_log.h"

#include <algorithm>

#include "base/output_lines.h"

namespace stevedore::worker {
namespace {

// Bytes per block: what is dropped at once when a log outgrows its limit.
constexpr size_t kBlockBytes = 64 << 10;

// Length of the UTF-8 sequence that starts at text[i], 0 if there is no valid one. Overlong forms
// and surrogates are let through by none of the checks below.
size_t Utf8Length(absl::string_view text, size_t i) {
  const auto byte = [&](size_t k) { return static_cast<unsigned char>(text[k]); };
  const unsigned char first = byte(i);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || i + length > text.size()) return 0;
  for (size_t k = 1; k < length; ++k) {
    if ((byte(i + k) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(i + 1);
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) ||
      (first == 0xf0 && second < 0x90) || (first == 0xf4 && second > 0x8f)) {
    return 0;
  }
  return length;
}

}  // namespace

void RunLog::Append(absl::string_view bytes) {
  base::MutexLock lock(&mu_);
  size_ += bytes.size();
  const size_t to_head = std::min<uint64_t>(keep_bytes_ - head_.size(), bytes.size());
  head_.append(bytes.data(), to_head);
  bytes.remove_prefix(to_head);
  if (blocks_.empty()) blocks_start_ = head_.size();
  while (!bytes.empty()) {
    if (blocks_.empty() || blocks_.back().size() >= kBlockBytes) blocks_.emplace_back();
    std::string& block = blocks_.back();
    const size_t n = std::min(kBlockBytes - block.size(), bytes.size());
    block.append(bytes.data(), n);
    bytes.remove_prefix(n);
  }
  if (size_ <= limit_bytes_) return;
  while (blocks_.size() > 1 && size_ - (blocks_start_ + blocks_.front().size()) >= keep_bytes_) {
    blocks_start_ += blocks_.front().size();
    blocks_.pop_front();
  }
}

RunLog::Piece RunLog::Read(uint64_t offset, size_t limit) const {
  base::MutexLock lock(&mu_);
  Piece piece;
  piece.offset = offset;
  if (offset < head_.size()) {
    piece.bytes = head_.substr(offset, limit);
    return piece;
  }
  if (offset >= size_) return piece;
  piece.offset = std::max(offset, blocks_start_);
  uint64_t at = blocks_start_;
  for (const std::string& block : blocks_) {
    if (piece.bytes.size() >= limit) break;
    const uint64_t want = piece.offset + piece.bytes.size();
    if (want < at + block.size()) {
      piece.bytes.append(block, want - at, limit - piece.bytes.size());
    }
    at += block.size();
  }
  return piece;
}

std::string RunLog::Tail(size_t limit) const {
  const uint64_t end = size();
  const std::string raw = Read(end > limit ? end - limit : 0, limit).bytes;
  std::string text;
  text.reserve(raw.size());
  for (size_t i = 0; i < raw.size();) {
    const size_t length = Utf8Length(raw, i);
    if (length == 0) {
      text.push_back('?');
      ++i;
    } else {
      text.append(raw, i, length);
      i += length;
    }
  }
  return base::WithoutEscapes(text);
}

uint64_t RunLog::size() const {
  base::MutexLock lock(&mu_);
  return size_;
}

}  // namespace stevedore::worker
