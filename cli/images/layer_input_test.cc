#include "cli/images/layer_input.h"

#include <unistd.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/layer/decompress.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/layer_writer.h"
#include "oci/layer/tar_reader.h"
#include "oci/layer/tar_writer.h"
#include "transfer/memory_images.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string Tar(const std::string& content, int64_t mtime = 0) {
  std::string bytes;
  base::StringSink sink(&bytes);
  oci::TarWriter writer(&sink, {.mtime = mtime});
  EXPECT_OK(writer.Append({.path = "f"}, content));
  EXPECT_OK(writer.Finish());
  return bytes;
}

std::string Compressed(const std::string& tar, const char* codec) {
  base::StringSource source(tar);
  std::string blob;
  base::StringSink sink(&blob);
  oci::LayerWriterOptions options;
  options.compression = *oci::Compression::Parse(codec);
  EXPECT_OK(oci::WriteTarLayer(source, &sink, std::move(options)));
  return blob;
}

std::string ReadBlob(const LayerInput& input) {
  absl::StatusOr<std::unique_ptr<base::ByteSource>> source = input.blob.opener();
  EXPECT_OK(source);
  return *base::ReadAll(**source, 1 << 20);
}

std::string Uncompressed(const std::string& blob) {
  const oci::Decompressed opened =
      *oci::OpenDecompressed(std::make_unique<base::StringSource>(blob));
  return *base::ReadAll(*opened.source, 1 << 20);
}

// What every layer must be: a blob of the digest and size that it says, and of the diff id.
void ExpectConsistent(const LayerInput& input) {
  const std::string blob = ReadBlob(input);
  EXPECT_EQ(oci::Digest::Of(blob), input.layer.descriptor.digest);
  EXPECT_EQ(blob.size(), input.layer.descriptor.size);
  EXPECT_EQ(input.blob.blob.digest, input.layer.descriptor.digest);
  EXPECT_EQ(oci::Digest::Of(Uncompressed(blob)), input.layer.diff_id);
}

class LayerInputTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& content) {
    const std::string path = base::JoinPath(directory_.path(), name);
    EXPECT_OK(base::WriteFileAtomically(path, content));
    return path;
  }
  const base::TemporaryDirectory directory_ = *base::TemporaryDirectory::Create();
};

TEST_F(LayerInputTest, CompressesPlainTars) {
  const auto inputs = *LayerInputs::Create({});
  ASSERT_OK_AND_ASSIGN(const LayerInput input, inputs->FromTar(Write("a.tar", Tar("hi")), {}));
  ExpectConsistent(input);
  EXPECT_EQ(input.layer.descriptor.media_type, oci::kOciLayerGzip);
  // Known answer T1: the tar is taken as it is.
  EXPECT_EQ(input.layer.diff_id.hex(),
            "1b80537dc2bd16004b89f8c4ebd6ea9651081c5140c81926c4e30a80c3aff293");
}

TEST_F(LayerInputTest, TakesCompressedTarsAsTheyAre) {
  const auto inputs = *LayerInputs::Create({});
  for (const char* codec : {"gzip", "zstd"}) {
    const std::string blob = Compressed(Tar("hi"), codec);
    ASSERT_OK_AND_ASSIGN(const LayerInput input, inputs->FromTar(Write("a.tar.x", blob), {}));
    ExpectConsistent(input);
    EXPECT_EQ(ReadBlob(input), blob);
    EXPECT_EQ(input.layer.descriptor.media_type,
              codec == std::string("gzip") ? oci::kOciLayerGzip : oci::kOciLayerZstd);
  }
}

TEST_F(LayerInputTest, ZstdForDockerBecomesGzip) {
  const auto inputs = *LayerInputs::Create({.format = oci::ImageFormat::kDocker});
  ASSERT_OK_AND_ASSIGN(const LayerInput input,
                       inputs->FromTar(Write("a.tar.zst", Compressed(Tar("hi"), "zstd")), {}));
  ExpectConsistent(input);
  EXPECT_EQ(input.layer.descriptor.media_type, oci::kOciLayerGzip);
}

TEST_F(LayerInputTest, RefusesWhatIsNoTarWithItsName) {
  const auto inputs = *LayerInputs::Create({});
  EXPECT_THAT(inputs->FromTar(Write("notes.txt", std::string(1000, 'x')), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("notes.txt")));
  EXPECT_THAT(inputs->FromTar(Write("cut.tar", Tar("hi").substr(0, 600)), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cut.tar")));
  EXPECT_THAT(inputs->FromTar(base::JoinPath(directory_.path(), "none"), {}),
              StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(inputs->FromPath(base::JoinPath(directory_.path(), "none"), {}),
              StatusIs(absl::StatusCode::kNotFound));
}

// Defect 3 of the predecessor: folders keep x bits, and links in them are not followed.
TEST_F(LayerInputTest, FoldersKeepXBitsAndLinksStayLinks) {
  const std::string root = base::JoinPath(directory_.path(), "root");
  ASSERT_OK(base::MakeDirectories(root + "/bin"));
  ASSERT_OK(base::WriteFileAtomically(root + "/bin/run", "#!", 0700));
  ASSERT_OK(base::WriteFileAtomically(root + "/plain", "x", 0600));
  ASSERT_EQ(symlink("/etc", (root + "/link").c_str()), 0);
  const auto inputs = *LayerInputs::Create({.compression = *oci::Compression::Parse("none")});
  ASSERT_OK_AND_ASSIGN(const LayerInput input, inputs->FromPath(root, {}));
  ExpectConsistent(input);
  base::StringSource source(ReadBlob(input));
  oci::TarReader reader(&source);
  std::string list;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const std::optional<oci::TarEntry> entry, reader.Next());
    if (!entry.has_value()) break;
    absl::StrAppend(&list, entry->entry.path, " ", absl::Hex(entry->entry.mode), " ",
                    entry->entry.link_target, ";");
    EXPECT_EQ(entry->mtime, 0);
  }
  EXPECT_EQ(list, "bin 1ed ;bin/run 1ed ;link 1ff /etc;plain 1a4 ;");
}

TEST_F(LayerInputTest, TimesOfTarsAreThoseAskedFor) {
  const auto inputs = *LayerInputs::Create(
      {.compression = *oci::Compression::Parse("none"), .source_date_epoch = 77});
  ASSERT_OK_AND_ASSIGN(const LayerInput input,
                       inputs->FromTar(Write("a.tar", Compressed(Tar("hi", 5), "gzip")), {}));
  EXPECT_EQ(ReadBlob(input), Tar("hi", 77));
}

TEST_F(LayerInputTest, LayersOfImagesGetOtherTimesOnceAndInTheirCodec) {
  transfer::MemoryImages place;
  const auto inputs = *LayerInputs::Create({});
  for (const char* codec : {"none", "gzip", "zstd"}) {
    const std::string blob = Compressed(Tar("hi", 5), codec);
    const oci::Descriptor layer = place.AddBlob(blob, oci::kOciLayer);
    ASSERT_OK_AND_ASSIGN(const LayerInput input, inputs->Retimed(place, layer, 77, {}));
    ExpectConsistent(input);
    EXPECT_EQ(Uncompressed(ReadBlob(input)), Tar("hi", 77));
    EXPECT_EQ(oci::CompressionOf(input.layer.descriptor.media_type),
              oci::Compression::Parse(codec)->layer_compression());
    ASSERT_OK_AND_ASSIGN(const LayerInput again, inputs->Retimed(place, layer, 77, {}));
    EXPECT_EQ(again.layer.descriptor.digest, input.layer.descriptor.digest);
  }
}

}  // namespace
}  // namespace stevedore::cli
