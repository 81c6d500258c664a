#include "coordinator/log_relay.h"

#include "absl/strings/str_cat.h"

namespace stevedore::coordinator {

bool LogRelay::Want(const std::string& run_id, int64_t offset, absl::Duration now) {
  const auto [it, added] = windows_.try_emplace(run_id);
  Window& window = it->second;
  const bool lapsed = !added && now - window.wanted > kWanted;
  window.wanted = now;
  if (added || offset < window.start) {
    window.start = offset;
    window.data.clear();
    window.complete = false;
    return true;
  }
  return lapsed;
}

std::string LogRelay::Read(const std::string& run_id, int64_t offset, size_t limit) const {
  const auto it = windows_.find(run_id);
  if (it == windows_.end() || offset < it->second.start || offset >= it->second.end()) return "";
  return it->second.data.substr(static_cast<size_t>(offset - it->second.start), limit);
}

absl::Status LogRelay::Append(const std::string& run_id, int64_t offset, absl::string_view data,
                              bool complete, absl::Duration now) {
  const auto it = windows_.find(run_id);
  if (it == windows_.end() || now - it->second.wanted > kWanted) {
    return absl::AbortedError("log: nobody reads it any more");
  }
  Window& window = it->second;
  if (offset != window.end()) {
    return absl::OutOfRangeError(absl::StrCat("log: the next piece must begin at offset ",
                                              window.end(), ", not at ", offset));
  }
  window.data.append(data.data(), data.size());
  window.complete = complete;
  if (window.data.size() > kWindowBytes) {
    const size_t excess = window.data.size() - kWindowBytes;
    window.data.erase(0, excess);
    window.start += static_cast<int64_t>(excess);
  }
  return absl::OkStatus();
}

bool LogRelay::EndsAt(const std::string& run_id, int64_t offset) const {
  const auto it = windows_.find(run_id);
  return it != windows_.end() && it->second.complete && it->second.end() == offset;
}

int64_t LogRelay::WantedOffset(const std::string& run_id, absl::Duration now) const {
  const auto it = windows_.find(run_id);
  if (it == windows_.end() || now - it->second.wanted > kWanted) return -1;
  return it->second.end();
}

void LogRelay::Trim(absl::Duration now) {
  std::erase_if(windows_, [&](const auto& entry) { return now - entry.second.wanted > kKept; });
}

}  // namespace stevedore::coordinator
