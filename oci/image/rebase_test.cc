#include "oci/image/rebase.h"

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"
#include "oci/image/config_changes.h"
#include "oci/image/descriptor.h"
#include "oci/image/image_editor.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using Json = nlohmann::json;

// A layer that is named, not made.
AppendedLayer Layer(const std::string& name, const std::string& created_by = "") {
  return {.diff_id = Digest::Of(name),
          .descriptor = {.media_type = kOciLayerGzip,
                         .digest = Digest::Of(absl::StrCat(name, ".gz")),
                         .size = 100 + name.size()},
          .created_by = created_by.empty() ? absl::StrCat("make ", name) : created_by};
}

// What an image is made of, for making it twice.
struct Recipe {
  std::vector<std::string> layers;
  ConfigChanges changes;
  std::map<std::string, std::string> annotations = {};
  std::vector<std::string> empty_steps = {};  // After the layers.
};

void Cook(const Recipe& recipe, ImageEditor& editor) {
  for (const std::string& layer : recipe.layers) EXPECT_OK(editor.AppendLayer(Layer(layer)));
  for (const std::string& step : recipe.empty_steps) editor.AppendEmptyStep(step);
  editor.ChangeConfig(recipe.changes);
  editor.Annotate(recipe.annotations);
}

Image Base(const Recipe& recipe, const char* platform = "linux/amd64",
           ImageFormat format = ImageFormat::kOci) {
  ImageEditor editor(*Platform::Parse(platform), format);
  Cook(recipe, editor);
  return *editor.Finish();
}

Image On(const Image& base, const Recipe& recipe) {
  ImageEditor editor = *ImageEditor::Create(base);
  Cook(recipe, editor);
  return *editor.Finish();
}

std::vector<std::string> Steps(const Image& image) {
  std::vector<std::string> steps;
  for (const HistoryEntry& entry : image.config.history()) steps.push_back(entry.created_by);
  return steps;
}

// Known answer R1: P1 (T1, then T7, entrypoint /f) from [T1] to [T3], uncompressed.
TEST(RebaseTest, KnownAnswerR1) {
  const auto plain = [](const char* hex, uint64_t size, const char* created_by) {
    const Digest digest = *Digest::Parse(absl::StrCat("sha256:", hex));
    return AppendedLayer{.diff_id = digest,
                         .descriptor = {.media_type = kOciLayer, .digest = digest, .size = size},
                         .created_by = created_by};
  };
  const AppendedLayer t1 =
      plain("1b80537dc2bd16004b89f8c4ebd6ea9651081c5140c81926c4e30a80c3aff293", 2048, "stevedore");
  const AppendedLayer t3 =
      plain("aeacf9c4267892f99dd3a9f8093352bdff8ee4b8b3243cc2033d6665552cbf98", 2560, "stevedore");
  const AppendedLayer t7 = plain("5990f42a62fc6dae2bfdb9f43cd4f1fb8122b549566195a6a60875adda7997bc",
                                 2048, "stevedore build");
  const auto base = [](const AppendedLayer& layer) {
    ImageEditor editor(*Platform::Parse("linux/amd64"));
    EXPECT_OK(editor.AppendLayer(layer));
    return *editor.Finish();
  };
  ImageEditor editor = *ImageEditor::Create(base(t1));
  editor.ChangeConfig({.entrypoint = {{"/f"}}});
  ASSERT_OK(editor.AppendLayer(t7));
  ASSERT_OK_AND_ASSIGN(const Image p1, editor.Finish());
  EXPECT_EQ(p1.manifest.digest().hex(),
            "d292d3d05ed16802299e9537b9b089985ad5751d008c5a5d88b516f60646742b");
  ASSERT_OK_AND_ASSIGN(const Image r1, Rebase(p1, base(t1), base(t3)));
  EXPECT_EQ(r1.config.bytes().size(), 328u) << r1.config.bytes();
  EXPECT_EQ(r1.config.digest().hex(),
            "d5cba8c1139fab587c12d2c06780428a9d559e9af0e3ab77ac79c0b7bedd0bc6");
  EXPECT_EQ(r1.manifest.bytes().size(), 547u) << r1.manifest.bytes();
  EXPECT_EQ(r1.manifest.digest().hex(),
            "206104478113ebdf3a2b002f8d37d2e802d5e3079f1fe842b97d35586c0900ea");
}

// One row of the table: what old base, new base and image say, and what must come out.
struct MergeRow {
  const char* what;
  ConfigChanges old_base, new_base, image;
  const char* expected;  // The `config` member.
  std::vector<std::string> inherited = {};
  std::vector<std::string> kept = {};
};

std::vector<MergeRow> ListRows() {
  return {
      {"the base's user is followed",
       {.user = "a"},
       {.user = "b"},
       {},
       R"({"User":"b"})",
       {"User"},
       {}},
      {"an own user stays",
       {.user = "a"},
       {.user = "b"},
       {.user = "c"},
       R"({"User":"c"})",
       {},
       {"User"}},
      {"a member that only the new base has comes",
       {},
       {.stop_signal = "SIGINT"},
       {},
       R"({"StopSignal":"SIGINT"})",
       {"StopSignal"},
       {}},
      {"a member that the new base dropped goes",
       {.working_dir = "/w"},
       {},
       {},
       R"({})",
       {"WorkingDir"},
       {}},
      {"a member that the image took away stays away",
       {.user = "a"},
       {.user = "b"},
       {.unset = {RunMember::kUser}},
       R"({})",
       {},
       {"User"}},
      {"an own entrypoint does not get the new base's cmd",
       {},
       {.cmd = {{"x"}}},
       {.entrypoint = {{"/e"}}},
       R"({"Entrypoint":["/e"]})",
       {},
       {"Cmd", "Entrypoint"}},
      {"an own entrypoint keeps its cmd though it equals the old base's",
       {.cmd = {{"x"}}},
       {.cmd = {{"y"}}},
       {.entrypoint = {{"/e"}}, .cmd = {{"x"}}},
       R"({"Cmd":["x"],"Entrypoint":["/e"]})",
       {},
       {"Cmd", "Entrypoint"}},
      {"an own cmd runs with the new base's entrypoint",
       {.entrypoint = {{"/a"}}},
       {.entrypoint = {{"/b"}}},
       {.cmd = {{"x"}}},
       R"({"Cmd":["x"],"Entrypoint":["/b"]})",
       {"Entrypoint"},
       {"Cmd"}},
      {"an empty list is a value",
       {.cmd = {{"x"}}},
       {.cmd = {{"y"}}},
       {.cmd = std::vector<std::string>()},
       R"({"Cmd":[]})",
       {},
       {"Cmd"}},
      {"variables are merged by name, in the new base's order",
       {.env = {{"PATH", "/bin"}, {"V", "1"}, {"GONE", "x"}}},
       {.env = {{"V", "2"}, {"PATH", "/sbin"}, {"NEW", "n"}}},
       {.env = {{"APP", "a"}, {"PATH", "/app"}}},
       R"({"Env":["V=2","PATH=/app","NEW=n","APP=a"]})",
       {"Env.GONE", "Env.NEW", "Env.V"},
       {"Env.APP", "Env.PATH"}},
      {"a removed variable stays away",
       {.env = {{"A", "1"}, {"B", "1"}}},
       {.env = {{"A", "2"}, {"B", "2"}}},
       {.unset_env = {"A"}},
       R"({"Env":["B=2"]})",
       {"Env.B"},
       {"Env.A"}},
      {"the last variable removed, the member goes",
       {.env = {{"A", "1"}}},
       {.env = {{"A", "2"}}},
       {.unset_env = {"A"}},
       R"({})",
       {},
       {"Env.A"}},
      {"labels are merged by name",
       {.labels = {{"v", "1"}, {"old", "x"}}},
       {.labels = {{"v", "2"}, {"new", "y"}}},
       {.labels = {{"app", "z"}}},
       R"({"Labels":{"app":"z","new":"y","v":"2"}})",
       {"Labels.new", "Labels.old", "Labels.v"},
       {"Labels.app"}},
      {"ports and volumes are merged",
       {.exposed_ports = {"80/tcp"}, .volumes = {"/old"}},
       {.exposed_ports = {"443/tcp"}},
       {.exposed_ports = {"8080/tcp"}, .volumes = {"/data"}},
       R"({"ExposedPorts":{"443/tcp":{},"8080/tcp":{}},"Volumes":{"/data":{}}})",
       {"ExposedPorts.443/tcp", "ExposedPorts.80/tcp", "Volumes./old"},
       {"ExposedPorts.8080/tcp", "Volumes./data"}},
      {"an own health check stays",
       {},
       {.healthcheck = Healthcheck{.test = {"NONE"}}},
       {.healthcheck = Healthcheck{.test = {"CMD", "/ok"}, .retries = 2}},
       R"({"Healthcheck":{"Retries":2,"Test":["CMD","/ok"]}})",
       {},
       {"Healthcheck"}},
      {"nothing differs", {.user = "a"}, {.user = "a"}, {}, R"({"User":"a"})", {}, {}},
  };
}

TEST(RebaseTest, MergesConfigsThreeWays) {
  for (const MergeRow& row : ListRows()) {
    SCOPED_TRACE(row.what);
    const Image old_base = Base({.layers = {"old"}, .changes = row.old_base});
    const Image new_base = Base({.layers = {"new"}, .changes = row.new_base});
    const Image image = On(old_base, {.layers = {"app"}, .changes = row.image});
    RebaseReport report;
    ASSERT_OK_AND_ASSIGN(const Image rebased, Rebase(image, old_base, new_base, &report));
    EXPECT_EQ(Json::parse(rebased.config.bytes())["config"], Json::parse(row.expected));
    EXPECT_EQ(report.inherited, row.inherited);
    EXPECT_EQ(report.kept, row.kept);
  }
}

// Defect 10 of the predecessor.
TEST(RebaseTest, TakesArchitectureOsAndHistoryFromTheNewBaseNotTheOld) {
  const Image old_base = Base({.layers = {"a1", "a2"}, .changes = {}, .empty_steps = {"ENV old"}});
  const Image new_base =
      Base({.layers = {"b1", "b2", "b3"}, .changes = {}, .empty_steps = {"ENV new"}},
           "windows/arm64/v8:10.0");
  const Image image = On(old_base, {.layers = {"app"}, .changes = {}, .empty_steps = {"CMD x"}});
  RebaseReport report;
  ASSERT_OK_AND_ASSIGN(const Image rebased, Rebase(image, old_base, new_base, &report));
  EXPECT_EQ(rebased.config.platform().ToString(), "windows/arm64/v8:10.0");
  EXPECT_TRUE(report.platform_changed);
  EXPECT_THAT(Steps(rebased),
              ElementsAre("make b1", "make b2", "make b3", "ENV new", "make app", "CMD x"));
  EXPECT_THAT(rebased.config.diff_ids(),
              ElementsAre(Digest::Of("b1"), Digest::Of("b2"), Digest::Of("b3"), Digest::Of("app")));
  EXPECT_EQ(rebased.manifest.layers()[3].digest, Digest::Of("app.gz"));
  EXPECT_EQ(report.removed_layers, 2u);
  EXPECT_EQ(report.base_layers, 3u);
  EXPECT_EQ(report.kept_layers, 1u);
}

// Another tool wrote the base's history down in its own words: layers are counted.
TEST(RebaseTest, FindsItsOwnHistoryByCountingLayers) {
  ImageEditor other(*Platform::Parse("linux/amd64"));
  other.AppendEmptyStep("ARG x");
  ASSERT_OK(other.AppendLayer(Layer("old", "in other words")));
  ASSERT_OK(other.AppendLayer(Layer("app")));
  const Image image = *other.Finish();
  ASSERT_OK_AND_ASSIGN(const Image rebased, Rebase(image, Base({.layers = {"old"}, .changes = {}}),
                                                   Base({.layers = {"new"}, .changes = {}})));
  EXPECT_THAT(Steps(rebased), ElementsAre("make new", "make app"));
}

TEST(RebaseTest, RefusesAnImageThatIsNotBasedOnTheOldBase) {
  const Image base = Base({.layers = {"a", "b"}, .changes = {}});
  const Image other = Base({.layers = {"a", "c"}, .changes = {}});
  const Image image = On(base, {.layers = {"app"}, .changes = {}});
  EXPECT_TRUE(IsBasedOn(image, base));
  EXPECT_FALSE(IsBasedOn(image, other));
  EXPECT_FALSE(IsBasedOn(base, image));
  EXPECT_TRUE(IsBasedOn(base, base));
  EXPECT_THAT(Rebase(image, other, base), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                   AllOf(HasSubstr("base mismatch: layer 2"),
                                                         HasSubstr(Digest::Of("b").ToString()),
                                                         HasSubstr(Digest::Of("c").ToString()))));
  EXPECT_THAT(Rebase(base, image, base), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                  HasSubstr("layer 3 of the image is not there")));
}

TEST(RebaseTest, ConvertsTheBaseToTheImagesFormatOrRefuses) {
  const Image old_base =
      Base({.layers = {"old"}, .changes = {}}, "linux/amd64", ImageFormat::kDocker);
  const Image new_base = Base({.layers = {"new"}, .changes = {}});
  const Image image = On(old_base, {.layers = {"app"}, .changes = {}});
  ASSERT_OK_AND_ASSIGN(const Image rebased, Rebase(image, old_base, new_base));
  EXPECT_EQ(rebased.manifest.media_type(), kDockerManifest);
  EXPECT_EQ(rebased.manifest.layers()[0].media_type, kDockerLayerGzip);
  ImageEditor zstd(*Platform::Parse("linux/amd64"));
  AppendedLayer layer = Layer("z");
  layer.descriptor.media_type = kOciLayerZstd;
  ASSERT_OK(zstd.AppendLayer(layer));
  EXPECT_THAT(Rebase(image, old_base, *zstd.Finish()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("new base")));
}

TEST(RebaseTest, AnnotationsFollowOnlyWhereTheyWereHandedDown) {
  const Image old_base = Base({.layers = {"o"}, .changes = {}, .annotations = {{"v", "1"}}});
  const Image new_base =
      Base({.layers = {"n"}, .changes = {}, .annotations = {{"v", "2"}, {"more", "x"}}});
  const Image heir =
      On(old_base, {.layers = {"app"}, .changes = {}, .annotations = {{"own", "y"}}});
  EXPECT_THAT(Rebase(heir, old_base, new_base)->manifest.annotations(),
              UnorderedElementsAre(Pair("v", "2"), Pair("more", "x"), Pair("own", "y")));
  ImageEditor editor = *ImageEditor::Create(old_base);
  editor.ClearAnnotations();
  ASSERT_OK(editor.AppendLayer(Layer("app")));
  EXPECT_THAT(Rebase(*editor.Finish(), old_base, new_base)->manifest.annotations(), IsEmpty());
}

TEST(RebaseTest, KeepsCreatedAndWhatNobodyModels) {
  const auto with = [](const Image& image, const char* member, const Json& value) {
    Json config = Json::parse(image.config.bytes());
    config[member] = value;
    Json manifest = Json::parse(image.manifest.bytes());
    manifest["config"]["digest"] = Digest::Of(config.dump()).ToString();
    manifest["config"]["size"] = config.dump().size();
    return Image{.config = *ImageConfig::Parse(config.dump()),
                 .manifest = *Manifest::Parse(manifest.dump())};
  };
  Image old_base = with(Base({.layers = {"o"}, .changes = {}}), "vendor.base", 1);
  const Image new_base = with(with(Base({.layers = {"n"}, .changes = {}}), "vendor.base", 2),
                              "created", "2021-01-01T00:00:00Z");
  Image image = with(On(old_base, {.layers = {"app"}, .changes = {}}), "vendor.app", {3});
  image = with(image, "created", "2020-01-01T00:00:00Z");
  ASSERT_OK_AND_ASSIGN(const Image rebased, Rebase(image, old_base, new_base));
  const Json config = Json::parse(rebased.config.bytes());
  EXPECT_EQ(config["vendor.base"], 2);
  EXPECT_EQ(config["vendor.app"], Json({3}));
  EXPECT_EQ(config["created"], "2020-01-01T00:00:00Z");
}

TEST(RebaseTest, OnItsOwnBaseNothingChanges) {
  const Image base = Base({.layers = {"o"}, .changes = {.user = "a"}});
  const Image image = On(base, {.layers = {"app"}, .changes = {.cmd = {{"x"}}}});
  ASSERT_OK_AND_ASSIGN(const Image same, Rebase(image, base, base));
  EXPECT_EQ(same.manifest.digest(), image.manifest.digest());
}

TEST(RebaseTest, AnnotatingKeepsTheConfig) {
  const Image image = Base({.layers = {"o"}, .changes = {}});
  ASSERT_OK_AND_ASSIGN(const Image named, WithAnnotations(image, {{kBaseNameAnnotation, "a:1"}}));
  EXPECT_EQ(named.config.bytes(), image.config.bytes());
  EXPECT_THAT(named.manifest.annotations(), Contains(Pair(kBaseNameAnnotation, "a:1")));
}

// Makes recipes at random. Bases share names of what can be overridden, so that edits of an image
// mean the same on each; values never repeat, so that an edit always shows.
class Random {
 public:
  explicit Random(uint32_t seed) : random_(seed) {}
  bool Maybe() { return Below(2) == 0; }
  size_t Below(size_t n) { return random_() % n; }
  std::string Value() { return absl::StrCat("v", ++values_); }

  Recipe MakeBase() {
    Recipe recipe;
    for (size_t i = Below(4); i > 0; --i) recipe.layers.push_back(Value());
    recipe.changes = Shared();
    if (Maybe()) recipe.changes.env.emplace_back(Value(), Value());
    if (Maybe()) recipe.changes.labels[Value()] = Value();
    if (Maybe()) recipe.changes.exposed_ports.push_back(absl::StrCat(++values_, "/tcp"));
    if (Maybe()) recipe.changes.user = Value();
    if (Maybe()) recipe.changes.entrypoint = {{Value()}};
    if (Maybe()) recipe.changes.cmd = {{Value()}};
    if (Maybe()) recipe.changes.healthcheck = Healthcheck{.test = {"CMD", Value()}};
    if (Maybe()) recipe.empty_steps.push_back(Value());
    recipe.annotations = {{"base", Value()}};
    return recipe;
  }

  Recipe MakeImage() {
    Recipe recipe;
    for (size_t i = Below(4); i > 0; --i) recipe.layers.push_back(Value());
    ConfigChanges& changes = recipe.changes;
    if (Maybe()) changes.entrypoint = {{Value()}};
    if (Maybe()) changes.cmd = {{Value(), Value()}};
    if (Maybe()) changes.user = Value();
    if (Maybe()) changes.working_dir = Value();
    if (Maybe()) changes.stop_signal = Value();
    if (Maybe()) changes.healthcheck = Healthcheck{.test = {"CMD", Value()}};
    if (Maybe()) changes.env.emplace_back("SHARED", Value());
    if (Maybe()) changes.env.emplace_back(Value(), Value());
    if (Maybe()) changes.labels["shared"] = Value();
    if (Maybe()) changes.volumes.push_back(Value());
    if (Maybe()) changes.unset_env.push_back("PATH");
    if (Maybe()) changes.unset_labels.push_back("gone");
    if (Maybe()) recipe.empty_steps.push_back(Value());
    if (Maybe()) recipe.annotations[Value()] = Value();
    return recipe;
  }

 private:
  // What every base has.
  ConfigChanges Shared() {
    return {.env = {{"PATH", Value()}, {"SHARED", Value()}},
            .labels = {{"shared", Value()}, {"gone", Value()}},
            .volumes = {"/shared"}};
  }

  std::mt19937 random_;
  size_t values_ = 0;
};

TEST(RebaseTest, PropertyRebasedIsWhatTheSameEditsMakeOfTheNewBase) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    Random random(seed);
    const Image old_base = Base(random.MakeBase(), "linux/amd64");
    const Image new_base = Base(random.MakeBase(), random.Maybe() ? "linux/amd64" : "linux/arm64");
    const Recipe recipe = random.MakeImage();
    const Image expected = On(new_base, recipe);
    ASSERT_OK_AND_ASSIGN(const Image rebased, Rebase(On(old_base, recipe), old_base, new_base));
    ASSERT_EQ(rebased.config.bytes(), expected.config.bytes()) << "seed " << seed;
    ASSERT_EQ(rebased.manifest.bytes(), expected.manifest.bytes()) << "seed " << seed;
    // And back.
    ASSERT_OK_AND_ASSIGN(const Image back, Rebase(rebased, new_base, old_base));
    ASSERT_EQ(back.manifest.bytes(), On(old_base, recipe).manifest.bytes()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace stevedore::oci
