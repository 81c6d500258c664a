// Images whose digests are known from other implementations, made here from their files on: tar,
// layer, config, manifest, index, artifact.

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_sink.h"
#include "base/hash.h"
#include "base/testing/status_matchers.h"
#include "oci/image/artifact.h"
#include "oci/image/digest.h"
#include "oci/image/image_editor.h"
#include "oci/image/index.h"
#include "oci/image/index_editor.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "oci/image/rebase.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/tar_writer.h"

namespace stevedore::oci {
namespace {

using Type = LayerEntry::Type;

TEST(KnownAnswerTest, Hashes) {
  const struct {
    std::string bytes;
    const char* sha256;
  } rows[] = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"{}", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
      {"hello", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},
      {"asdf", "f0e4c2f76c58916ec258f246851bea091d14d4247a2fc3e18694461b1816e13b"},
      {"..........", "537f3fb69ba01fc388a3a5c920c485b2873d5f327305c3dd2004d6a04451659b"},
      {std::string(10000, 'a'), "27dd1f61b867b6a0f6e9d8a41c43231de52107e53ae424de8f847b821db4b711"},
      {std::string(100, 'a'), "2816597888e4a0d3a36b82b83316ab32680eb8f00f8cd3b904d681246d285a0e"},
      {std::string(100, 'b'), "d6cbb053abf2933889a0ccbf6ac244623a63a2e3397e991dde09266bdaa932d1"},
      {std::string(100, 'c'), "bdcdc9e9204fe2099666b438af288629b1fa7f89797341bf7d435ce4ca2b706b"},
      {"{\"schemaVersion\":2}", "bafebd36189ad3688b7b3915ea55d461e0bfcfbdde11e54b0a123999fb6be50f"},
      {"{\"imageLayoutVersion\":\"1.0.0\"}",
       "18f0797eab35a4597c1e9624aa4f15fd91f6254e5538c1e0d193b2a95dd4acc6"},
  };
  for (const auto& row : rows) EXPECT_EQ(Digest::Of(row.bytes).hex(), row.sha256);
  EXPECT_EQ(Digest::Of("", base::HashAlgorithm::kSha512).hex(),
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
            "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
  EXPECT_EQ(Digest::Of("{}", base::HashAlgorithm::kSha512).hex(),
            "27c74670adb75075fad058d5ceaf7b20c4e7786c83bae8a32f626f9782af34c9"
            "a33c2046ef60fd2a7878d378e29fec851806bbd9a67878f3a9f1cda4830763fd");
}

LayerEntry Entry(const std::string& path, Type type, const std::string& target = "") {
  LayerEntry entry{.path = path, .type = type};
  if (type == Type::kDirectory) entry.mode = 0755;
  if (type == Type::kSymlink) entry.mode = 0777;
  entry.link_target = target;
  return entry;
}

// Tars by the names of the table.
std::string Tar(const std::string& id) {
  std::string bytes;
  base::StringSink sink(&bytes);
  // The table has directories with and without a slash: names are written as they are.
  TarWriter writer(&sink, {.directory_slash = false});
  const auto file = [&writer](const std::string& path, const std::string& content) {
    EXPECT_OK(writer.Append(Entry(path, Type::kFile), content));
  };
  const auto other = [&writer](const std::string& path, Type type, const std::string& target = "") {
    EXPECT_OK(writer.Append(Entry(path, type, target)));
  };
  if (id == "T1") file("f", "hi");
  if (id == "T3") {
    other("etc/", Type::kDirectory);
    file("etc/hi", "hi");
  }
  if (id == "T6") {
    other("bin", Type::kDirectory);
    other("etc", Type::kDirectory);
    file("bin/busybox", "#!/bin/true\n");
    file("etc/stevedore-test", "synthetic\n");
    other("bin/sh", Type::kSymlink, "/bin/busybox");
  }
  if (id == "T7") file("f", "x");
  if (id == "T10") {
    other("etc/", Type::kDirectory);
    file("etc/hello", "world");
    file("run", "#!/bin/sh\n");
  }
  if (id == "TA") {
    file("a", "A");
    file("b", "B");
  }
  if (id == "T8") {
    file(".wh.a", "");
    file("c", "C");
  }
  if (id == "T9") {
    file("b", "B");
    file("c", "C");
  }
  EXPECT_OK(writer.Finish());
  return bytes;
}

AppendedLayer Plain(const std::string& id, const char* created_by = "stevedore") {
  const std::string tar = Tar(id);
  const Digest digest = Digest::Of(tar);
  return {.diff_id = digest,
          .descriptor = {.media_type = kOciLayer, .digest = digest, .size = tar.size()},
          .created_by = created_by};
}

// The same layer as the table's encoder compresses it (ours makes other bytes, see Compression).
AppendedLayer Gzip(const std::string& id, const char* hex, uint64_t size) {
  AppendedLayer layer = Plain(id);
  layer.descriptor = {.media_type = kOciLayerGzip,
                      .digest = *Digest::Parse(absl::StrCat("sha256:", hex)),
                      .size = size};
  return layer;
}

Image Make(const std::vector<AppendedLayer>& layers, const ConfigChanges& changes = {},
           const char* platform = "linux/amd64", ImageFormat format = ImageFormat::kOci) {
  ImageEditor editor(*Platform::Parse(platform), format);
  for (const AppendedLayer& layer : layers) EXPECT_OK(editor.AppendLayer(layer));
  editor.ChangeConfig(changes);
  return *editor.Finish();
}

Image Edit(const Image& base, const std::function<void(ImageEditor&)>& edit) {
  ImageEditor editor = *ImageEditor::Create(base);
  edit(editor);
  return *editor.Finish();
}

constexpr char kT1Gzip[] = "7ad885158e6c9a3e4e235647fb24c932a42cb1336b73556445f8f78dcfe1c44f";
constexpr char kT6Gzip[] = "06afd599e5ef52ef7e1ee0f00edd66d6ff06091be257d835d1a12311250813d3";

// One row of the table of images.
struct Row {
  const char* id;
  Image image;
  size_t config_size;
  const char* config;
  size_t manifest_size;
  const char* manifest;
};

Image I1() { return Make({Plain("T1")}, {.entrypoint = {{"/f"}}}); }
Image I2(const char* platform) { return Make({Plain("T1")}, {.cmd = {{"/f"}}}, platform); }
Image I1DockerGzip() {
  return Make({Gzip("T1", kT1Gzip, 80)}, {.entrypoint = {{"/f"}}}, "linux/amd64",
              ImageFormat::kDocker);
}
Image P1() {
  return Edit(I1(), [](ImageEditor& editor) {
    EXPECT_OK(editor.AppendLayer(Plain("T7", "stevedore build")));
  });
}

std::vector<Row> Rows() {
  const char* const i1 = "317e8d8eb82851190a4ca05b1335c3c1413a411f7c51cd4bb440d5fd223cbeb8";
  const char* const s1 = "649e60ec13c5239d8ce87be624d052aef675e4771afa490784ce3acb51690015";
  return {
      {"I1 none", I1(), 221, i1, 397,
       "c1e6c1c0fd3d624e18809b80b1e767370b99875dc2f74e3cab2139032e3ecec2"},
      {"I1 gzip", Make({Gzip("T1", kT1Gzip, 80)}, {.entrypoint = {{"/f"}}}), 221, i1, 400,
       "f168f7772d25a9c1965d0907fce1448a05f0f9155e387f6ac47befefed2e7447"},
      {"I1 docker gzip", I1DockerGzip(), 221, i1, 422,
       "2c0dc86985a3456fc6b127ee7fab51cadf9220a6c920fd9d400bb63877b4a66d"},
      {"I2 amd64", I2("linux/amd64"), 214,
       "854f6a5944d50028db742222162af7c3bdcf14afa0c0fc45f7fe547a642a7ece", 397,
       "a52d14350629d04b9c2a8170cb98491dd7b178e613ece1f86fcd9f0c7466a591"},
      {"I2 arm64", I2("linux/arm64"), 214,
       "b044076665aadd3f60382a6e54555025584c8278e271ba8398f8606c6020ff14", 397,
       "c3af494813f00bca1901c6f175853c3d2e270d3b98bfb5fed97d5b2c1b720713"},
      {"S1", Make({Plain("T6")}, {.cmd = {{"/bin/sh"}}}), 219, s1, 397,
       "ca8d0f682b6c4c398d8513a2ab92f1fc579a0f6a0bceb3a22dcfbc6ed812ee87"},
      {"S1 gzip", Make({Gzip("T6", kT6Gzip, 211)}, {.cmd = {{"/bin/sh"}}}), 219, s1, 401,
       "beebf8eb66146346214662de34e3b5b3dd37f428138feee81646b4d544e4b06b"},
      {"D1", Make({Plain("T10")}, {.cmd = {{"/run"}}}), 216,
       "3389cdb025854c2f466fb22e5cec6eb95b76d39b50166bb0543b744741dd4586", 397,
       "00f7135d06a52bb94c64e16aaaf0b413f3a307b994ea297da841dcfa5df89907"},
      {"A1",
       Edit(I1(),
            [](ImageEditor& editor) {
              editor.Annotate({{"org.opencontainers.image.source", "https://example/repo"}});
            }),
       221, i1, 470, "096b973f74f5ff8899826c78d3113f1b7f26575e30cedc75c232c26519992ff2"},
      {"M1",
       Edit(I1(),
            [](ImageEditor& editor) {
              editor.ChangeConfig({.env = {{"A", "1"}},
                                   .user = "1000:1000",
                                   .working_dir = "/srv",
                                   .labels = {{"k", "v"}}});
            }),
       293, "a2d464c1d79724b699428a8760dd61fd8421c8bd5ad5c92d0e7bd2f075a49865", 397,
       "6d1130fac19c5cb0c861fe1b32b4bc94960cc212d4fc681ed25415d24c71c921"},
      {"P1", P1(), 328, "45eda66b164ec1d141e91687adf8bf13739b1da89c14e3f08119562a2229ea25", 547,
       "d292d3d05ed16802299e9537b9b089985ad5751d008c5a5d88b516f60646742b"},
      {"R1", *Rebase(P1(), Make({Plain("T1")}), Make({Plain("T3")})), 328,
       "d5cba8c1139fab587c12d2c06780428a9d559e9af0e3ab77ac79c0b7bedd0bc6", 547,
       "206104478113ebdf3a2b002f8d37d2e802d5e3079f1fe842b97d35586c0900ea"},
      {"W1", Make({Plain("TA"), Plain("T8")}), 303,
       "cab2e96d724afb14ea025b1e8d65a0920bfc3383b926812d1ec13d6c577e32ec", 547,
       "75ff3627cc565e505f1a0dd27cfd94faea54c2d517b9b43e40adb51b954f777f"},
      {"W2",
       Edit(Make({Plain("TA"), Plain("T8")}),
            [](ImageEditor& editor) {
              editor.RemoveAllLayers();
              EXPECT_OK(editor.AppendLayer(Plain("T9")));
            }),
       202, "8af7f33377f06e848787501ee027db6582017aa1fd6b4c3d518ae2fc4448be97", 397,
       "5bcbc8eda23bf3a3bbe43523cdf27a2cdd4ba12e125abeb3b9a444a5720df599"},
  };
}

TEST(KnownAnswerTest, Images) {
  for (const Row& row : Rows()) {
    SCOPED_TRACE(row.id);
    EXPECT_EQ(row.image.config.bytes().size(), row.config_size) << row.image.config.bytes();
    EXPECT_EQ(row.image.config.digest().hex(), row.config);
    EXPECT_EQ(row.image.manifest.bytes().size(), row.manifest_size) << row.image.manifest.bytes();
    EXPECT_EQ(row.image.manifest.digest().hex(), row.manifest);
  }
}

TEST(KnownAnswerTest, Indexes) {
  IndexEditor x1;
  x1.Append(IndexEntry(I2("linux/amd64")));
  x1.Append(IndexEntry(I2("linux/arm64")));
  EXPECT_EQ(x1.Finish()->bytes().size(), 491u);
  EXPECT_EQ(x1.Finish()->digest().hex(),
            "bdb89589f6375487de567370f723421c5c0df98879d8cd26715dd2d78d191a0d");
  IndexEditor x2(ImageFormat::kDocker);
  x2.Append(IndexEntry(I1DockerGzip()));
  EXPECT_EQ(x2.Finish()->bytes().size(), 317u);
  EXPECT_EQ(x2.Finish()->digest().hex(),
            "1e7f5dd8316e435175efa430d7e7568deec14b7ed92af06e97f42222bb3d05cc");
  EXPECT_EQ(IndexEditor().Finish()->digest().hex(),
            "93e16ab8fb1bfb08f051a420835b414851eaeedb9f7105d26dacb84f26d810b5");
}

TEST(KnownAnswerTest, ArtifactsAndTheirList) {
  const std::string sbom = "{\"spdxVersion\":\"SPDX-2.3\"}";
  ArtifactContents contents{.artifact_type = "application/spdx+json",
                            .blobs = {{.media_type = "application/spdx+json",
                                       .digest = Digest::Of(sbom),
                                       .size = sbom.size()}},
                            .subject = I2("linux/amd64").manifest.ToDescriptor()};
  ASSERT_OK_AND_ASSIGN(const Manifest n1, MakeArtifact(contents));
  EXPECT_EQ(n1.bytes().size(), 571u);
  EXPECT_EQ(n1.digest().hex(), "cf03f5f8d6312e0e2ce1a6d8d9eba585a40d66691108546f755c21fa8ca004b6");
  contents.config = EmptyDescriptor();
  contents.config->media_type = kOciConfig;
  EXPECT_EQ(MakeArtifact(contents)->digest().hex(),
            "85d5dddcf746a56e9dbfe8b383891e6673e7c6eb7a3c01bcdf1c798e83becd9e");
  Descriptor entry = n1.ToDescriptor();
  entry.artifact_type = n1.artifact_type();
  IndexEditor n2;
  n2.Append(entry);
  EXPECT_EQ(n2.Finish()->bytes().size(), 279u);
  EXPECT_EQ(n2.Finish()->digest().hex(),
            "f14a421b085de33f07834162b74cb70894c6ce92c390dda78f0b38229ef6e845");
}

// Another tool's empty documents, in its order of members: they must be read, and keep their bytes.
TEST(KnownAnswerTest, EmptyDocumentsOfAnotherTool) {
  const std::string config = R"({"architecture":"","created":"0001-01-01T00:00:00Z","os":"",)"
                             R"("rootfs":{"type":"layers","diff_ids":null},"config":{}})";
  const std::string manifest = absl::StrCat(
      R"({"schemaVersion":2,"mediaType":"application/vnd.docker.distribution.manifest.v2+json",)",
      R"("config":{"mediaType":"application/vnd.docker.container.image.v1+json","size":115,)",
      R"("digest":"sha256:5b943e2b943f6c81dbbd4e2eca5121f4fcc39139e3d1219d6d89bd925b77d9fe"},)",
      R"("layers":[]})");
  ASSERT_OK_AND_ASSIGN(const ImageConfig read, ImageConfig::Parse(config));
  EXPECT_EQ(read.digest().hex(),
            "5b943e2b943f6c81dbbd4e2eca5121f4fcc39139e3d1219d6d89bd925b77d9fe");
  ASSERT_OK_AND_ASSIGN(const Manifest empty, Manifest::Parse(manifest));
  EXPECT_EQ(empty.digest().hex(),
            "732112270d7e59418a8c080b134b24cabd67d250d0d0147a97ed95ba5c280aa4");
  ImageEditor editor = *ImageEditor::Create({.config = read, .manifest = empty});
  editor.KeepCreated();
  EXPECT_EQ(editor.Finish()->manifest.bytes(), manifest);
  const std::string annotated =
      absl::StrCat(manifest.substr(0, manifest.size() - 1), R"(,"annotations":{"foo":"bar"}})");
  EXPECT_EQ(Manifest::Parse(annotated)->digest().hex(),
            "7d062ae9d714debfea50186fcc3ede5149103c1f68d5b809814cd7fcacd39e4b");
  const std::string index =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[]})";
  EXPECT_EQ(Index::Parse(index)->digest().hex(),
            "dff9de10919148711140d349bf03f1a99eb06f94b03e51715ccebfa7cdc518e2");
  EXPECT_EQ(IndexEditor::Create(*Index::Parse(index))->Finish()->bytes(), index);
  const std::string annotated_index =
      absl::StrCat(index.substr(0, index.size() - 1), R"(,"annotations":{"foo":"bar"}})");
  EXPECT_EQ(Index::Parse(annotated_index)->digest().hex(),
            "306c9289fe190ebac2f0f67409aba5ccf5dd64822ea8f7e23cbec8ee86f55d25");
}

}  // namespace
}  // namespace stevedore::oci
