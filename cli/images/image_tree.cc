#include "cli/images/image_tree.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "oci/image/artifact.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "transfer/image_reading.h"

namespace stevedore::cli {
namespace {

using transfer::RawManifest;

// One EditTree call.
class TreeEditor {
 public:
  TreeEditor(transfer::ImageSource& from, transfer::ImageSink& to, const TreeEdit& edit,
             std::stop_token stop)
      : from_(from), to_(to), edit_(edit), stop_(std::move(stop)) {}

  absl::StatusOr<TreeResult> Run(const RawManifest& top, const std::string& tag) {
    ASSIGN_OR_RETURN(const oci::Descriptor descriptor, Edit(top, tag, 0));
    result_.digest = descriptor.digest;
    result_.media_type = descriptor.media_type;
    return result_;
  }

 private:
  // The descriptor of what became of `document`; its platform only if that changed.
  absl::StatusOr<oci::Descriptor> Edit(const RawManifest& document, const std::string& tag,
                                       int depth) {
    if (oci::IsIndexType(document.media_type)) return EditIndex(document, tag, depth);
    ASSIGN_OR_RETURN(const oci::Manifest manifest,
                     oci::Manifest::Parse(document.bytes, document.media_type), from_.Describe());
    if (oci::HasImageConfig(manifest)) return EditImage(manifest, tag);
    if (depth > 0) {
      RETURN_IF_ERROR(Take(document));
      return manifest.ToDescriptor();
    }
    return EditArtifact(manifest, tag);
  }

  absl::StatusOr<oci::Descriptor> EditImage(const oci::Manifest& manifest, const std::string& tag) {
    ASSIGN_OR_RETURN(std::string bytes, transfer::ReadSmallBlob(from_, manifest.config(), stop_));
    ASSIGN_OR_RETURN(oci::ImageConfig config, oci::ImageConfig::Parse(std::move(bytes)),
                     from_.Describe());
    const oci::Image image{.config = std::move(config), .manifest = manifest};
    EditedImage edited{.image = image};
    if (edit_.image) {
      ASSIGN_OR_RETURN(edited, edit_.image(image), image.config.platform().ToString());
    }
    transfer::ImageWriting writing{.new_blobs = std::move(edited.new_blobs),
                                   .places = std::move(edited.places)};
    writing.places.insert(writing.places.begin(), {.place = &from_, .blobs = manifest.layers()});
    ASSIGN_OR_RETURN(const transfer::ImageWritten written,
                     transfer::WriteImage(to_, tag, edited.image, writing, stop_));
    Add(written);
    ++result_.images;
    oci::Descriptor descriptor = edited.image.manifest.ToDescriptor();
    if (!(edited.image.config.platform() == image.config.platform())) {
      descriptor.platform = edited.image.config.platform();
    }
    return descriptor;
  }

  absl::StatusOr<oci::Descriptor> EditArtifact(const oci::Manifest& manifest,
                                               const std::string& tag) {
    if (!edit_.artifact) {
      return absl::InvalidArgumentError(
          absl::StrCat(from_.Describe(), ": ", manifest.digest().ToString(),
                       " is not an image (its config is of type ", manifest.config().media_type,
                       "); only annotations of it can be changed"));
    }
    ASSIGN_OR_RETURN(const oci::Manifest edited, edit_.artifact(manifest));
    const RawManifest document{
        .bytes = edited.bytes(), .media_type = edited.media_type(), .digest = edited.digest()};
    RETURN_IF_ERROR(Take(document, tag));
    return edited.ToDescriptor();
  }

  absl::StatusOr<oci::Descriptor> EditIndex(const RawManifest& document, const std::string& tag,
                                            int depth) {
    if (depth > transfer::kIndexDepthLimit) {
      return absl::InvalidArgumentError(absl::StrCat(from_.Describe(),
                                                     ": indexes are nested deeper than ",
                                                     transfer::kIndexDepthLimit, " levels"));
    }
    ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(document.bytes, document.media_type),
                     from_.Describe());
    ASSIGN_OR_RETURN(oci::IndexEditor editor, oci::IndexEditor::Create(index));
    for (const oci::Descriptor& entry : index.manifests()) {
      if (oci::IsAttachment(entry)) continue;
      ASSIGN_OR_RETURN(const RawManifest child, from_.GetManifest(entry.digest.ToString(), stop_));
      ASSIGN_OR_RETURN(const oci::Descriptor edited, Edit(child, "", depth + 1));
      RETURN_IF_ERROR(editor.Replace(entry.digest, edited));
      if (!edit_.entry_annotations.empty()) {
        RETURN_IF_ERROR(editor.AnnotateEntry(edited.digest, edit_.entry_annotations));
      }
      for (const std::string& name : edit_.unset_entry_annotations) {
        RETURN_IF_ERROR(editor.RemoveEntryAnnotation(edited.digest, name));
      }
    }
    result_.attestations += editor.RemoveOrphans();
    if (depth == 0 && edit_.index) RETURN_IF_ERROR(edit_.index(editor));
    ASSIGN_OR_RETURN(const oci::Index edited, editor.Finish());
    for (const oci::Descriptor& entry : edited.manifests()) {
      if (!oci::IsAttachment(entry)) continue;
      ASSIGN_OR_RETURN(const RawManifest child, from_.GetManifest(entry.digest.ToString(), stop_));
      RETURN_IF_ERROR(Take(child));
    }
    const std::string name = tag.empty() ? edited.digest().ToString() : tag;
    RETURN_IF_ERROR(to_.PutManifest(name, edited.bytes(), edited.media_type(), stop_).status(),
                    "write index to ", to_.Describe());
    return edited.ToDescriptor();
  }

  // Brings a document along that is not edited (or, with a tag, only itself).
  absl::Status Take(const RawManifest& document, const std::string& tag = "") {
    ASSIGN_OR_RETURN(const transfer::ImageWritten written,
                     transfer::CopyDocument(to_, tag, from_, document, stop_));
    Add(written);
    return absl::OkStatus();
  }

  void Add(const transfer::ImageWritten& written) {
    result_.written.blobs_there += written.blobs_there;
    result_.written.blobs_mounted += written.blobs_mounted;
    result_.written.blobs_copied += written.blobs_copied;
    result_.written.bytes_copied += written.bytes_copied;
  }

  transfer::ImageSource& from_;
  transfer::ImageSink& to_;
  const TreeEdit& edit_;
  const std::stop_token stop_;
  TreeResult result_;
};

}  // namespace

absl::StatusOr<TreeResult> EditTree(transfer::ImageSource& from, const transfer::RawManifest& top,
                                    transfer::ImageSink& to, const std::string& tag_or_digest,
                                    const TreeEdit& edit, std::stop_token stop) {
  return TreeEditor(from, to, edit, std::move(stop)).Run(top, tag_or_digest);
}

}  // namespace stevedore::cli
