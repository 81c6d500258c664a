#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "cli/command.h"
#include "cli/images/edit_flags.h"
#include "cli/images/edit_run.h"
#include "cli/images/image_access.h"
#include "cli/images/image_commands.h"
#include "cli/images/image_flags.h"
#include "cli/images/image_tree.h"
#include "cli/images/rebase_cascade.h"
#include "oci/image/index.h"
#include "oci/image/rebase.h"
#include "transfer/image_reading.h"

namespace stevedore::cli {
namespace {

// Values of the command's flags.
struct RebaseFlags {
  ImageFlags image;
  ResultFlags result;
  RebaseCascadeFlags cascade_flags;
  bool cascade = false;
  std::string reference;
  std::string old_base;
  std::string new_base;
};

// An image that another one stands on, or shall stand on.
struct Base {
  std::string text;
  transfer::Endpoint endpoint;
  transfer::OpenedSource source;
};

absl::StatusOr<Base> OpenBase(ImageAccess& access, const std::string& text) {
  Base base{.text = text};
  ASSIGN_OR_RETURN(base.endpoint, transfer::ParseEndpoint(text));
  ASSIGN_OR_RETURN(base.source, access.endpoints()->OpenSource(base.endpoint, access.stop()));
  return base;
}

// Where the bases are: as the flags say, else as the image says.
class Bases {
 public:
  Bases(ImageAccess& access, const RebaseFlags& flags) : access_(access), flags_(flags) {}

  // `annotations` are those of the image and the index around it.
  absl::StatusOr<oci::Image> Old(const oci::Image& image,
                                 const std::map<std::string, std::string>& annotations) {
    std::string text = flags_.old_base;
    if (text.empty()) {
      ASSIGN_OR_RETURN(text, OldFromAnnotations(annotations));
    }
    return Read(text, image, "old base");
  }
  absl::StatusOr<oci::Image> New(const oci::Image& image,
                                 const std::map<std::string, std::string>& annotations,
                                 Base** where) {
    const auto name = annotations.find(oci::kBaseNameAnnotation);
    std::string text = flags_.new_base;
    if (text.empty() && name != annotations.end()) text = name->second;
    if (text.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the image does not say what it stands on (annotation ",
                       oci::kBaseNameAnnotation, "); give --new-base REF"));
    }
    ASSIGN_OR_RETURN(oci::Image base, Read(text, image, "new base"));
    *where = &open_.at(text);
    return base;
  }

 private:
  absl::StatusOr<std::string> OldFromAnnotations(
      const std::map<std::string, std::string>& annotations) const {
    const auto digest = annotations.find(oci::kBaseDigestAnnotation);
    const auto name = annotations.find(oci::kBaseNameAnnotation);
    if (digest == annotations.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the image does not say what it stands on (annotation ",
                       oci::kBaseDigestAnnotation, "); give --old-base REF"));
    }
    // The digest says which; the repository is that of the name, or of the new base.
    const std::string place = name != annotations.end() ? name->second : flags_.new_base;
    if (place.empty()) {
      return absl::InvalidArgumentError(
          "the image says the digest of its base, but not where that is; give --old-base REF");
    }
    ASSIGN_OR_RETURN(const transfer::Endpoint endpoint, transfer::ParseEndpoint(place),
                     "annotation ", oci::kBaseNameAnnotation);
    ASSIGN_OR_RETURN(const oci::Digest base, oci::Digest::Parse(digest->second), "annotation ",
                     oci::kBaseDigestAnnotation);
    return ResultName(endpoint, base);
  }

  // The part of the base that `image` can stand on.
  absl::StatusOr<oci::Image> Read(const std::string& text, const oci::Image& image,
                                  const char* what) {
    auto it = open_.find(text);
    if (it == open_.end()) {
      ASSIGN_OR_RETURN(Base base, OpenBase(access_, text), what);
      it = open_.emplace(text, std::move(base)).first;
    }
    oci::Platform want = image.config.platform();
    // Bases move on to new versions of an operating system; that is often why one rebases.
    want.os_version.clear();
    want.os_features.clear();
    ASSIGN_OR_RETURN(oci::Image base,
                     transfer::ReadImage(*it->second.source.images, it->second.source.tag_or_digest,
                                         want, access_.stop()),
                     what, " ", text);
    return base;
  }

  ImageAccess& access_;
  const RebaseFlags& flags_;
  std::map<std::string, Base> open_;  // Sources stay open: layers are mounted from them.
};

std::string Describe(const oci::Image& image, const oci::RebaseReport& report) {
  std::string text = absl::StrCat(image.config.platform().ToString(), ": ", report.removed_layers,
                                  " layers of the old base, ", report.base_layers,
                                  " of the new one, ", report.kept_layers, " of the image\n");
  if (!report.inherited.empty()) {
    absl::StrAppend(&text, "  from the new base: ", absl::StrJoin(report.inherited, ", "), "\n");
  }
  if (!report.kept.empty()) {
    absl::StrAppend(&text, "  the image's own: ", absl::StrJoin(report.kept, ", "), "\n");
  }
  return text;
}

absl::StatusOr<ExitCode> RebaseOne(CommandContext& context, const RebaseFlags& flags) {
  ASSIGN_OR_RETURN(const std::unique_ptr<ImageAccess> access,
                   ImageAccess::Open(context, flags.image));
  ASSIGN_OR_RETURN(const ImageToEdit image,
                   OpenToEdit(*access, flags.reference, access->platform()));
  ASSIGN_OR_RETURN(const transfer::Endpoint place, ResultPlace(flags.result, image.endpoint));
  std::map<std::string, std::string> outer;
  if (image.is_index()) {
    ASSIGN_OR_RETURN(const oci::Index index,
                     oci::Index::Parse(image.top.bytes, image.top.media_type));
    outer = index.annotations();
  }
  Bases bases(*access, flags);
  TreeEdit edit;
  edit.image = [&](const oci::Image& one) -> absl::StatusOr<EditedImage> {
    std::map<std::string, std::string> annotations = one.manifest.annotations();
    annotations.insert(outer.begin(), outer.end());
    ASSIGN_OR_RETURN(const oci::Image old_base, bases.Old(one, annotations));
    Base* where = nullptr;
    ASSIGN_OR_RETURN(const oci::Image new_base, bases.New(one, annotations, &where));
    oci::RebaseReport report;
    ASSIGN_OR_RETURN(oci::Image rebased, oci::Rebase(one, old_base, new_base, &report));
    std::map<std::string, std::string> record = {
        {oci::kBaseDigestAnnotation, new_base.manifest.digest().ToString()}};
    if (where->endpoint.kind == transfer::EndpointKind::kRegistry) {
      record[oci::kBaseNameAnnotation] = where->endpoint.reference.Canonical();
    }
    ASSIGN_OR_RETURN(rebased, oci::WithAnnotations(rebased, record));
    context.console->Err(Describe(rebased, report));
    EditedImage edited{.image = std::move(rebased)};
    edited.places.push_back(
        {.place = where->source.images.get(), .blobs = new_base.manifest.layers()});
    return edited;
  };
  ASSIGN_OR_RETURN(ResultSink result, OpenResult(*access, place));
  ASSIGN_OR_RETURN(const TreeResult tree,
                   EditTree(*image.source.images, image.top, *result.sink.images,
                            result.sink.tag_or_digest, edit, access->stop()));
  RETURN_IF_ERROR(FinishResult(*access, *context.console, flags.image, result, tree));
  return ExitCode::kOk;
}

absl::StatusOr<ExitCode> Run(CommandContext& context, RebaseFlags& flags) {
  const RebaseCascadeFlags& cascade = flags.cascade_flags;
  if (!flags.cascade) {
    if (cascade.dry_run || !cascade.images.empty() || !cascade.tag_suffix.empty()) {
      return absl::InvalidArgumentError(
          "--images, --tag-suffix and --dry-run are about many images: add --cascade");
    }
    return RebaseOne(context, flags);
  }
  const bool about_one = !flags.new_base.empty() || !flags.result.tag.empty() ||
                         !flags.result.repo.empty() || !flags.result.tarball.empty();
  if (about_one) {
    return absl::InvalidArgumentError(
        "--cascade moves many images and takes the new base in the place of IMAGE; --new-base, "
        "--tag, --repo and --tarball are for one");
  }
  flags.cascade_flags.new_base = flags.reference;
  flags.cascade_flags.old_base = flags.old_base;
  return RebaseCascade(context, flags.cascade_flags, flags.image);
}

}  // namespace

void AddRebaseCommand(CLI::App& app, CommandContext& context) {
  CLI::App* command =
      app.add_subcommand("rebase", "Put images on another base without building them again");
  const auto flags = std::make_shared<RebaseFlags>();
  command->add_option("image", flags->reference, "Image or index; with --cascade the new base")
      ->required()
      ->type_name("IMAGE");
  command
      ->add_option("--old-base,--old_base", flags->old_base,
                   "What it was built on, if it does not say so itself")
      ->type_name("REF");
  command
      ->add_option("--new-base,--new_base", flags->new_base,
                   "What it shall stand on; default: today's image of the old base's name")
      ->type_name("REF");
  command->add_flag("--cascade", flags->cascade,
                    "All images of the tree that build on the base, and what builds on them");
  AddRebaseCascadeFlags(*command, &flags->cascade_flags);
  AddResultFlags(*command, &flags->result, /*with_repo=*/true);
  AddImageFlags(*command, &flags->image);
  command->callback(
      [&context, flags] { context.action = [&context, flags] { return Run(context, *flags); }; });
}

}  // namespace stevedore::cli
