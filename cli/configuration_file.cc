#include "cli/configuration_file.h"

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <array>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/status.h"
#include "cli/structured_output.h"
#include "cli/whole_file.h"

namespace stevedore::cli {
namespace {

absl::Status Missing(absl::string_view flag, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(flag, " must not be empty; ", what));
}

}  // namespace

absl::Status CheckNewConfiguration(const graph::Configuration& configuration) {
  if (configuration.builders_path.empty()) {
    return Missing("--builders-path", "name the file or folder with builders");
  }
  if (configuration.images_path.empty()) {
    return Missing("--images-path", "name the file or folder with images");
  }
  if (configuration.concurrency < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("--concurrency must be at least 1, found ", configuration.concurrency));
  }
  const std::string& format = configuration.credentials_format;
  if (format != "json" && format != "yaml") {
    return absl::InvalidArgumentError(
        absl::StrCat("--credentials-format must be json or yaml, found ", base::Quoted(format)));
  }
  const std::string& type = configuration.credentials_storage_type;
  if (type != "local" && type != "envvars") {
    return absl::InvalidArgumentError(absl::StrCat(
        "--credentials-storage-type must be local or envvars, found ", base::Quoted(type)));
  }
  if (type == "local" && configuration.credentials_local_storage_path.empty()) {
    return Missing("--credentials-local-storage-path", "name the folder with credentials");
  }
  return absl::OkStatus();
}

std::string ConfigurationFileText(const graph::Configuration& configuration) {
  std::string text =
      "# Settings of this project. An environment variable beats the file:\n"
      "# STEVEDORE_IMAGES_PATH, STEVEDORE_CREDENTIALS_FORMAT and so on.\n\n";
  absl::StrAppend(
      &text,
      "# File or folder with `builders:`.\nbuilders_path: ", YamlText(configuration.builders_path),
      "\n\n# File or folder with `images:`.\nimages_path: ", YamlText(configuration.images_path),
      "\n\n# Images built at once.\nconcurrency: ", configuration.concurrency,
      "\n\n# Push after every build; --push-after-build=false wins over it.\n"
      "push_images: ",
      configuration.push_images ? "true" : "false", "\n");
  if (!configuration.log_path.empty()) {
    absl::StrAppend(&text, "\nlog_path: ", YamlText(configuration.log_path), "\n");
  }
  absl::StrAppend(&text,
                  "\n# Further tags of versions that are semantic versions: 1.2 and 1 of 1.2.3.\n"
                  "semantic_version_tags_enabled: ",
                  configuration.semantic_version_tags_enabled ? "true" : "false", "\n");
  const bool no_templates = configuration.semantic_version_tags_templates.empty();
  absl::StrAppend(&text, "semantic_version_tags_templates:", no_templates ? " []" : "", "\n");
  for (const std::string& tag : configuration.semantic_version_tags_templates) {
    absl::StrAppend(&text, "  - ", YamlText(tag), "\n");
  }
  absl::StrAppend(&text, "\n# Where passwords for registries and git servers are.\ncredentials:\n",
                  "  storage_type: ", YamlText(configuration.credentials_storage_type),
                  "\n  format: ", YamlText(configuration.credentials_format), "\n");
  if (configuration.credentials_storage_type == "local") {
    absl::StrAppend(&text, "  local_storage_path: ",
                    YamlText(configuration.credentials_local_storage_path), "\n");
  }
  if (!configuration.credentials_encryption_key.empty()) {
    absl::StrAppend(&text,
                    "  # Whoever has it can read the store: keep this file out of git.\n"
                    "  encryption_key: ",
                    YamlText(configuration.credentials_encryption_key.Reveal()), "\n");
  }
  return text;
}

absl::Status WriteConfigurationFile(const std::string& path,
                                    const graph::Configuration& configuration, bool replace) {
  const std::string text = ConfigurationFileText(configuration);
  const mode_t mode = configuration.credentials_encryption_key.empty() ? 0644 : 0600;
  return WriteWholeFile(path, text, mode, replace);
}

absl::StatusOr<base::Secret> GenerateEncryptionKey() {
  std::array<char, 16> bytes;
  // So few bytes come at once or not at all.
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    return absl::UnavailableError(absl::StrCat("random bytes for a key: ", strerror(errno)));
  }
  base::Secret key(absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size())));
  explicit_bzero(bytes.data(), bytes.size());
  return key;
}

}  // namespace stevedore::cli
