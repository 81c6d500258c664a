// stevedore-cli: what people and CI call.

#include <malloc.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/log.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/command_log.h"
#include "cli/console.h"
#include "cli/exit_code.h"

namespace stevedore::cli {
namespace {

// "get images": the commands that were named, without their arguments.
std::string CommandName(const CLI::App& app) {
  std::string name;
  for (const CLI::App* command : app.get_subcommands()) {
    absl::StrAppend(&name, command->get_name(), " ", CommandName(*command));
  }
  absl::StripTrailingAsciiWhitespace(&name);
  return name;
}

int Main(int argc, char** argv) {
  // Definitions are thousands of small values that live as long as the command: collecting freed
  // ones again and again cost a tenth of its time.
  ::mallopt(M_MXFAST, 0);
  // A peer or reader that goes away is an error of that write, not the end of the process.
  ::signal(SIGPIPE, SIG_IGN);
  ProcessConsole console;
  CommandContext context;
  context.console = &console;
  CLI::App app("Builds graphs of container images, here or on a fleet of workers", "stevedore-cli");
  app.set_help_all_flag("--help-all", "Show the help of all commands");
  AddCommands(app, context);
  try {
    std::vector<std::string> arguments = ReadArguments(argc, argv);
    std::reverse(arguments.begin(), arguments.end());  // The parser takes them from the back.
    app.parse(std::move(arguments));
  } catch (const CLI::CallForHelp&) {
    console.Out(app.help());  // Of the command that was entered.
    return static_cast<int>(ExitCode::kOk);
  } catch (const CLI::CallForAllHelp&) {
    console.Out(app.help("", CLI::AppFormatMode::All));
    return static_cast<int>(ExitCode::kOk);
  } catch (const CLI::ParseError& error) {
    PrintError(console,
               absl::StrCat(error.what(), "; `stevedore-cli ... --help` lists what there is"));
    return static_cast<int>(ExitCode::kUsage);
  }
  // The parts of an embedded build log for operators; here a display tells the story.
  base::SetLogThreshold(context.debug ? base::LogLevel::kDebug : base::LogLevel::kError);
  if (!context.action) {
    console.Out(app.help());
    return static_cast<int>(ExitCode::kOk);
  }
  CommandLog log(CommandName(app));
  context.log = &log;
  const absl::StatusOr<ExitCode> result = context.action();
  if (result.ok()) return static_cast<int>(*result);
  log.Error(result.status().message());
  PrintError(console, context.debug ? result.status().ToString()
                                    : absl::string_view(result.status().message()));
  return static_cast<int>(ExitCodeOf(result.status()));
}

}  // namespace
}  // namespace stevedore::cli

int main(int argc, char** argv) { return stevedore::cli::Main(argc, argv); }
