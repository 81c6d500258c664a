// The commands that show and change stored credentials.

#ifndef STEVEDORE_CLI_CREDENTIAL_COMMANDS_H_
#define STEVEDORE_CLI_CREDENTIAL_COMMANDS_H_

#include "cli/command.h"

namespace stevedore::cli {

// Each adds `credentials` below the verb `verb`, which is called get, create, delete, rotate or
// migrate. `context` must outlive the parse and the action.
void AddGetCredentials(CLI::App& verb, CommandContext& context);
void AddCreateCredentials(CLI::App& verb, CommandContext& context);
void AddDeleteCredentials(CLI::App& verb, CommandContext& context);
void AddRotateCredentials(CLI::App& verb, CommandContext& context);
void AddMigrateCredentials(CLI::App& verb, CommandContext& context);

// Each adds `sealing-key` below `verb`, which is called create or get.
void AddCreateSealingKey(CLI::App& verb, CommandContext& context);
void AddGetSealingKey(CLI::App& verb, CommandContext& context);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_CREDENTIAL_COMMANDS_H_
