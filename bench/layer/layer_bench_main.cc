// Writes one layer from a directory and says what it cost, as one line of JSON:
//   layer_bench DIRECTORY COMPRESSION|walk THREADS OUTPUT|-
//   layer_bench run COMMAND
// OUTPUT "-" throws the blob away; "walk" only lists the directory. `run` says what a bash command
// cost; it is here because a process inherits the peak memory of the one that starts it, and this
// one is small.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/byte_sink.h"
#include "base/file.h"
#include "base/memory_budget.h"
#include "base/status.h"
#include "oci/layer/compression.h"
#include "oci/layer/directory_tree.h"
#include "oci/layer/layer_writer.h"
#include "oci/layer/layer_writer_options.h"

namespace stevedore::bench {
namespace {

// As a worker's for its layers.
constexpr uint64_t kBudgetBytes = 64 << 20;

// Where a blob goes that nobody wants.
class NullSink final : public base::ByteSink {
 public:
  absl::Status Write(absl::string_view) override { return absl::OkStatus(); }
  absl::Status Close() override { return absl::OkStatus(); }
};

// What the command line says.
struct Job {
  std::string directory;
  std::string compression;
  int threads = 0;
  std::string output;
};

double CpuSeconds(const timeval& time) {
  return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
}

absl::StatusOr<oci::LayerResult> WriteBlob(oci::DirectoryTree& tree, const Job& job) {
  ASSIGN_OR_RETURN(const oci::Compression compression, oci::Compression::Parse(job.compression));
  base::MemoryBudget budget(kBudgetBytes);
  std::unique_ptr<base::ByteSink> sink = std::make_unique<NullSink>();
  if (job.output != "-") {
    ASSIGN_OR_RETURN(base::FileDescriptor file,
                     base::OpenFile(job.output, O_WRONLY | O_CREAT | O_TRUNC));
    sink = std::make_unique<base::FileSink>(std::move(file), job.output);
  }
  return oci::WriteLayer(tree.TakeEntries(), tree, sink.get(),
                         {.compression = compression, .threads = job.threads, .budget = &budget});
}

// Peak memory of this process in MiB. Not getrusage's, which counts what the process was before
// exec.
double PeakMib() {
  const absl::StatusOr<std::string> status = base::ReadFile("/proc/self/status");
  if (!status.ok()) return 0;
  const size_t line = status->find("VmHWM:");
  return line == std::string::npos ? 0 : std::strtod(status->c_str() + line + 6, nullptr) / 1024;
}

// Runs `command`, its output thrown away, and prints its cost.
absl::Status RunCommand(const char* command) {
  const absl::Time start = absl::Now();
  const pid_t child = fork();
  if (child < 0) return absl::InternalError("fork failed");
  if (child == 0) {
    execl("/bin/bash", "bash", "-c", command, nullptr);
    _exit(127);
  }
  int exit_status = 0;
  if (waitpid(child, &exit_status, 0) != child) return absl::InternalError("waitpid failed");
  if (!WIFEXITED(exit_status) || WEXITSTATUS(exit_status) != 0) {
    return absl::InternalError(absl::StrCat("command failed, wait status ", exit_status));
  }
  rusage usage;
  getrusage(RUSAGE_CHILDREN, &usage);
  absl::PrintF("{\"wall\": %.4f, \"cpu\": %.4f, \"rss_mib\": %.1f}\n",
               absl::ToDoubleSeconds(absl::Now() - start),
               CpuSeconds(usage.ru_utime) + CpuSeconds(usage.ru_stime),
               static_cast<double>(usage.ru_maxrss) / 1024);
  return absl::OkStatus();
}

absl::Status Run(const Job& job) {
  const absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(oci::DirectoryTree tree,
                   oci::DirectoryTree::Walk(job.directory, {.threads = job.threads}));
  const absl::Duration walk = absl::Now() - start;
  const size_t entries = tree.entries().size();
  oci::LayerResult result;
  if (job.compression != "walk") {
    ASSIGN_OR_RETURN(result, WriteBlob(tree, job));
  }
  const absl::Duration wall = absl::Now() - start;
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  absl::PrintF(
      "{\"wall\": %.4f, \"walk\": %.4f, \"cpu\": %.4f, \"rss_mib\": %.1f, \"entries\": %d, "
      "\"tar\": %d, \"size\": %d, \"diff_id\": \"%s\", \"digest\": \"%s\"}\n",
      absl::ToDoubleSeconds(wall), absl::ToDoubleSeconds(walk),
      CpuSeconds(usage.ru_utime) + CpuSeconds(usage.ru_stime), PeakMib(), entries, result.tar_size,
      result.descriptor.size, result.diff_id.ToString(), result.descriptor.digest.ToString());
  return absl::OkStatus();
}

}  // namespace
}  // namespace stevedore::bench

int main(int argc, char** argv) {
  stevedore::bench::Job job;
  if (argc == 3 && absl::string_view(argv[1]) == "run") {
    const absl::Status status = stevedore::bench::RunCommand(argv[2]);
    if (!status.ok()) absl::FPrintF(stderr, "layer_bench: %s\n", status.ToString());
    return status.ok() ? 0 : 1;
  }
  if (argc != 5 || !absl::SimpleAtoi(argv[3], &job.threads)) {
    absl::FPrintF(stderr, "usage: layer_bench DIRECTORY COMPRESSION|walk THREADS OUTPUT|-\n");
    return 2;
  }
  job.directory = argv[1];
  job.compression = argv[2];
  job.output = argv[4];
  if (const absl::Status status = stevedore::bench::Run(job); !status.ok()) {
    absl::FPrintF(stderr, "layer_bench: %s\n", status.ToString());
    return 1;
  }
  return 0;
}
