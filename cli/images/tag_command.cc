// Commands that change names only: tag, delete.
#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "cli/images/image_access.h"
#include "cli/images/image_commands.h"
#include "cli/images/image_flags.h"
#include "oci/image/reference.h"

namespace stevedore::cli {
namespace {

// Values of the flags of both commands.
struct TagFlags {
  ImageFlags image;
  std::string reference;
  std::vector<std::string> names;  // New tags, or what to delete.
};

// Places in which names can be changed without writing the whole place anew.
absl::Status CheckPlace(const transfer::Endpoint& endpoint) {
  if (endpoint.kind == transfer::EndpointKind::kRegistry ||
      endpoint.kind == transfer::EndpointKind::kLayout) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(endpoint.ToString(), ": names can be changed in registries and layouts (oci:) ",
                   "only; copy the image to a new place instead"));
}

absl::StatusOr<ExitCode> Tag(CommandContext& context, const TagFlags& flags) {
  ASSIGN_OR_RETURN(const transfer::Endpoint from, transfer::ParseEndpoint(flags.reference));
  RETURN_IF_ERROR(CheckPlace(from));
  for (const std::string& tag : flags.names) RETURN_IF_ERROR(oci::CheckTag(tag), "new tag");
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  ASSIGN_OR_RETURN(const transfer::OpenedSource source,
                   access->endpoints()->OpenSource(from, access->stop()));
  ASSIGN_OR_RETURN(const transfer::RawManifest manifest,
                   source.images->GetManifest(source.tag_or_digest, access->stop()));
  ASSIGN_OR_RETURN(const transfer::OpenedSink sink,
                   access->endpoints()->OpenSink(from, access->stop()));
  nlohmann::ordered_json json;
  json["Digest"] = manifest.digest.ToString();
  json["Tags"] = nlohmann::ordered_json::array();
  std::string lines;
  for (const std::string& tag : flags.names) {
    RETURN_IF_ERROR(
        sink.images->PutManifest(tag, manifest.bytes, manifest.media_type, access->stop())
            .status());
    const std::string name = source.images->MountName();
    const std::string shown = name.empty() ? tag : absl::StrCat(name, ":", tag);
    json["Tags"].push_back(shown);
    absl::StrAppend(&lines, shown, "\n");
  }
  RETURN_IF_ERROR(sink.images->Finish(access->stop()));
  context.console->Out(FormatResult(flags.image, lines, json));
  return ExitCode::kOk;
}

absl::Status DeleteOne(ImageAccess& access, const std::string& text) {
  ASSIGN_OR_RETURN(const transfer::Endpoint endpoint, transfer::ParseEndpoint(text));
  RETURN_IF_ERROR(CheckPlace(endpoint));
  const bool named =
      endpoint.kind == transfer::EndpointKind::kRegistry || !endpoint.TagOrDigest().empty();
  // Opened for reading first: what is not there is not made, to find nothing in it.
  ASSIGN_OR_RETURN(const transfer::OpenedSource source,
                   access.endpoints()->OpenSource(endpoint, access.stop()));
  if (!named) {
    return absl::InvalidArgumentError(
        absl::StrCat(text, ": say which image, by its tag or digest: ", text, ":TAG"));
  }
  ASSIGN_OR_RETURN(const transfer::OpenedSink sink,
                   access.endpoints()->OpenSink(endpoint, access.stop()));
  RETURN_IF_ERROR(sink.images->DeleteManifest(source.tag_or_digest, access.stop()));
  return sink.images->Finish(access.stop());
}

absl::StatusOr<ExitCode> Delete(CommandContext& context, const TagFlags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  nlohmann::ordered_json json;
  json["Deleted"] = nlohmann::ordered_json::array();
  std::string lines;
  std::vector<absl::Status> failures;
  for (const std::string& text : flags.names) {
    const absl::Status status = DeleteOne(*access, text);
    if (status.ok()) {
      json["Deleted"].push_back(text);
      absl::StrAppend(&lines, text, "\n");
      continue;
    }
    failures.push_back(status);
    if (access->stop().stop_requested()) break;
  }
  context.console->Out(FormatResult(flags.image, lines, json));
  // What is not there beats what could not be reached: the exit code is that of the whole.
  size_t worst = 0;
  for (size_t i = 1; i < failures.size(); ++i) {
    if (absl::IsNotFound(failures[i]) && !absl::IsNotFound(failures[worst])) worst = i;
  }
  for (size_t i = 0; i < failures.size(); ++i) {
    if (i != worst) PrintError(*context.console, failures[i].message());
  }
  if (!failures.empty()) return failures[worst];
  return ExitCode::kOk;
}

}  // namespace

void AddTagCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("tag", "Give an image further tags, where it is; no blob is moved");
  const auto flags = std::make_shared<TagFlags>();
  command->add_option("IMAGE", flags->reference, "Image in a registry or layout")->required();
  command->add_option("TAG", flags->names, "New tags")->required();
  AddImageFlagsWithoutPlatform(*command, &flags->image);
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Tag(context, *flags); }; });
}

void AddDeleteImages(CLI::App& remove, CommandContext& context) {
  const auto flags = std::make_shared<TagFlags>();
  remove.add_option("IMAGE", flags->names,
                    "Images in a registry or layout: a tag, or by digest the image with all tags");
  AddImageFlagsWithoutPlatform(remove, &flags->image);
  // Of the command itself and of its subcommands' parent alike: only if nothing else was entered.
  remove.callback([&context, &remove, flags] {
    if (!remove.get_subcommands().empty()) return;
    context.action = [&context, flags]() -> absl::StatusOr<ExitCode> {
      if (flags->names.empty()) {
        return absl::InvalidArgumentError(
            "delete: say what: an image (REPOSITORY:TAG or REPOSITORY@DIGEST), or `credentials "
            "ID`");
      }
      return Delete(context, *flags);
    };
  });
}

}  // namespace stevedore::cli
