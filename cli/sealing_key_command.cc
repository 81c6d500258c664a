#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/status.h"
#include "cli/credential_commands.h"
#include "credentials/sealing.h"

namespace stevedore::cli {
namespace {

using credentials::SealingPrivateKey;
using credentials::SealingPublicKey;

// Creates `path`, which must not exist: who loses a private key loses what was sealed to it.
absl::Status WriteNewFile(const std::string& path, const base::Secret& content) {
  absl::StatusOr<base::FileDescriptor> file =
      base::OpenFile(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (absl::IsAlreadyExists(file.status())) {
    return absl::AlreadyExistsError(
        absl::StrCat(path, " exists already; name another file, or --force replaces it"));
  }
  RETURN_IF_ERROR(file.status());
  absl::Status status = base::WriteFully(file->get(), content.Reveal(), path);
  if (status.ok() && fsync(file->get()) != 0) status = base::ErrnoStatus(errno, path);
  if (status.ok()) status = file->Close();
  if (!status.ok()) unlink(path.c_str());
  return status;
}

absl::StatusOr<ExitCode> Create(CommandContext& context, const std::string& file, bool force) {
  ASSIGN_OR_RETURN(const SealingPrivateKey key, SealingPrivateKey::Generate());
  const base::Secret secret(absl::StrCat(key.ToString().Reveal(), "\n"));
  const std::string known = absl::StrCat(key.public_key().ToString(), "\n");
  RETURN_IF_ERROR(
      force ? base::WriteFileAtomically(file, secret.Reveal(), 0600) : WriteNewFile(file, secret),
      "sealing key");
  RETURN_IF_ERROR(base::WriteFileAtomically(file + ".pub", known, 0644), "sealing key");
  context.console->Err(absl::StrCat("sealing key ", key.public_key().id(), ": ", file,
                                    " is for workers only (--sealing-key); ", file,
                                    ".pub is for the coordinator (--sealing-public-key)\n"));
  context.console->Out(known);
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Get(CommandContext& context, const std::string& file) {
  ASSIGN_OR_RETURN(std::string text, base::ReadFile(file, 4096), "sealing key");
  if (const auto known = SealingPublicKey::Parse(text); known.ok()) {
    context.console->Err(absl::StrCat("sealing key ", known->id(), "\n"));
    context.console->Out(absl::StrCat(known->ToString(), "\n"));
    return ExitCode::kOk;
  }
  ASSIGN_OR_RETURN(const SealingPrivateKey key,
                   SealingPrivateKey::Parse(base::Secret(std::move(text))), file);
  context.console->Err(absl::StrCat("sealing key ", key.public_key().id(), "\n"));
  context.console->Out(absl::StrCat(key.public_key().ToString(), "\n"));
  return ExitCode::kOk;
}

}  // namespace

void AddCreateSealingKey(CLI::App& verb, CommandContext& context) {
  CLI::App* command =
      verb.add_subcommand("sealing-key",
                          "Make the key pair that builds' credentials are sealed to for a queue's "
                          "workers");
  const auto file = std::make_shared<std::string>();
  const auto force = std::make_shared<bool>(false);
  command->add_option("FILE", *file, "Where the private half goes; FILE.pub gets the public one")
      ->required();
  command->add_flag("--force", *force, "Replace the file");
  command->callback([&context, file, force] {
    context.action = [&context, file, force] { return Create(context, *file, *force); };
  });
}

void AddGetSealingKey(CLI::App& verb, CommandContext& context) {
  CLI::App* command =
      verb.add_subcommand("sealing-key", "Show the id and the public half of a sealing key");
  const auto file = std::make_shared<std::string>();
  command->add_option("FILE", *file, "File with either half")->required();
  command->callback(
      [&context, file] { context.action = [&context, file] { return Get(context, *file); }; });
}

}  // namespace stevedore::cli
