// Completion scripts for shells, generated from the grammar of the command line, so that they
// cannot fall behind it.

#ifndef STEVEDORE_CLI_COMPLETION_H_
#define STEVEDORE_CLI_COMPLETION_H_

#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace stevedore::cli {

// One command as a completion script needs it.
struct CompletionCommand {
  // Words that lead to it: {"get", "images"}; empty for the program itself.
  std::vector<std::string> path;
  std::string description;
  struct Flag {
    std::vector<std::string> names;  // With dashes.
    std::string description;
    bool takes_value = false;
    bool takes_path = false;
    std::vector<std::string> choices;
  };
  std::vector<Flag> flags;
  std::vector<std::string> subcommands;  // Aliases included.
  std::vector<std::string> subcommand_descriptions;
  bool takes_images = false;      // Its arguments are names of defined images.
  bool takes_references = false;  // Its arguments are images somewhere: registries know them.
};

// The commands of `app`, parents before children, aliases as commands of their own; hidden flags
// are left out.
std::vector<CompletionCommand> DescribeCommands(const CLI::App& app);

// The script for a shell; `program` is the name that users type. Thread-safe.
std::string BashCompletion(const std::string& program,
                           const std::vector<CompletionCommand>& commands);
std::string ZshCompletion(const std::string& program,
                          const std::vector<CompletionCommand>& commands);
std::string FishCompletion(const std::string& program,
                           const std::vector<CompletionCommand>& commands);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_COMPLETION_H_
