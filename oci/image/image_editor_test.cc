#include "oci/image/image_editor.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"
#include "oci/image/index.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Json = nlohmann::json;

// Tars of the known-answer table by diff id; uncompressed, so the blob digest is the same.
constexpr char kT1[] = "1b80537dc2bd16004b89f8c4ebd6ea9651081c5140c81926c4e30a80c3aff293";
constexpr char kT6[] = "48f0d8d4724d6ddf79167c3cf6ac44aba4152d2257d8c3a442e3c8037343a141";
constexpr char kT7[] = "5990f42a62fc6dae2bfdb9f43cd4f1fb8122b549566195a6a60875adda7997bc";
constexpr char kT8[] = "84a66c1f5a256c735652558ca8afb841c094fcf08fd02d84e1889228f7135026";
constexpr char kT10[] = "71fc142bcd0552c7519b1a4c9d797a5df8ab2d5241957fc57e066fd49a651796";
constexpr char kTA[] = "ae7f1d1c266aba5adc43cbf568153fcd5525d3425f0bd681dec3a2a0fe530e3c";

Digest Sha(const std::string& hex) { return *Digest::Parse(absl::StrCat("sha256:", hex)); }

AppendedLayer Plain(const char* hex, uint64_t size, const char* created_by = "stevedore") {
  return {.diff_id = Sha(hex),
          .descriptor = {.media_type = kOciLayer, .digest = Sha(hex), .size = size},
          .created_by = created_by};
}

AppendedLayer Gzip(const char* diff_hex, const char* hex, uint64_t size) {
  return {.diff_id = Sha(diff_hex),
          .descriptor = {.media_type = kOciLayerGzip, .digest = Sha(hex), .size = size},
          .created_by = "stevedore"};
}

Image Make(const std::vector<AppendedLayer>& layers, const ConfigChanges& changes,
           const char* platform = "linux/amd64", ImageFormat format = ImageFormat::kOci) {
  ImageEditor editor(*Platform::Parse(platform), format);
  for (const AppendedLayer& layer : layers) EXPECT_OK(editor.AppendLayer(layer));
  editor.ChangeConfig(changes);
  absl::StatusOr<Image> image = editor.Finish();
  EXPECT_OK(image);
  return *std::move(image);
}

Image I1() { return Make({Plain(kT1, 2048)}, {.entrypoint = {{"/f"}}}); }
Image P1() {
  ImageEditor editor = *ImageEditor::Create(I1());
  EXPECT_OK(editor.AppendLayer(Plain(kT7, 2048, "stevedore build")));
  return *editor.Finish();
}

void ExpectImage(const char* id, const Image& image, size_t config_size, const char* config,
                 size_t manifest_size, const char* manifest) {
  EXPECT_EQ(image.config.bytes().size(), config_size) << id << " " << image.config.bytes();
  EXPECT_EQ(image.config.digest().hex(), config) << id;
  EXPECT_EQ(image.manifest.bytes().size(), manifest_size) << id << " " << image.manifest.bytes();
  EXPECT_EQ(image.manifest.digest().hex(), manifest) << id;
}

TEST(ImageEditorTest, KnownAnswersOfNewImages) {
  EXPECT_EQ(I1().config.bytes(),
            "{\"architecture\":\"amd64\",\"config\":{\"Entrypoint\":[\"/f\"]},\"history\":[{"
            "\"created_by\":\"stevedore\"}],\"os\":\"linux\",\"rootfs\":{\"diff_ids\":[\"sha256:"
            "1b80537dc2bd16004b89f8c4ebd6ea9651081c5140c81926c4e30a80c3aff293\"],\"type\":"
            "\"layers\"}}");
  ExpectImage("I1 none", I1(), 221,
              "317e8d8eb82851190a4ca05b1335c3c1413a411f7c51cd4bb440d5fd223cbeb8", 397,
              "c1e6c1c0fd3d624e18809b80b1e767370b99875dc2f74e3cab2139032e3ecec2");
  const AppendedLayer gzip =
      Gzip(kT1, "7ad885158e6c9a3e4e235647fb24c932a42cb1336b73556445f8f78dcfe1c44f", 80);
  ExpectImage("I1 gzip", Make({gzip}, {.entrypoint = {{"/f"}}}), 221,
              "317e8d8eb82851190a4ca05b1335c3c1413a411f7c51cd4bb440d5fd223cbeb8", 400,
              "f168f7772d25a9c1965d0907fce1448a05f0f9155e387f6ac47befefed2e7447");
  ExpectImage("I1 docker gzip",
              Make({gzip}, {.entrypoint = {{"/f"}}}, "linux/amd64", ImageFormat::kDocker), 221,
              "317e8d8eb82851190a4ca05b1335c3c1413a411f7c51cd4bb440d5fd223cbeb8", 422,
              "2c0dc86985a3456fc6b127ee7fab51cadf9220a6c920fd9d400bb63877b4a66d");
  const ConfigChanges run_f{.cmd = {{"/f"}}};
  ExpectImage("I2 amd64", Make({Plain(kT1, 2048)}, run_f), 214,
              "854f6a5944d50028db742222162af7c3bdcf14afa0c0fc45f7fe547a642a7ece", 397,
              "a52d14350629d04b9c2a8170cb98491dd7b178e613ece1f86fcd9f0c7466a591");
  ExpectImage("I2 arm64", Make({Plain(kT1, 2048)}, run_f, "linux/arm64"), 214,
              "b044076665aadd3f60382a6e54555025584c8278e271ba8398f8606c6020ff14", 397,
              "c3af494813f00bca1901c6f175853c3d2e270d3b98bfb5fed97d5b2c1b720713");
  ExpectImage("S1", Make({Plain(kT6, 4608)}, {.cmd = {{"/bin/sh"}}}), 219,
              "649e60ec13c5239d8ce87be624d052aef675e4771afa490784ce3acb51690015", 397,
              "ca8d0f682b6c4c398d8513a2ab92f1fc579a0f6a0bceb3a22dcfbc6ed812ee87");
  ExpectImage(
      "S1 gzip",
      Make({Gzip(kT6, "06afd599e5ef52ef7e1ee0f00edd66d6ff06091be257d835d1a12311250813d3", 211)},
           {.cmd = {{"/bin/sh"}}}),
      219, "649e60ec13c5239d8ce87be624d052aef675e4771afa490784ce3acb51690015", 401,
      "beebf8eb66146346214662de34e3b5b3dd37f428138feee81646b4d544e4b06b");
  ExpectImage("D1", Make({Plain(kT10, 3584)}, {.cmd = {{"/run"}}}), 216,
              "3389cdb025854c2f466fb22e5cec6eb95b76d39b50166bb0543b744741dd4586", 397,
              "00f7135d06a52bb94c64e16aaaf0b413f3a307b994ea297da841dcfa5df89907");
  ExpectImage("W1", Make({Plain(kTA, 3072), Plain(kT8, 2560)}, {}), 303,
              "cab2e96d724afb14ea025b1e8d65a0920bfc3383b926812d1ec13d6c577e32ec", 547,
              "75ff3627cc565e505f1a0dd27cfd94faea54c2d517b9b43e40adb51b954f777f");
}

TEST(ImageEditorTest, KnownAnswersOfChangedImages) {
  ImageEditor annotated = *ImageEditor::Create(I1());
  annotated.Annotate({{"org.opencontainers.image.source", "https://example/repo"}});
  ExpectImage("A1", *annotated.Finish(), 221,
              "317e8d8eb82851190a4ca05b1335c3c1413a411f7c51cd4bb440d5fd223cbeb8", 470,
              "096b973f74f5ff8899826c78d3113f1b7f26575e30cedc75c232c26519992ff2");
  ImageEditor changed = *ImageEditor::Create(I1());
  changed.ChangeConfig(
      {.env = {{"A", "1"}}, .user = "1000:1000", .working_dir = "/srv", .labels = {{"k", "v"}}});
  ExpectImage("M1", *changed.Finish(), 293,
              "a2d464c1d79724b699428a8760dd61fd8421c8bd5ad5c92d0e7bd2f075a49865", 397,
              "6d1130fac19c5cb0c861fe1b32b4bc94960cc212d4fc681ed25415d24c71c921");
  ExpectImage("P1", P1(), 328, "45eda66b164ec1d141e91687adf8bf13739b1da89c14e3f08119562a2229ea25",
              547, "d292d3d05ed16802299e9537b9b089985ad5751d008c5a5d88b516f60646742b");
}

TEST(ImageEditorTest, KnownAnswersOfIndexes) {
  std::vector<Descriptor> children;
  for (const char* platform : {"linux/amd64", "linux/arm64"}) {
    const Image image = Make({Plain(kT1, 2048)}, {.cmd = {{"/f"}}}, platform);
    children.push_back(image.manifest.ToDescriptor());
    children.back().platform = image.config.platform();
  }
  ASSERT_OK_AND_ASSIGN(const Index x1, Index::Create(children));
  EXPECT_EQ(x1.bytes().size(), 491u);
  EXPECT_EQ(x1.digest().hex(), "bdb89589f6375487de567370f723421c5c0df98879d8cd26715dd2d78d191a0d");

  const Image docker =
      Make({Gzip(kT1, "7ad885158e6c9a3e4e235647fb24c932a42cb1336b73556445f8f78dcfe1c44f", 80)},
           {.entrypoint = {{"/f"}}}, "linux/amd64", ImageFormat::kDocker);
  Descriptor child = docker.manifest.ToDescriptor();
  child.platform = docker.config.platform();
  ASSERT_OK_AND_ASSIGN(const Index x2, Index::Create({child}, ImageFormat::kDocker));
  EXPECT_EQ(x2.bytes().size(), 317u);
  EXPECT_EQ(x2.digest().hex(), "1e7f5dd8316e435175efa430d7e7568deec14b7ed92af06e97f42222bb3d05cc");
}

TEST(ImageEditorTest, EnvKeepsItsOrderAndEntrypointClearsCmd) {
  const Image base = Make({}, {.entrypoint = {{"/e"}},
                               .cmd = {{"arg"}},
                               .env = {{"PATH", "/bin"}, {"PATHS", "x"}, {"B", "1"}}});
  EXPECT_THAT(*base.config.cmd(), ElementsAre("arg"));
  ImageEditor editor = *ImageEditor::Create(base);
  editor.ChangeConfig({.entrypoint = {{"/new"}}, .env = {{"A", "0"}, {"PATH", "/sbin"}}});
  ASSERT_OK_AND_ASSIGN(const Image image, editor.Finish());
  EXPECT_THAT(image.config.env(), ElementsAre("PATH=/sbin", "PATHS=x", "B=1", "A=0"));
  EXPECT_FALSE(image.config.cmd().has_value());
  editor.ChangeConfig({.cmd = std::vector<std::string>()});
  EXPECT_THAT(*editor.Finish()->config.cmd(), ElementsAre());
}

// A base made by another tool: members we do not model, empty history steps, history that is too
// short.
Image Foreign(const Json& history) {
  const Json config = {
      {"architecture", "arm64"},
      {"os", "linux"},
      {"created", "2020-01-01T00:00:00Z"},
      {"vendor.extra", {1, 2}},
      {"config", {{"Healthcheck", {{"Test", {"NONE"}}}}, {"Env", nullptr}}},
      {"history", history},
      {"rootfs", {{"type", "layers"}, {"diff_ids", {Sha(kT1).ToString(), Sha(kT7).ToString()}}}}};
  Json layer1 = Plain(kT1, 2048).descriptor.ToJson();
  layer1["x.unknown"] = true;
  const Json manifest = {{"schemaVersion", 2},
                         {"mediaType", kOciManifest},
                         {"config", Descriptor{.media_type = kOciConfig,
                                               .digest = Digest::Of(config.dump()),
                                               .size = config.dump().size()}
                                        .ToJson()},
                         {"layers", {layer1, Plain(kT7, 2048).descriptor.ToJson()}},
                         {"annotations", {{"base", "yes"}}}};
  return {.config = *ImageConfig::Parse(config.dump()),
          .manifest = *Manifest::Parse(manifest.dump())};
}

TEST(ImageEditorTest, KeepsWhatItDoesNotKnow) {
  const Image base = Foreign({{{"created_by", "one"}}, {{"created_by", "two"}}});
  ImageEditor editor = *ImageEditor::Create(base);
  editor.ChangeConfig({.env = {{"A", "1"}}, .volumes = {"/data"}});
  ASSERT_OK_AND_ASSIGN(const Image image, editor.Finish());
  const Json config = Json::parse(image.config.bytes());
  EXPECT_EQ(config["vendor.extra"], Json({1, 2}));
  EXPECT_EQ(config["config"]["Healthcheck"]["Test"][0], "NONE");
  EXPECT_FALSE(config.contains("created"));  // It described the base.
  EXPECT_EQ(Json::parse(image.manifest.bytes())["layers"][0]["x.unknown"], true);
  EXPECT_EQ(image.manifest.annotations().at("base"), "yes");
  editor.ClearAnnotations();
  EXPECT_TRUE(editor.Finish()->manifest.annotations().empty());
}

TEST(ImageEditorTest, PadsHistoryAndNeverRewritesIt) {
  const Image base = Foreign({{{"created_by", "env"}, {"empty_layer", true}},
                              {{"created_by", "one"}, {"comment", "kept"}}});
  ImageEditor editor = *ImageEditor::Create(base);
  ASSERT_OK(editor.AppendLayer(Plain(kT6, 4608, "mine")));
  ASSERT_OK_AND_ASSIGN(const Image image, editor.Finish());
  std::vector<std::string> steps;
  for (const HistoryEntry& entry : image.config.history()) steps.push_back(entry.created_by);
  EXPECT_THAT(steps, ElementsAre("env", "one", "stevedore", "mine"));
  EXPECT_EQ(image.config.history()[1].comment, "kept");
  EXPECT_EQ(image.config.diff_ids().size(), 3u);
}

TEST(ImageEditorTest, AppendsLayersThatAreNotThereYet) {
  const Image other = Foreign({{{"created_by", "env"}, {"empty_layer", true}},
                               {{"created_by", "one"}},
                               {{"created_by", "two"}}});
  ImageEditor editor = *ImageEditor::Create(I1());  // Has T1 already.
  ASSERT_OK(editor.AppendLayersOf(other));
  ASSERT_OK(editor.AppendLayersOf(other));
  EXPECT_THAT(editor.diff_ids(), ElementsAre(Sha(kT1), Sha(kT7)));
  ASSERT_OK_AND_ASSIGN(const Image image, editor.Finish());
  ASSERT_EQ(image.config.history().size(), 2u);
  EXPECT_EQ(image.config.history()[1].created_by, "two");
}

TEST(ImageEditorTest, CreatedComesFromTheSourceDateOnly) {
  ImageEditor editor(*Platform::Parse("linux/arm/v7"));
  editor.SetSourceDateEpoch(1700000000);
  ASSERT_OK(editor.AppendLayer(Plain(kT1, 2048)));
  ASSERT_OK_AND_ASSIGN(const Image image, editor.Finish());
  EXPECT_EQ(image.config.created(), "2023-11-14T22:13:20Z");
  EXPECT_EQ(image.config.history()[0].created, "2023-11-14T22:13:20Z");
  EXPECT_EQ(image.config.platform().ToString(), "linux/arm/v7");
}

TEST(ImageEditorTest, ConvertsDockerBasesAndRefusesMixes) {
  ImageEditor docker(*Platform::Parse("linux/amd64"), ImageFormat::kDocker);
  ASSERT_OK(docker.AppendLayer(Plain(kT1, 2048)));
  AppendedLayer zstd = Plain(kT1, 2048);
  zstd.descriptor.media_type = kOciLayerZstd;
  EXPECT_THAT(docker.AppendLayer(zstd), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(const Image base, docker.Finish());
  EXPECT_EQ(base.manifest.layers()[0].media_type, kDockerLayer);
  ASSERT_OK_AND_ASSIGN(ImageEditor editor, ImageEditor::Create(base, ImageFormat::kOci));
  ASSERT_OK_AND_ASSIGN(const Image image, editor.Finish());
  EXPECT_EQ(image.manifest.media_type(), kOciManifest);
  EXPECT_EQ(image.manifest.layers()[0].media_type, kOciLayer);
  EXPECT_EQ(image.manifest.config().media_type, kOciConfig);
}

TEST(ImageEditorTest, RefusesImagesThatDisagreeWithThemselves) {
  Image damaged = I1();
  damaged.config = P1().config;
  EXPECT_THAT(ImageEditor::Create(damaged),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1 layers")));
  ImageEditor editor(*Platform::Parse("linux/amd64"));
  editor.ChangeConfig({.user = "\xff"});
  EXPECT_THAT(editor.Finish(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
}

// Defect 8 of the predecessor: history was rewritten as soon as it had empty steps.
TEST(ImageEditorTest, HistoryWithEmptyLayerEntriesIsNotRewritten) {
  const Json history = {{{"created_by", "ENV A=1"}, {"empty_layer", true}},
                        {{"created_by", "one"}, {"created", "2020-01-01T00:00:00Z"}},
                        {{"created_by", "CMD x"}, {"empty_layer", true}},
                        {{"created_by", "two"}}};
  ImageEditor editor = *ImageEditor::Create(Foreign(history));
  ASSERT_OK(editor.AppendLayer(Plain(kT6, 4608, "mine")));
  Json expected = history;
  expected.push_back({{"created_by", "mine"}});
  EXPECT_EQ(Json::parse(editor.Finish()->config.bytes())["history"], expected);
}

// Defect 9 of the predecessor: editing a config lost the members that were not modelled.
TEST(ImageEditorTest, EditingTheConfigDropsNoMemberThatIsNotModelled) {
  ImageEditor editor = *ImageEditor::Create(Foreign(Json::array()));
  editor.KeepCreated();
  editor.EditRunConfig([](Json& config) { config["Cmd"] = {"x"}; });
  editor.ChangeConfig({.user = "nobody"});
  const Json config = Json::parse(editor.Finish()->config.bytes());
  EXPECT_EQ(config["config"]["Cmd"], Json({"x"}));
  EXPECT_EQ(config["config"]["User"], "nobody");
  EXPECT_EQ(config["config"]["Healthcheck"]["Test"][0], "NONE");
  EXPECT_EQ(config["vendor.extra"], Json({1, 2}));
  EXPECT_EQ(config["created"], "2020-01-01T00:00:00Z");
}

TEST(ImageEditorTest, TheSameLayerTwiceIsTwoLayers) {
  ImageEditor editor = *ImageEditor::Create(I1());
  ASSERT_OK(editor.AppendLayer(Plain(kT1, 2048, "again")));
  ASSERT_OK_AND_ASSIGN(const Image image, editor.Finish());
  EXPECT_THAT(image.config.diff_ids(), ElementsAre(Sha(kT1), Sha(kT1)));
  EXPECT_EQ(image.manifest.layers().size(), 2u);
  EXPECT_EQ(image.config.history().size(), 2u);
}

TEST(ImageEditorTest, AnnotationsLeaveTheConfigOfAnotherToolAlone) {
  const Image base = Foreign({{{"created_by", "one"}}});
  ImageEditor editor = *ImageEditor::Create(base);
  editor.KeepCreated();
  EXPECT_EQ(editor.Finish()->manifest.bytes(), base.manifest.bytes());
  editor.Annotate({{"new", "x"}});
  editor.RemoveAnnotation("base");
  ASSERT_OK_AND_ASSIGN(const Image image, editor.Finish());
  EXPECT_EQ(image.config.bytes(), base.config.bytes());
  EXPECT_THAT(image.manifest.annotations(), ElementsAre(::testing::Pair("new", "x")));
}

TEST(ImageEditorTest, AllTimesBecomeOne) {
  ImageEditor editor = *ImageEditor::Create(Foreign({{{"created_by", "one"}}}));
  editor.SetAllTimes(0);
  ASSERT_OK_AND_ASSIGN(const Image image, editor.Finish());
  EXPECT_EQ(image.config.created(), "1970-01-01T00:00:00Z");
  for (const HistoryEntry& entry : image.config.history()) {
    EXPECT_EQ(entry.created, "1970-01-01T00:00:00Z");
  }
}

TEST(ImageEditorTest, ReplacesLayersInPlace) {
  ImageEditor editor = *ImageEditor::Create(P1());
  ASSERT_OK(editor.ReplaceLayer(0, Plain(kT6, 4608)));
  EXPECT_THAT(editor.ReplaceLayer(2, Plain(kT6, 4608)), StatusIs(absl::StatusCode::kOutOfRange));
  ASSERT_OK_AND_ASSIGN(const Image image, editor.Finish());
  EXPECT_THAT(image.config.diff_ids(), ElementsAre(Sha(kT6), Sha(kT7)));
  EXPECT_EQ(image.manifest.layers()[0].size, 4608u);
  EXPECT_EQ(image.config.history()[1].created_by, "stevedore build");
}

TEST(ImageEditorTest, SubjectAndArtifactTypeAreKeptSetAndCleared) {
  ImageEditor editor = *ImageEditor::Create(I1());
  editor.SetSubject(Plain(kT1, 2048).descriptor);
  editor.SetArtifactType("x/y");
  ASSERT_OK_AND_ASSIGN(const Image image, editor.Finish());
  EXPECT_EQ(image.manifest.subject()->digest, Sha(kT1));
  ImageEditor again = *ImageEditor::Create(image);
  again.ChangeConfig({.user = "x"});
  EXPECT_EQ(again.Finish()->manifest.artifact_type(), "x/y");
  again.ClearAnnotations();
  EXPECT_FALSE(again.Finish()->manifest.subject().has_value());
  EXPECT_EQ(again.Finish()->manifest.artifact_type(), "");
}

}  // namespace
}  // namespace stevedore::oci
