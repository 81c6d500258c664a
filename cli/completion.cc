#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace stevedore::cli {
namespace {

// In a description, what a shell would read as the end of a quoted word. First sentence only.
std::string ForQuotes(absl::string_view text) {
  text = text.substr(0, text.find('\n'));
  return absl::StrReplaceAll(
      text, {{"'", ""}, {"`", ""}, {"\"", ""}, {"[", "("}, {"]", ")"}, {":", " -"}, {"$", ""}});
}

// Names of arguments that say where an image is.
bool TakesReference(absl::string_view argument) {
  for (const char* name : {"IMAGE", "REFERENCE", "REPOSITORY", "REGISTRY", "SOURCE", "DESTINATION",
                           "NEW_BASE", "BASE"}) {
    if (absl::EqualsIgnoreCase(argument, name)) return true;
  }
  return false;
}

CompletionCommand::Flag DescribeFlag(const CLI::Option& option) {
  CompletionCommand::Flag flag;
  for (const std::string& name : option.get_lnames()) flag.names.push_back("--" + name);
  for (const std::string& name : option.get_snames()) flag.names.push_back("-" + name);
  flag.description = ForQuotes(option.get_description());
  flag.takes_value = option.get_items_expected_max() > 0 && option.get_type_size_max() > 0;
  const std::string type = option.get_type_name();
  flag.takes_path = type == "FILE" || type == "DIR" || type == "PATH";
  // Choices are written as a|b|c in the type's name: one source for help, check and completion.
  if (type.find('|') != std::string::npos) flag.choices = absl::StrSplit(type, '|');
  return flag;
}

void Describe(const CLI::App& app, const std::vector<std::string>& path,
              std::vector<CompletionCommand>& commands) {
  CompletionCommand command;
  command.path = path;
  command.description = ForQuotes(app.get_description());
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty()) continue;
    if (option->get_positional()) {
      const std::string name = option->get_name(true);
      command.takes_images = command.takes_images || name == "NAME";
      command.takes_references = command.takes_references || TakesReference(name);
      continue;
    }
    command.flags.push_back(DescribeFlag(*option));
  }
  std::vector<std::pair<const CLI::App*, std::string>> children;
  const auto shown = [](const CLI::App* child) { return !child->get_group().empty(); };
  for (const CLI::App* child : app.get_subcommands(shown)) {
    children.emplace_back(child, child->get_name());
    for (const std::string& alias : child->get_aliases()) children.emplace_back(child, alias);
  }
  for (const auto& [child, name] : children) {
    command.subcommands.push_back(name);
    command.subcommand_descriptions.push_back(ForQuotes(child->get_description()));
  }
  commands.push_back(std::move(command));
  for (const auto& [child, name] : children) {
    std::vector<std::string> child_path = path;
    child_path.push_back(name);
    Describe(*child, child_path, commands);
  }
}

std::string FlagWords(const CompletionCommand& command) {
  std::vector<std::string> words;
  for (const CompletionCommand::Flag& flag : command.flags) {
    words.insert(words.end(), flag.names.begin(), flag.names.end());
  }
  return absl::StrJoin(words, " ");
}

// Cases of a shell's `case` that find out which command the words so far lead to.
std::string CommandCases(const std::vector<CompletionCommand>& commands) {
  std::string text;
  for (const CompletionCommand& command : commands) {
    if (command.path.empty()) continue;
    const std::string path = absl::StrJoin(command.path, " ");
    absl::StrAppend(&text, "      ' ", path, "') command=' ", path, "' ;;\n");
  }
  return text;
}

}  // namespace

std::vector<CompletionCommand> DescribeCommands(const CLI::App& app) {
  std::vector<CompletionCommand> commands;
  Describe(app, {}, commands);
  return commands;
}

std::string BashCompletion(const std::string& program,
                           const std::vector<CompletionCommand>& commands) {
  std::string text = absl::StrCat("# bash completion for ", program, "\n_stevedore_cli() {\n");
  absl::StrAppend(&text,
                  "  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
                  "  local command= i\n"
                  "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
                  "    case \"$command ${COMP_WORDS[i]}\" in\n");
  absl::StrAppend(&text, CommandCases(commands));
  absl::StrAppend(&text,
                  "    esac\n  done\n  local flags= subcommands= images= references=\n  case "
                  "\"$command\" in\n");
  for (const CompletionCommand& command : commands) {
    const std::string path =
        command.path.empty() ? "" : absl::StrCat(" ", absl::StrJoin(command.path, " "));
    absl::StrAppend(&text, "    '", path, "')\n");
    absl::StrAppend(&text, "      flags='", FlagWords(command), "'\n");
    absl::StrAppend(&text, "      subcommands='", absl::StrJoin(command.subcommands, " "), "'\n");
    if (command.takes_images) absl::StrAppend(&text, "      images=1\n");
    if (command.takes_references) absl::StrAppend(&text, "      references=1\n");
    absl::StrAppend(&text, "      case \"$previous\" in\n");
    for (const CompletionCommand::Flag& flag : command.flags) {
      if (!flag.takes_value) continue;
      const std::string pattern = absl::StrJoin(flag.names, "|");
      if (flag.takes_path) {
        absl::StrAppend(&text, "        ", pattern,
                        ") COMPREPLY=($(compgen -f -- \"$word\")); return ;;\n");
      } else {
        absl::StrAppend(&text, "        ", pattern, ") COMPREPLY=($(compgen -W '",
                        absl::StrJoin(flag.choices, " "), "' -- \"$word\")); return ;;\n");
      }
    }
    absl::StrAppend(&text, "        *) ;;\n      esac\n      ;;\n");
  }
  absl::StrAppend(&text,
                  "  esac\n"
                  "  if [[ $word == -* ]]; then\n"
                  "    COMPREPLY=($(compgen -W \"$flags\" -- \"$word\"))\n"
                  "  elif [[ -n $images ]]; then\n"
                  "    COMPREPLY=($(compgen -W \"$(\"${COMP_WORDS[0]}\" get images --output names "
                  "2>/dev/null)\" "
                  "-- \"$word\"))\n"
                  "  else\n"
                  "    COMPREPLY=($(compgen -W \"$subcommands\" -- \"$word\"))\n"
                  "  fi\n"
                  "  [[ -z $references || $word == -* ]] && return\n"
                  // Bash ends a word at a colon, and replaces what is behind it only.
                  "  local line=${COMP_LINE:0:COMP_POINT} kept= candidate\n"
                  "  local whole=${line##*[[:space:]]}\n"
                  "  [[ $COMP_WORDBREAKS == *:* ]] && kept=${whole%\"${whole##*:}\"}\n"
                  "  while IFS= read -r candidate; do\n"
                  "    COMPREPLY+=(\"${candidate#\"$kept\"}\")\n"
                  "  done < <(\"${COMP_WORDS[0]}\" __complete \"$whole\" 2>/dev/null)\n"
                  // Layouts and archives are files.
                  "  ((${#COMPREPLY[@]})) || compopt -o default 2>/dev/null\n"
                  "}\n"
                  "complete -F _stevedore_cli ",
                  program, "\n");
  return text;
}

std::string ZshCompletion(const std::string& program,
                          const std::vector<CompletionCommand>& commands) {
  std::string text = absl::StrCat("#compdef ", program, "\n_stevedore_cli() {\n");
  absl::StrAppend(&text,
                  "  local command= i\n"
                  "  for ((i = 2; i < CURRENT; i++)); do\n"
                  "    case \"$command ${words[i]}\" in\n");
  absl::StrAppend(&text, CommandCases(commands));
  absl::StrAppend(
      &text,
      "    esac\n  done\n  local -a flags subcommands images references\n  case \"$command\" in\n");
  for (const CompletionCommand& command : commands) {
    const std::string path =
        command.path.empty() ? "" : absl::StrCat(" ", absl::StrJoin(command.path, " "));
    absl::StrAppend(&text, "    '", path, "')\n      case \"${words[CURRENT-1]}\" in\n");
    for (const CompletionCommand::Flag& flag : command.flags) {
      if (!flag.takes_value) continue;
      absl::StrAppend(&text, "        ", absl::StrJoin(flag.names, "|"), ") ");
      if (flag.takes_path) {
        absl::StrAppend(&text, "_files; return ;;\n");
      } else if (flag.choices.empty()) {
        absl::StrAppend(&text, "_message value; return ;;\n");
      } else {
        absl::StrAppend(&text, "compadd -- ", absl::StrJoin(flag.choices, " "), "; return ;;\n");
      }
    }
    absl::StrAppend(&text, "        *) ;;\n      esac\n");
    for (const CompletionCommand::Flag& flag : command.flags) {
      for (const std::string& name : flag.names) {
        absl::StrAppend(&text, "      flags+=('", name, ":", flag.description, "')\n");
      }
    }
    for (size_t i = 0; i < command.subcommands.size(); ++i) {
      absl::StrAppend(&text, "      subcommands+=('", command.subcommands[i], ":",
                      command.subcommand_descriptions[i], "')\n");
    }
    if (command.takes_images) {
      absl::StrAppend(&text,
                      "      images=(${(f)\"$(${words[1]} get images --output names "
                      "2>/dev/null)\"})\n");
    }
    if (command.takes_references) {
      absl::StrAppend(&text,
                      "      [[ ${words[CURRENT]} == -* ]] ||\n"
                      "        references=(${(f)\"$(${words[1]} __complete "
                      "\"${words[CURRENT]}\" 2>/dev/null)\"})\n");
    }
    absl::StrAppend(&text, "      ;;\n");
  }
  absl::StrAppend(&text,
                  "  esac\n"
                  "  (( ${#references} )) && compadd -- $references\n"
                  "  if [[ ${words[CURRENT]} == -* ]]; then\n"
                  "    _describe flag flags\n"
                  "  elif (( ${#images} )); then\n"
                  "    compadd -- $images\n"
                  "  else\n"
                  "    _describe command subcommands\n"
                  "  fi\n"
                  "}\n"
                  // Sourced, it announces itself; found by zsh in its path, it is called at once.
                  "if [[ ${funcstack[1]} == _",
                  program, " ]]; then\n  _stevedore_cli \"$@\"\nelse\n  compdef _stevedore_cli ",
                  program, "\nfi\n");
  return text;
}

std::string FishCompletion(const std::string& program,
                           const std::vector<CompletionCommand>& commands) {
  std::string text =
      absl::StrCat("# fish completion for ", program, "\ncomplete -c ", program, " -f\n");
  for (const CompletionCommand& command : commands) {
    std::vector<std::string> conditions;
    for (const std::string& word : command.path) {
      conditions.push_back(absl::StrCat("__fish_seen_subcommand_from ", word));
    }
    if (!command.subcommands.empty()) {
      conditions.push_back(absl::StrCat("not __fish_seen_subcommand_from ",
                                        absl::StrJoin(command.subcommands, " ")));
    }
    const std::string condition =
        conditions.empty() ? "" : absl::StrCat(" -n '", absl::StrJoin(conditions, "; and "), "'");
    for (size_t i = 0; i < command.subcommands.size(); ++i) {
      absl::StrAppend(&text, "complete -c ", program, condition, " -a ", command.subcommands[i],
                      " -d '", command.subcommand_descriptions[i], "'\n");
    }
    for (const CompletionCommand::Flag& flag : command.flags) {
      absl::StrAppend(&text, "complete -c ", program, condition);
      for (const std::string& name : flag.names) {
        const bool is_long = name.size() > 2;
        absl::StrAppend(&text, is_long ? " -l " : " -s ", name.substr(is_long ? 2 : 1));
      }
      if (flag.takes_value) absl::StrAppend(&text, flag.takes_path ? " -rF" : " -x");
      if (!flag.choices.empty())
        absl::StrAppend(&text, " -a '", absl::StrJoin(flag.choices, " "), "'");
      absl::StrAppend(&text, " -d '", flag.description, "'\n");
    }
    if (command.takes_images) {
      absl::StrAppend(&text, "complete -c ", program, condition, " -a '(", program,
                      " get images --output names 2>/dev/null)'\n");
    }
    if (command.takes_references) {
      absl::StrAppend(&text, "complete -c ", program, condition, " -a '(", program,
                      " __complete (commandline -ct) 2>/dev/null)'\n");
    }
  }
  return text;
}

}  // namespace stevedore::cli
