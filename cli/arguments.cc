#include "cli/arguments.h"

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"

namespace stevedore::cli {

std::vector<std::string> ReadArguments(int argc, const char* const* argv) {
  std::vector<std::string> arguments;
  // `help build` is `build --help`.
  const bool help = argc > 1 && absl::string_view(argv[1]) == "help";
  if (help) {
    arguments.assign(argv + 2, argv + argc);
    arguments.push_back("--help");
    return arguments;
  }
  bool flags_end = false;
  for (int i = 1; i < argc; ++i) {
    absl::string_view argument = argv[i];
    flags_end = flags_end || argument == "--";
    const bool empty_value =
        !flags_end && absl::StartsWith(argument, "--") && argument.find('=') == argument.size() - 1;
    if (empty_value) argument.remove_suffix(1);
    arguments.emplace_back(argument);
    if (empty_value) arguments.emplace_back();
  }
  return arguments;
}

}  // namespace stevedore::cli
