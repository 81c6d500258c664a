#include "tests/images/seeded_registry.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "base/testing/status_matchers.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"
#include "oci/layer/layer_writer.h"
#include "oci/layer/layer_writer_options.h"
#include "transfer/image_sink.h"

namespace stevedore::testing {
namespace {

// A tar archive with the file `f` of mode 0644.
std::string TarOf(const std::string& content) {
  std::string header(512, '\0');
  const auto put = [&](size_t at, const std::string& text) {
    header.replace(at, text.size(), text);
  };
  put(0, "f");
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, std::string(11, '0'));
  std::string octal;
  for (size_t size = content.size(); size > 0; size /= 8) octal.insert(0, 1, '0' + size % 8);
  put(124 + 11 - octal.size(), octal);
  put(136, "00000000000");
  put(148, "        ");
  put(156, "0");
  put(257, std::string("ustar\0"
                       "00",
                       8));
  unsigned sum = 0;
  for (const unsigned char c : header) sum += c;
  std::string digits;
  for (; sum > 0; sum /= 8) digits.insert(0, 1, '0' + sum % 8);
  put(148, std::string(6 - digits.size(), '0') + digits + std::string("\0 ", 2));
  const size_t padding = (512 - content.size() % 512) % 512;
  return header + content + std::string(padding + 1024, '\0');
}

// One layer's blob, gzip: crane reads no others.
struct Layer {
  std::string bytes;
  oci::LayerResult result;
};

Layer LayerWith(const std::string& content) {
  Layer layer;
  base::StringSource tar(TarOf(content));
  base::StringSink blob(&layer.bytes);
  absl::StatusOr<oci::LayerResult> result = oci::WriteTarLayer(tar, &blob, {});
  EXPECT_OK(result);
  if (result.ok()) layer.result = *std::move(result);
  return layer;
}

oci::Descriptor Describe(const std::string& bytes, const std::string& type) {
  return {.media_type = type, .digest = oci::Digest::Of(bytes), .size = bytes.size()};
}

std::string DescriptorJson(const oci::Descriptor& blob) {
  return absl::StrCat(R"({"mediaType":")", blob.media_type, R"(","digest":")",
                      blob.digest.ToString(), R"(","size":)", blob.size, "}");
}

}  // namespace

RegistryHand::RegistryHand() : client_(&http_, &nobody_) {}

oci::Digest RegistryHand::LayerOf(const std::string& content) {
  return LayerWith(content).result.descriptor.digest;
}

oci::Digest RegistryHand::PutImage(const std::string& reference, const std::string& content) {
  const oci::Reference image = *oci::Reference::Parse(reference);
  const Layer layer = LayerWith(content);
  const std::string config =
      absl::StrCat(R"({"architecture":"amd64","os":"linux","config":{"Cmd":["/f"]},)",
                   R"("history":[{"created_by":"hand"}],"rootfs":{"type":"layers","diff_ids":[")",
                   layer.result.diff_id.ToString(), R"("]}})");
  const oci::Descriptor config_blob = Describe(config, oci::kOciConfig);
  const oci::Descriptor& layer_blob = layer.result.descriptor;
  for (const auto& [blob, bytes] :
       {std::make_pair(config_blob, config), std::make_pair(layer_blob, layer.bytes)}) {
    const transfer::BlobOpener opener =
        [text = bytes]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
      return std::make_unique<base::StringSource>(text);
    };
    EXPECT_OK(client_.PutBlob(image, blob, opener));
  }
  const std::string manifest =
      absl::StrCat(R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest, R"(","config":)",
                   DescriptorJson(config_blob), R"(,"layers":[)", DescriptorJson(layer_blob), "]}");
  const auto digest = client_.PutManifest(image, manifest, oci::kOciManifest);
  EXPECT_OK(digest);
  return digest.ok() ? *digest : oci::Digest();
}

std::string RegistryHand::DigestOf(const std::string& reference) {
  const auto head = client_.HeadManifest(*oci::Reference::Parse(reference));
  EXPECT_OK(head);
  return head.ok() && head->has_value() ? (*head)->digest.ToString() : "";
}

std::vector<std::string> RegistryHand::Tags(const std::string& repository) {
  auto tags = client_.ListTags(*oci::Reference::Parse(repository));
  if (absl::IsNotFound(tags.status())) return {};
  EXPECT_OK(tags);
  if (!tags.ok()) return {};
  std::sort(tags->begin(), tags->end());
  return *std::move(tags);
}

}  // namespace stevedore::testing
