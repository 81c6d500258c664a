// The output of images that are being built, on the screen while it comes.

#ifndef STEVEDORE_CLI_LIVE_LOGS_H_
#define STEVEDORE_CLI_LIVE_LOGS_H_

#include <list>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "base/mutex.h"
#include "cli/build_client.h"
#include "cli/console.h"

namespace stevedore::cli {

// Reads the logs of tasks, each on a thread of its own, and prints every line as
// `IMAGE | line` on standard error, in the order of the task. Used by one thread.
class LiveLogs {
 public:
  // Logs read at the same time; those of further tasks are not shown.
  static constexpr size_t kMaxTasks = 64;

  // Both must outlive this.
  LiveLogs(BuildClient* client, Console* console) : client_(*client), console_(*console) {}
  LiveLogs(const LiveLogs&) = delete;
  LiveLogs& operator=(const LiveLogs&) = delete;
  // Waits a moment for the ends of logs whose tasks have ended, then ends reading.
  ~LiveLogs();

  // Shows the log of a task from its start to its end; once per task.
  void Show(const std::string& build_id, const std::string& image, const std::string& platform);

 private:
  struct Reader {
    bool done = false;
    std::jthread thread;
  };

  void Read(const std::string& build_id, const std::string& image, const std::string& platform,
            std::stop_token stop);
  void DropEnded() ABSL_LOCKS_EXCLUDED(mu_);

  BuildClient& client_;
  Console& console_;
  std::set<std::string> shown_;  // Of one thread, as said above.
  base::Mutex mu_;
  base::CondVar changed_;
  std::list<Reader> readers_ ABSL_GUARDED_BY(mu_);
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_LIVE_LOGS_H_
