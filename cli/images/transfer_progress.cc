#include "cli/images/transfer_progress.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cli/text.h"

namespace stevedore::cli {
namespace {

using transfer::CopyEvent;

constexpr absl::Duration kFrame = absl::Milliseconds(100);
constexpr int kDefaultColumns = 80;
constexpr int kDefaultRows = 24;

std::string Bar(uint64_t done, uint64_t total) {
  static constexpr int kCells = 20;
  const int full =
      total == 0 ? kCells : static_cast<int>(std::min(done, total) * 1.0 / total * kCells);
  return absl::StrCat("[", std::string(full, '#'), std::string(kCells - full, '.'), "]");
}

bool IsLive(ProgressStyle style, const Console& console) {
  return style == ProgressStyle::kTty || (style == ProgressStyle::kAuto && console.interactive());
}

}  // namespace

TransferProgress::TransferProgress(ProgressStyle style, Console* console, const base::Clock* clock)
    : console_(console),
      clock_(clock),
      live_(IsLive(style, *console)),
      quiet_(style == ProgressStyle::kQuiet),
      start_(clock->Now()) {
  if (live_) ticker_ = std::jthread([this](std::stop_token stop) { RunTicks(stop); });
}

TransferProgress::~TransferProgress() {
  Finish();
  ticker_.request_stop();
  changed_.SignalAll();
}

void TransferProgress::RunTicks(std::stop_token stop) {
  while (!stop.stop_requested()) {
    {
      base::MutexLock lock(&mu_);
      changed_.WaitFor(&mu_, kFrame);
      if (finished_) return;
    }
    Redraw();
  }
}

void TransferProgress::Redraw() {
  base::MutexLock lock(&mu_);
  if (live_ && !finished_) Draw("");
}

void TransferProgress::OnEvent(const CopyEvent& event, const std::string& place) {
  if (quiet_) return;
  base::MutexLock lock(&mu_);
  Account(event);
  const std::string line = LineOf(event, place);
  if (line.empty()) return;
  // A terminal shows blobs in its live lines; hundreds of lines of them would bury the tags.
  const bool of_blob =
      event.kind == CopyEvent::Kind::kCopied || event.kind == CopyEvent::Kind::kMounted;
  if (!live_) {
    console_->Err(absl::StrCat(line, "\n"));
  } else if (!of_blob) {
    Draw(absl::StrCat(line, "\n"));
  }
}

std::string TransferProgress::LineOf(const CopyEvent& event, const std::string& place) const {
  const std::string digest = event.content.digest.ToString();
  switch (event.kind) {
    case CopyEvent::Kind::kCopied:
      return absl::StrCat("copied   ", ShortDigest(digest), "  ", FormatBytes(event.content.size));
    case CopyEvent::Kind::kMounted:
      return absl::StrCat("mounted  ", ShortDigest(digest), "  ", FormatBytes(event.content.size));
    case CopyEvent::Kind::kTag:
      return absl::StrCat("tagged   ", place, ":", event.tag, "  ", ShortDigest(digest));
    case CopyEvent::Kind::kTagThere:
      return absl::StrCat("same     ", place, ":", event.tag, "  ", ShortDigest(digest));
    case CopyEvent::Kind::kTagKept:
      return absl::StrCat("kept     ", place, ":", event.tag, "  it is there already");
    default:
      return "";
  }
}

void TransferProgress::Account(const CopyEvent& event) {
  const oci::Descriptor& blob = event.content;
  switch (event.kind) {
    case CopyEvent::Kind::kFound:
      ++found_blobs_;
      found_bytes_ += blob.size;
      break;
    case CopyEvent::Kind::kBytes: {
      const auto [it, first] = moving_.try_emplace(blob.digest);
      if (first) it->second = {.size = blob.size, .done = 0, .order = begun_++};
      it->second.done = event.bytes;
      break;
    }
    case CopyEvent::Kind::kThere:
    case CopyEvent::Kind::kMounted:
    case CopyEvent::Kind::kCopied:
      moving_.erase(blob.digest);
      ++settled_blobs_;
      settled_bytes_ += blob.size;
      if (event.kind == CopyEvent::Kind::kCopied) sent_bytes_ += blob.size;
      break;
    default:
      break;
  }
}

std::vector<std::string> TransferProgress::LiveLines() const {
  if (found_blobs_ == 0) return {};
  std::vector<std::pair<oci::Digest, Blob>> blobs(moving_.begin(), moving_.end());
  std::sort(blobs.begin(), blobs.end(),
            [](const auto& a, const auto& b) { return a.second.order < b.second.order; });
  const int height = console_->height() > 0 ? console_->height() : kDefaultRows;
  // Nothing may scroll while redrawing.
  const size_t room = static_cast<size_t>(std::max(height - 3, 1));
  std::vector<std::string> lines;
  uint64_t moving_bytes = 0;
  for (const auto& [digest, blob] : blobs) {
    moving_bytes += std::min(blob.done, blob.size);
    if (lines.size() == room) continue;
    lines.push_back(absl::StrCat("  ", ShortDigest(digest.ToString()), "  ",
                                 Bar(blob.done, blob.size), "  ", FormatBytes(blob.done), " / ",
                                 FormatBytes(blob.size)));
  }
  const absl::Duration elapsed = clock_->Now() - start_;
  std::string sum =
      absl::StrCat(settled_blobs_, "/", found_blobs_, " blobs  ",
                   FormatBytes(settled_bytes_ + moving_bytes), " / ", FormatBytes(found_bytes_));
  const double seconds = absl::ToDoubleSeconds(elapsed);
  if (seconds >= 1) {
    absl::StrAppend(&sum, "  ", FormatBytes((sent_bytes_ + moving_bytes) / seconds), "/s");
  }
  absl::StrAppend(&sum, "  ", FormatSeconds(elapsed));
  lines.push_back(std::move(sum));
  return lines;
}

std::string TransferProgress::Erase() {
  // The terminal may have become narrower since: each old line now takes as many rows as it needs.
  const int width = console_->width() > 0 ? console_->width() : kDefaultColumns;
  int rows = 0;
  for (const int columns : drawn_) rows += std::max(1, (columns + width - 1) / width);
  drawn_.clear();
  if (rows == 0) return "";
  return absl::StrCat("\x1b[", rows, "A\r\x1b[J");
}

void TransferProgress::Draw(absl::string_view above) {
  const int width = console_->width() > 0 ? console_->width() : kDefaultColumns;
  // One write per frame, so that nobody sees a half-drawn one.
  std::string frame = absl::StrCat(Erase(), above);
  for (const std::string& line : LiveLines()) {
    // The last column stays free: some terminals wrap when it is written.
    const std::string fitted = FitTo(line, std::max(width - 1, 1));
    drawn_.push_back(DisplayWidth(fitted));
    absl::StrAppend(&frame, fitted, "\n");
  }
  if (!frame.empty()) console_->Err(frame);
}

void TransferProgress::Say(absl::string_view text) {
  if (quiet_) return;
  base::MutexLock lock(&mu_);
  if (live_ && !finished_) {
    Draw(absl::StrCat(text, "\n"));
  } else {
    console_->Err(absl::StrCat(text, "\n"));
  }
}

void TransferProgress::Finish() {
  {
    base::MutexLock lock(&mu_);
    if (finished_) return;
    finished_ = true;
    const std::string erased = Erase();
    if (!erased.empty()) console_->Err(erased);
  }
  changed_.SignalAll();
}

}  // namespace stevedore::cli
