// Commands that print one document or blob of an image: manifest, config, digest, blob.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/status.h"
#include "cli/images/image_access.h"
#include "cli/images/image_commands.h"
#include "cli/images/image_flags.h"
#include "oci/image/manifest.h"
#include "transfer/blob_download.h"
#include "transfer/image_reading.h"

namespace stevedore::cli {
namespace {

constexpr size_t kPieceBytes = 256 << 10;

// Values of the flags of all four commands.
struct DocumentFlags {
  ImageFlags image;
  std::string reference, tarball;
  bool full_ref = false;
};

// The manifest that is asked for: of one platform only if that was said, or `one` is wanted.
absl::StatusOr<transfer::RawManifest> GetManifest(ImageAccess& access,
                                                  const transfer::OpenedSource& source, bool one) {
  if (one || access.platform().has_value()) {
    return transfer::ReadManifest(*source.images, source.tag_or_digest, access.platform(),
                                  access.stop());
  }
  return source.images->GetManifest(source.tag_or_digest, access.stop());
}

// A document byte for byte, or laid out as `--output` says.
absl::StatusOr<std::string> Layout(const DocumentFlags& flags, const std::string& bytes) {
  if (flags.image.output == "table") return bytes;
  const auto json = nlohmann::ordered_json::parse(bytes, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    return absl::InvalidArgumentError(
        absl::StrCat(flags.reference, ": the document is not JSON; leave --output out"));
  }
  return FormatResult(flags.image, "", json);
}

absl::StatusOr<ExitCode> PrintManifest(CommandContext& context, const DocumentFlags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  ASSIGN_OR_RETURN(const transfer::OpenedSource source, access->OpenSource(flags.reference));
  ASSIGN_OR_RETURN(const transfer::RawManifest document,
                   GetManifest(*access, source, /*one=*/false));
  ASSIGN_OR_RETURN(const std::string text, Layout(flags, document.bytes));
  context.console->Out(text);
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> PrintConfig(CommandContext& context, const DocumentFlags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  ASSIGN_OR_RETURN(const transfer::OpenedSource source, access->OpenSource(flags.reference));
  ASSIGN_OR_RETURN(transfer::RawManifest document, GetManifest(*access, source, /*one=*/true));
  ASSIGN_OR_RETURN(const oci::Manifest manifest,
                   oci::Manifest::Parse(std::move(document.bytes), document.media_type),
                   flags.reference);
  ASSIGN_OR_RETURN(const std::string config,
                   transfer::ReadSmallBlob(*source.images, manifest.config(), access->stop()));
  ASSIGN_OR_RETURN(const std::string text, Layout(flags, config));
  context.console->Out(text);
  return ExitCode::kOk;
}

absl::StatusOr<oci::Digest> FindDigest(ImageAccess& access, const transfer::OpenedSource& source,
                                       const std::string& place) {
  if (access.platform().has_value()) {
    ASSIGN_OR_RETURN(transfer::RawManifest document, GetManifest(access, source, /*one=*/true));
    return std::move(document.digest);
  }
  ASSIGN_OR_RETURN(const auto found,
                   source.images->HeadManifest(source.tag_or_digest, access.stop()));
  if (found.has_value()) return found->digest;
  return absl::NotFoundError(absl::StrCat("there is no image ", place,
                                          "; `stevedore-cli ls` lists the tags that there are"));
}

absl::StatusOr<ExitCode> PrintDigest(CommandContext& context, const DocumentFlags& flags) {
  if (flags.tarball.empty() == flags.reference.empty()) {
    return absl::InvalidArgumentError("digest: give either an image or --tarball FILE");
  }
  const std::string place =
      flags.tarball.empty() ? flags.reference : absl::StrCat("docker-archive:", flags.tarball);
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  ASSIGN_OR_RETURN(const transfer::OpenedSource source, access->OpenSource(place));
  ASSIGN_OR_RETURN(const oci::Digest digest, FindDigest(*access, source, place));
  const std::string name = source.images->MountName();
  const std::string shown = flags.full_ref && !name.empty()
                                ? absl::StrCat(name, "@", digest.ToString())
                                : digest.ToString();
  nlohmann::ordered_json json;
  if (!name.empty()) json["Repository"] = name;
  json["Digest"] = digest.ToString();
  context.console->Out(FormatResult(flags.image, absl::StrCat(shown, "\n"), json));
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> PrintBlob(CommandContext& context, const DocumentFlags& flags) {
  ASSIGN_OR_RETURN(const transfer::Endpoint endpoint, transfer::ParseEndpoint(flags.reference));
  if (endpoint.kind != transfer::EndpointKind::kRegistry || endpoint.reference.digest().empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("blob ", flags.reference,
                     ": name a blob of a registry by its digest: REPOSITORY@sha256:…"));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> bytes,
                   access->registries()->GetBlob(endpoint.reference,
                                                 {.media_type = "",
                                                  .digest = endpoint.reference.digest(),
                                                  .size = transfer::kUnknownBlobSize},
                                                 access->stop()));
  // Past the console, which would not say that nobody reads any more.
  std::string piece(kPieceBytes, '\0');
  while (true) {
    ASSIGN_OR_RETURN(const size_t read, bytes->Read(piece.data(), piece.size()));
    if (read == 0) return ExitCode::kOk;
    RETURN_IF_ERROR(
        base::WriteFully(STDOUT_FILENO, absl::string_view(piece.data(), read), "standard output"));
  }
}

using Action = absl::StatusOr<ExitCode> (*)(CommandContext&, const DocumentFlags&);

// Enters a command; the flags can be added to.
CLI::App* AddDocumentCommand(CLI::App& app, CommandContext& context, const char* name,
                             const char* what, const std::shared_ptr<DocumentFlags>& flags,
                             Action action) {
  CLI::App* command = app.add_subcommand(name, what);
  command->callback([&context, flags, action] {
    context.action = [&context, flags, action] { return action(context, *flags); };
  });
  return command;
}

}  // namespace

void AddManifestCommand(CLI::App& app, CommandContext& context) {
  const auto flags = std::make_shared<DocumentFlags>();
  CLI::App* command =
      AddDocumentCommand(app, context, "manifest", "Print the manifest of an image, byte for byte",
                         flags, PrintManifest);
  command->add_option("IMAGE", flags->reference, "Image, in any place")->required();
  AddImageFlags(*command, &flags->image);
}

void AddConfigCommand(CLI::App& app, CommandContext& context) {
  const auto flags = std::make_shared<DocumentFlags>();
  CLI::App* command = AddDocumentCommand(
      app, context, "config", "Print the config of an image, byte for byte", flags, PrintConfig);
  command->add_option("IMAGE", flags->reference, "Image, in any place")->required();
  AddImageFlags(*command, &flags->image);
}

void AddDigestCommand(CLI::App& app, CommandContext& context) {
  const auto flags = std::make_shared<DocumentFlags>();
  CLI::App* command = AddDocumentCommand(app, context, "digest", "Print the digest of an image",
                                         flags, PrintDigest);
  command->add_option("IMAGE", flags->reference, "Image, in any place");
  command->add_option("--tarball", flags->tarball, "The image in this archive of docker save")
      ->type_name("FILE");
  command->add_flag("--full-ref", flags->full_ref, "Print repository@digest");
  AddImageFlags(*command, &flags->image);
}

void AddBlobCommand(CLI::App& app, CommandContext& context) {
  const auto flags = std::make_shared<DocumentFlags>();
  CLI::App* command = AddDocumentCommand(app, context, "blob",
                                         "Print a blob of a registry to standard output, verified",
                                         flags, PrintBlob);
  command->add_option("IMAGE", flags->reference, "REPOSITORY@DIGEST")->required();
  AddImageFlagsWithoutPlatform(*command, &flags->image);
}

}  // namespace stevedore::cli
