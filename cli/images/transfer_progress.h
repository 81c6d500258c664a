// Shows a copy while it runs.

#ifndef STEVEDORE_CLI_IMAGES_TRANSFER_PROGRESS_H_
#define STEVEDORE_CLI_IMAGES_TRANSFER_PROGRESS_H_

#include <cstdint>
#include <map>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/clock.h"
#include "base/mutex.h"
#include "cli/console.h"
#include "cli/progress_display.h"
#include "oci/image/digest.h"
#include "transfer/copy_options.h"

namespace stevedore::cli {

// Shows the events of one or more copies on standard error. In a terminal: a line with a bar for
// each blob on its way and one with the sum, redrawn ten times a second, while what is done scrolls
// above. Elsewhere a line when a blob has been sent or a tag put; kQuiet shows nothing.
// Thread-safe.
class TransferProgress {
 public:
  // `console` and `clock` must outlive it. kJson is as kPlain.
  TransferProgress(ProgressStyle style, Console* console, const base::Clock* clock);
  // Takes the live lines away.
  ~TransferProgress();
  TransferProgress(const TransferProgress&) = delete;
  TransferProgress& operator=(const TransferProgress&) = delete;

  // For CopyOptions::on_event. `place` ("reg.x/shop/web") stands before tags.
  void OnEvent(const transfer::CopyEvent& event, const std::string& place) ABSL_LOCKS_EXCLUDED(mu_);

  // A line of its own, above what moves. Shown in every style but kQuiet.
  void Say(absl::string_view text) ABSL_LOCKS_EXCLUDED(mu_);

  // No more will come: the live lines go.
  void Finish() ABSL_LOCKS_EXCLUDED(mu_);

  // Draws the live lines anew now. Called by the display's thread; public for tests.
  void Redraw() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // A blob on its way.
  struct Blob {
    uint64_t size = 0, done = 0;
    uint64_t order = 0;  // In which they began.
  };

  void RunTicks(std::stop_token stop) ABSL_LOCKS_EXCLUDED(mu_);
  // The line that an event is worth, without line feed; empty: none.
  std::string LineOf(const transfer::CopyEvent& event, const std::string& place) const;
  void Account(const transfer::CopyEvent& event) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::string Erase() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<std::string> LiveLines() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Draw(absl::string_view above) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Console* const console_;
  const base::Clock* const clock_;
  const bool live_;
  const bool quiet_;
  const absl::Time start_;

  base::Mutex mu_;
  std::map<oci::Digest, Blob> moving_ ABSL_GUARDED_BY(mu_);
  uint64_t found_blobs_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t settled_blobs_ ABSL_GUARDED_BY(mu_) = 0;  // Sent, mounted or there.
  uint64_t found_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t settled_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t sent_bytes_ ABSL_GUARDED_BY(mu_) = 0;  // Of blobs that are done.
  uint64_t begun_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<int> drawn_ ABSL_GUARDED_BY(mu_);  // Width of each live line on the screen.
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  base::CondVar changed_;
  std::jthread ticker_;  // Last: joined before the rest goes.
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_TRANSFER_PROGRESS_H_
