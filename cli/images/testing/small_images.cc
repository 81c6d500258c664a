#include "cli/images/testing/small_images.h"

#include <memory>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/testing/status_matchers.h"
#include "oci/image/canonical_json.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"
#include "oci/image/rebase.h"
#include "oci/image/reference.h"

namespace stevedore::cli::testing {
namespace {

// The blob of the layer that is called `name`.
std::string BlobOf(const std::string& name) { return absl::StrCat("the blob of ", name); }

absl::Status Put(transfer::ImageSink& sink, const std::string& bytes) {
  const oci::Descriptor blob{
      .media_type = "", .digest = oci::Digest::Of(bytes), .size = bytes.size()};
  return sink.PutBlob(blob, [&]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
    return std::make_unique<base::StringSource>(bytes);
  });
}

}  // namespace

oci::Image MakeSmallImage(const SmallImage& order) {
  oci::ImageEditor editor = order.base.has_value()
                                ? *oci::ImageEditor::Create(*order.base, order.format)
                                : oci::ImageEditor(order.platform, order.format);
  editor.ClearAnnotations();
  for (const std::string& layer : order.layers) {
    const std::string blob = BlobOf(layer);
    EXPECT_OK(editor.AppendLayer({.diff_id = oci::Digest::Of(layer),
                                  .descriptor = {.media_type = oci::kOciLayerGzip,
                                                 .digest = oci::Digest::Of(blob),
                                                 .size = blob.size()},
                                  .created_by = absl::StrCat("add ", layer)}));
  }
  editor.ChangeConfig(order.changes);
  if (order.base.has_value() && order.annotated) {
    editor.Annotate({{oci::kBaseDigestAnnotation, order.base->manifest.digest().ToString()}});
  }
  return *editor.Finish();
}

FamilyImage AsFamilyImage(const std::vector<oci::Image>& images) {
  FamilyImage family;
  for (const oci::Image& image : images) {
    family.variants.push_back(FamilyVariant{image.config.platform(), image});
  }
  family.is_index = images.size() > 1;
  if (!family.is_index) {
    const oci::Manifest& manifest = images.front().manifest;
    family.document = {manifest.bytes(), manifest.media_type(), manifest.digest()};
    return family;
  }
  nlohmann::json index = {
      {"schemaVersion", 2}, {"mediaType", oci::kOciIndex}, {"manifests", nlohmann::json::array()}};
  for (const oci::Image& image : images) {
    oci::Descriptor entry = image.manifest.ToDescriptor();
    entry.platform = image.config.platform();
    index["manifests"].push_back(entry.ToJson());
  }
  family.document.bytes = *oci::CanonicalJson(index);
  family.document.media_type = oci::kOciIndex;
  family.document.digest = oci::Digest::Of(family.document.bytes);
  return family;
}

void PutSmallImage(const FamilyImage& image, const std::string& tag, transfer::ImageSink& sink) {
  for (const FamilyVariant& variant : image.variants) {
    for (const auto& entry : variant.image.config.history()) {
      if (entry.created_by.rfind("add ", 0) != 0) continue;
      EXPECT_OK(Put(sink, BlobOf(entry.created_by.substr(4))));
    }
    EXPECT_OK(Put(sink, variant.image.config.bytes()));
    const oci::Manifest& manifest = variant.image.manifest;
    EXPECT_OK(
        sink.PutManifest(manifest.digest().ToString(), manifest.bytes(), manifest.media_type()));
  }
  EXPECT_OK(sink.PutManifest(tag, image.document.bytes, image.document.media_type));
}

FamilyMember SmallMember(const std::string& id, const std::vector<std::string>& parents,
                         int generation, const std::string& driver) {
  FamilyMember member;
  member.id = id;
  member.reference = *oci::Reference::Parse(absl::StrCat("localhost:5000/", id));
  member.parents = parents;
  member.generation = generation;
  member.driver = driver;
  return member;
}

}  // namespace stevedore::cli::testing
