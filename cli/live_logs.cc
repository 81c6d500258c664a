#include "cli/live_logs.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/output_lines.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

// The last lines of a log come just behind the news that its task has ended.
constexpr absl::Duration kEndingTime = absl::Seconds(15);

}  // namespace

LiveLogs::~LiveLogs() {
  const absl::Time deadline = absl::Now() + kEndingTime;
  base::MutexLock lock(&mu_);
  const auto all_done = [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return std::all_of(readers_.begin(), readers_.end(),
                       [](const Reader& reader) { return reader.done; });
  };
  while (!all_done() && absl::Now() < deadline) changed_.WaitFor(&mu_, deadline - absl::Now());
  for (Reader& reader : readers_) reader.thread.request_stop();
  // Joined by the destruction of the list, when the lock is free again.
}

void LiveLogs::DropEnded() {
  std::list<Reader> ended;
  base::MutexLock lock(&mu_);
  for (auto it = readers_.begin(); it != readers_.end();) {
    const auto next = std::next(it);
    if (it->done) ended.splice(ended.end(), readers_, it);
    it = next;
  }
}

void LiveLogs::Show(const std::string& build_id, const std::string& image,
                    const std::string& platform) {
  DropEnded();
  if (shown_.count(absl::StrCat(build_id, " ", image, " ", platform)) > 0) return;
  base::MutexLock lock(&mu_);
  if (readers_.size() >= kMaxTasks) return;
  shown_.insert(absl::StrCat(build_id, " ", image, " ", platform));
  Reader& reader = readers_.emplace_back();
  reader.thread = std::jthread([this, build_id, image, platform, &reader](std::stop_token stop) {
    Read(build_id, image, platform, std::move(stop));
    base::MutexLock lock(&mu_);
    reader.done = true;
    changed_.SignalAll();
  });
}

void LiveLogs::Read(const std::string& build_id, const std::string& image,
                    const std::string& platform, std::stop_token stop) {
  base::OutputLines lines;
  int64_t next = 0;
  const auto print = [&](const std::string& line) {
    const std::string shown = console_.interactive() ? line : base::WithoutEscapes(line);
    console_.Err(absl::StrCat(image, " | ", shown, "\n"));
  };
  // A coordinator that goes away ends the log here; the build itself is followed with patience.
  (void)client_.TailLog(
      build_id, image, platform, 0,
      [&](const v1::TailLogResponse& piece) {
        if (piece.offset() > next) {
          lines.Finish(print);
          print(absl::StrCat("(", piece.offset() - next, " bytes before this are not kept)"));
        }
        lines.Append(piece.data(), print);
        next = piece.offset() + static_cast<int64_t>(piece.data().size());
      },
      stop);
  lines.Finish(print);
}

}  // namespace stevedore::cli
