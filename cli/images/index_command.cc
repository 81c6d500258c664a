#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/images/edit_flags.h"
#include "cli/images/edit_run.h"
#include "cli/images/image_access.h"
#include "cli/images/image_commands.h"
#include "cli/images/image_flags.h"
#include "nlohmann/json.hpp"
#include "oci/image/artifact.h"
#include "oci/image/index.h"
#include "oci/image/index_editor.h"
#include "transfer/image_reading.h"
#include "transfer/image_writing.h"

namespace stevedore::cli {
namespace {

// Values of the flags of all three commands that make an index.
struct IndexFlags {
  ImageFlags image;
  ResultFlags result;
  std::string base;
  std::vector<std::string> manifests;
  std::vector<std::string> platforms;
  std::vector<std::string> annotations;
  bool flatten = true;
  bool docker = false;
};

// An index on its way, and where its entries are.
class IndexWork {
 public:
  IndexWork(ImageAccess& access, oci::IndexEditor editor)
      : access_(access), editor_(std::move(editor)) {}

  oci::IndexEditor& editor() { return editor_; }

  // The entries of an index that is edited are where it is.
  void AddPlace(std::unique_ptr<transfer::ImageSource> place, const oci::Index& index) {
    for (const oci::Descriptor& entry : index.manifests()) where_[entry.digest] = place.get();
    open_.push_back(std::move(place));
  }

  // Adds the image, artifact or index at `text`.
  absl::Status Add(const std::string& text, bool flatten) {
    ASSIGN_OR_RETURN(ImageToEdit image, OpenToEdit(access_, text, std::nullopt), text);
    if (image.is_index()) {
      ASSIGN_OR_RETURN(const oci::Index index,
                       oci::Index::Parse(image.top.bytes, image.top.media_type), text);
      if (flatten) {
        RETURN_IF_ERROR(editor_.AppendEntriesOf(index), text);
        AddPlace(std::move(image.source.images), index);
        return absl::OkStatus();
      }
      editor_.Append(index.ToDescriptor());
      where_[index.digest()] = image.source.images.get();
    } else {
      ASSIGN_OR_RETURN(const oci::Descriptor entry, EntryOf(image), text);
      editor_.Append(entry);
      where_[entry.digest] = image.source.images.get();
    }
    open_.push_back(std::move(image.source.images));
    return absl::OkStatus();
  }

  // Brings all entries to the place of the result, then the index itself.
  absl::StatusOr<TreeResult> Write(ResultSink& result) {
    ASSIGN_OR_RETURN(const oci::Index index, editor_.Finish());
    TreeResult tree{.digest = index.digest(), .media_type = index.media_type()};
    transfer::ImageSink& sink = *result.sink.images;
    for (const oci::Descriptor& entry : index.manifests()) {
      const auto source = where_.find(entry.digest);
      if (source == where_.end()) {
        return absl::InternalError(
            absl::StrCat("nobody said where ", entry.digest.ToString(), " is"));
      }
      ASSIGN_OR_RETURN(const transfer::RawManifest document,
                       source->second->GetManifest(entry.digest.ToString(), access_.stop()));
      ASSIGN_OR_RETURN(const transfer::ImageWritten written,
                       transfer::CopyDocument(sink, "", *source->second, document, access_.stop()));
      tree.written.blobs_there += written.blobs_there;
      tree.written.blobs_mounted += written.blobs_mounted;
      tree.written.blobs_copied += written.blobs_copied;
      tree.written.bytes_copied += written.bytes_copied;
      ++tree.images;
    }
    const std::string name =
        result.sink.tag_or_digest.empty() ? index.digest().ToString() : result.sink.tag_or_digest;
    RETURN_IF_ERROR(
        sink.PutManifest(name, index.bytes(), index.media_type(), access_.stop()).status(),
        "write index to ", sink.Describe());
    return tree;
  }

 private:
  absl::StatusOr<oci::Descriptor> EntryOf(const ImageToEdit& image) {
    ASSIGN_OR_RETURN(const oci::Manifest manifest,
                     oci::Manifest::Parse(image.top.bytes, image.top.media_type));
    if (!oci::HasImageConfig(manifest)) {
      oci::Descriptor entry = manifest.ToDescriptor();
      entry.artifact_type = manifest.artifact_type().empty() ? manifest.config().media_type
                                                             : manifest.artifact_type();
      return entry;
    }
    ASSIGN_OR_RETURN(
        std::string config,
        transfer::ReadSmallBlob(*image.source.images, manifest.config(), access_.stop()));
    oci::Image documents{.manifest = manifest};
    ASSIGN_OR_RETURN(documents.config, oci::ImageConfig::Parse(std::move(config)));
    if (documents.config.platform().os.empty() ||
        documents.config.platform().architecture.empty()) {
      return absl::InvalidArgumentError(
          "the image does not say what it is made for; give it a platform first: mutate "
          "--set-platform OS/ARCH");
    }
    return oci::IndexEntry(documents);
  }

  ImageAccess& access_;
  oci::IndexEditor editor_;
  std::vector<std::unique_ptr<transfer::ImageSource>> open_;
  std::map<oci::Digest, transfer::ImageSource*> where_;
};

// The index at `text`, opened for editing. `endpoint` becomes where it is.
absl::StatusOr<std::unique_ptr<IndexWork>> OpenIndex(ImageAccess& access, const std::string& text,
                                                     transfer::Endpoint* endpoint) {
  ASSIGN_OR_RETURN(ImageToEdit image, OpenToEdit(access, text, std::nullopt));
  if (!image.is_index()) {
    return absl::InvalidArgumentError(
        absl::StrCat(text, " is not an index but one image; `index create -m ", text,
                     " -t DESTINATION` makes "
                     "an index of it"));
  }
  ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(image.top.bytes, image.top.media_type),
                   text);
  ASSIGN_OR_RETURN(oci::IndexEditor editor, oci::IndexEditor::Create(index));
  auto work = std::make_unique<IndexWork>(access, std::move(editor));
  work->AddPlace(std::move(image.source.images), index);
  *endpoint = image.endpoint;
  return work;
}

absl::StatusOr<ExitCode> WriteAndTell(CommandContext& context, const IndexFlags& flags,
                                      ImageAccess& access, IndexWork& work,
                                      const std::optional<transfer::Endpoint>& base) {
  ASSIGN_OR_RETURN(const auto annotations, ReadPairs("--annotation", flags.annotations));
  work.editor().Annotate(annotations);
  ASSIGN_OR_RETURN(const transfer::Endpoint place, ResultPlace(flags.result, base));
  ASSIGN_OR_RETURN(ResultSink result, OpenResult(access, place));
  ASSIGN_OR_RETURN(const TreeResult tree, work.Write(result));
  RETURN_IF_ERROR(FinishResult(access, *context.console, flags.image, result, tree));
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Append(CommandContext& context, const IndexFlags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  std::unique_ptr<IndexWork> work;
  std::optional<transfer::Endpoint> base;
  if (flags.base.empty()) {
    work = std::make_unique<IndexWork>(
        *access,
        oci::IndexEditor(flags.docker ? oci::ImageFormat::kDocker : oci::ImageFormat::kOci));
  } else if (flags.docker) {
    return absl::InvalidArgumentError("--docker-empty-base is for an index without a base");
  } else {
    base.emplace();
    ASSIGN_OR_RETURN(work, OpenIndex(*access, flags.base, &*base));
  }
  for (const std::string& manifest : flags.manifests) {
    RETURN_IF_ERROR(work->Add(manifest, flags.flatten));
  }
  return WriteAndTell(context, flags, *access, *work, base);
}

absl::StatusOr<ExitCode> Filter(CommandContext& context, const IndexFlags& flags) {
  std::vector<oci::Platform> platforms;
  for (const std::string& list : flags.platforms) {
    const std::vector<std::string> texts = absl::StrSplit(list, ',');
    for (const std::string& text : texts) {
      ASSIGN_OR_RETURN(oci::Platform platform, oci::Platform::Parse(text), "--platform");
      platforms.push_back(std::move(platform));
    }
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  transfer::Endpoint base;
  ASSIGN_OR_RETURN(const std::unique_ptr<IndexWork> work, OpenIndex(*access, flags.base, &base));
  const size_t removed = work->editor().Filter(platforms);
  ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> left, work->editor().entries());
  if (left.empty()) {
    return absl::NotFoundError(absl::StrCat(
        flags.base, " has nothing for these platforms; `index list` shows what it has"));
  }
  context.console->Err(absl::StrCat("removed ", removed, " entries, kept ", left.size(), "\n"));
  return WriteAndTell(context, flags, *access, *work, base);
}

std::string Padded(std::string text, size_t width) {
  text.resize(std::max(text.size(), width), ' ');
  return text;
}

absl::StatusOr<ExitCode> List(CommandContext& context, const IndexFlags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  transfer::Endpoint base;
  ASSIGN_OR_RETURN(const std::unique_ptr<IndexWork> work, OpenIndex(*access, flags.base, &base));
  ASSIGN_OR_RETURN(const std::vector<oci::Descriptor> entries, work->editor().entries());
  std::string table = absl::StrCat(Padded("PLATFORM", 20), Padded("DIGEST", 73), "SIZE\n");
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const oci::Descriptor& entry : entries) {
    std::string kind = entry.platform.has_value() ? entry.platform->ToString() : "-";
    if (oci::IsAttachment(entry)) kind = "(attestation)";
    if (oci::IsIndexType(entry.media_type)) kind = "(index)";
    if (!entry.artifact_type.empty()) kind = entry.artifact_type;
    absl::StrAppend(&table, Padded(kind, 19), " ", Padded(entry.digest.ToString(), 72), " ",
                    entry.size, "\n");
    // The documents' own names and members.
    json.push_back(nlohmann::ordered_json::parse(entry.ToJson().dump()));
  }
  context.console->Out(FormatResult(flags.image, table, json));
  return ExitCode::kOk;
}

using Action = absl::StatusOr<ExitCode> (*)(CommandContext&, const IndexFlags&);

void Bind(CLI::App* command, CommandContext& context, std::shared_ptr<IndexFlags> flags,
          Action action) {
  AddImageFlagsWithoutPlatform(*command, &flags->image);
  command->callback([&context, flags, action] {
    context.action = [&context, flags, action] { return action(context, *flags); };
  });
}

void AddMakingFlags(CLI::App& command, IndexFlags& flags) {
  command.add_option("-m,--manifest", flags.manifests, "Image, artifact or index to add")
      ->allow_extra_args(false)
      ->type_name("REF");
  command.add_flag("--flatten,!--no-flatten", flags.flatten,
                   "Add the entries of an index, not the index (default)");
  command.add_option("-a,--annotation", flags.annotations, "Annotation of the index")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  AddResultFlags(command, &flags.result, /*with_repo=*/false);
}

}  // namespace

void AddIndexCommand(CLI::App& app, CommandContext& context) {
  CLI::App* index = app.add_subcommand("index", "Make and change indexes of several images");
  index->require_subcommand(1)->fallthrough();

  auto flags = std::make_shared<IndexFlags>();
  CLI::App* create = index->add_subcommand("create", "Make an index of images");
  AddMakingFlags(*create, *flags);
  create->get_option("--manifest")->required();
  create->get_option("--tag")->required();
  create->add_flag("--docker", flags->docker, "Docker's media types, not OCI's");
  Bind(create->fallthrough(), context, flags, &Append);

  flags = std::make_shared<IndexFlags>();
  CLI::App* append = index->add_subcommand("append", "Add images to an index");
  append->add_option("base", flags->base, "Index to start from; default: an empty one")
      ->type_name("REF");
  AddMakingFlags(*append, *flags);
  append->get_option("--manifest")->required();
  append->add_flag("--docker-empty-base", flags->docker,
                   "Without a base: Docker's media types, not OCI's");
  Bind(append->fallthrough(), context, flags, &Append);

  flags = std::make_shared<IndexFlags>();
  CLI::App* filter = index->add_subcommand("filter", "Keep the images for some platforms only");
  filter->add_option("index", flags->base, "Index")->required()->type_name("REF");
  filter->add_option("--platform", flags->platforms, "What stays")
      ->allow_extra_args(false)
      ->required()
      ->type_name("OS/ARCH[/VARIANT]");
  filter->add_option("-a,--annotation", flags->annotations, "Annotation of the index")
      ->allow_extra_args(false)
      ->type_name("NAME=VALUE");
  AddResultFlags(*filter, &flags->result, /*with_repo=*/false);
  Bind(filter->fallthrough(), context, flags, &Filter);

  flags = std::make_shared<IndexFlags>();
  CLI::App* list = index->add_subcommand("list", "Show what an index lists");
  list->add_option("index", flags->base, "Index")->required()->type_name("REF");
  Bind(list->fallthrough(), context, flags, &List);
}

}  // namespace stevedore::cli
