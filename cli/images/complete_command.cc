// What completion scripts of shells call while somebody waits with a finger on the tab key: quick,
// and silent about what does not work.
#include <CLI/CLI.hpp>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "cli/definitions.h"
#include "cli/images/image_commands.h"
#include "cli/images/reference_completion.h"
#include "cli/registry_access.h"

namespace stevedore::cli {
namespace {

constexpr std::chrono::milliseconds kPatience(2000);

// Requests a stop when its time is over, unless it is gone before.
class Deadline {
 public:
  explicit Deadline(std::chrono::milliseconds time)
      : thread_([this, time](std::stop_token gone) {
          std::mutex mu;
          std::unique_lock lock(mu);
          std::condition_variable_any().wait_for(lock, gone, time, [] { return false; });
          source_.request_stop();
        }) {}
  std::stop_token token() const { return source_.get_token(); }

 private:
  std::stop_source source_;
  std::jthread thread_;
};

absl::StatusOr<ExitCode> CompleteWord(CommandContext& context, const std::string& word) {
  const auto configuration = LoadConfiguration(context);
  if (!configuration.ok()) return ExitCode::kOk;
  RegistryAccess access(RegistryAccessOptions{.patience = RegistryAccess::Patience::kCompletion});
  if (!access.UseStore(*configuration).ok()) return ExitCode::kOk;
  const Deadline deadline(kPatience);
  const ReferenceKnowledge knowledge = {
      .tags =
          [&](const oci::Reference& repository) {
            return access.client()->ListTags(repository, deadline.token());
          },
      .repositories =
          [&](const std::string& registry) {
            return access.client()->ListRepositories(registry, deadline.token());
          }};
  for (const std::string& candidate : CompleteReference(word, knowledge)) {
    context.console->Out(absl::StrCat(candidate, "\n"));
  }
  return ExitCode::kOk;
}

}  // namespace

void AddCompleteCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command = app.add_subcommand("__complete", "For completion scripts");
  command->group("");
  const auto word = std::make_shared<std::string>();
  command->add_option("WORD", *word, "What is typed so far");
  command->callback([&context, word] {
    context.action = [&context, word] { return CompleteWord(context, *word); };
  });
}

}  // namespace stevedore::cli
