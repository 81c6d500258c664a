#include "graph/catalog.h"

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "graph/configuration.h"
#include "graph/image_instance.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

absl::StatusOr<Catalog> Load(const std::string& text, const Configuration& configuration = {}) {
  CatalogOptions options;
  options.default_platform = "linux/amd64";
  options.load_time = absl::FromUnixSeconds(1769851230);
  return Catalog::Parse({{"f.yaml", text}}, {{"f.yaml", text}}, configuration, options);
}

// Each instance as "name:version<parent,parent", in the catalog's order.
std::string Show(const Catalog& catalog) {
  std::vector<std::string> lines;
  for (const ImageInstance& image : catalog.instances()) {
    std::string line = image.id;
    for (size_t i = 0; i < image.parents.size(); ++i) {
      absl::StrAppend(&line, i == 0 ? "<" : ",", catalog.instances()[image.parents[i]].id);
    }
    lines.push_back(line);
  }
  return absl::StrJoin(lines, " ");
}

std::string Shown(const std::string& text, const Configuration& configuration = {}) {
  const absl::StatusOr<Catalog> catalog = Load(text, configuration);
  return catalog.ok() ? Show(*catalog) : catalog.status().ToString();
}

const ImageInstance& Image(const Catalog& catalog, const std::string& id) {
  const Catalog::Index index = catalog.Find(id);
  EXPECT_NE(index, Catalog::kNone) << id;
  return catalog.instances()[index];
}

TEST(CatalogTest, BuildsTheTreeFromEitherSide) {
  EXPECT_EQ(Shown("images: {a: {1: {children: {b: [1]}}}, b: {1: {}}}"), "a:1 b:1<a:1");
  EXPECT_EQ(Shown("images: {a: {1: }, b: {1: {parents: {a: [1]}}}}"), "a:1 b:1<a:1");
  // Both sides and twice is still one edge.
  EXPECT_EQ(Shown("images: {a: {1: {children: {b: [1, 1]}}}, b: {1: {parents: {a: [1]}}}}"),
            "a:1 b:1<a:1");
  EXPECT_EQ(Shown("images_tree: {a: {1: {children: {b: [1]}}}, b: {1: }}"), "a:1 b:1<a:1");
}

TEST(CatalogTest, OneInstancePerParentInstance) {
  const std::string text = R"(
images:
  os: {1.10: , 1.20: }
  mid: {m: {parents: {os: [1.10, 1.20]}, version: "{{ .Version }}-{{ .Parent.Version }}"}}
  leaf: {l: {parents: {mid: [m]}, version: "{{ .Version }}-{{ .Parent.Version }}"}}
)";
  EXPECT_EQ(Shown(text),
            "leaf:l-m-1.10<mid:m-1.10 leaf:l-m-1.20<mid:m-1.20 mid:m-1.10<os:1.10 "
            "mid:m-1.20<os:1.20 os:1.10 os:1.20");
  Configuration first;
  first.parent_instances = ParentInstances::kFirst;
  EXPECT_EQ(Shown(text, first),
            "leaf:l-m-1.10<mid:m-1.10 mid:m-1.10<os:1.10 mid:m-1.20<os:1.20 os:1.10 os:1.20");
}

TEST(CatalogTest, ParentsPersistentValuesWin) {
  ASSERT_OK_AND_ASSIGN(const Catalog catalog, Load(R"(
images:
  os:
    "1":
      persistent_vars: {p: parent, both: parentP}
      persistent_labels: {l: parent}
      labels: {onlyparent: x}
      vars: {notinherited: x}
  app:
    v:
      parents: {os: ["1"]}
      persistent_vars: {p: child, mine: m}
      vars: {p: childvar, own: o}
      persistent_labels: {l: child}
      labels: {l: childlabel, k: kk}
  leaf:
    v: {parents: {app: [v]}}
)"));
  const ImageInstance& app = Image(catalog, "app:v");
  EXPECT_THAT(app.persistent_vars,
              ElementsAre(Pair("both", "parentP"), Pair("mine", "m"), Pair("p", "parent")));
  EXPECT_THAT(app.vars, ElementsAre(Pair("own", "o"), Pair("p", "childvar")));
  EXPECT_THAT(app.persistent_labels, ElementsAre(Pair("l", "parent")));
  EXPECT_THAT(app.labels, ElementsAre(Pair("k", "kk"), Pair("l", "childlabel")));
  const ImageInstance& leaf = Image(catalog, "leaf:v");
  EXPECT_THAT(leaf.persistent_vars, SizeIs(3));
  EXPECT_THAT(leaf.vars, IsEmpty());
}

TEST(CatalogTest, ScalarsKeepTheirText) {
  ASSERT_OK_AND_ASSIGN(const Catalog catalog, Load(R"(
images:
  a:
    1.10: {vars: {n: 3, b: True, t: "{{ .Version }}", q: "v{{ .Version }}", f: 1.10, e: }}
)"));
  EXPECT_THAT(Image(catalog, "a:1.10").vars,
              ElementsAre(Pair("b", "true"), Pair("e", ""), Pair("f", "1.10"), Pair("n", "3"),
                          Pair("q", "v1.10"), Pair("t", "1.10")));
}

TEST(CatalogTest, TemplatesSeeImageAndParents) {
  ASSERT_OK_AND_ASSIGN(const Catalog catalog, Load(R"(
images:
  base: {"2.4.6": {registry: reg.example.com, namespace: team, name: foundation,
                   persistent_labels: {made: "{{ .DateRFC3339 }}"}}}
  mid: {1+b7: {parents: {base: [2.4.6]}}}
  app:
    0.1.0:
      parents: {mid: [1+b7]}
      version: "{{ .Version }}-{{ .Parent.Name }}{{ .Parent.Version }}"
      registry: "{{ .Parent.Parent.RegistryHost }}"
      tags: ["{{ .Parent.Parent.Name }}", "{{ .Image.Name }}"]
      labels: {"{{ .Name }}-of": "{{ index .Parent.PersistentLabels \"made\" }}",
               plain: "{{ .Image.RegistryHost | len }}"}
)"));
  const ImageInstance& app = Image(catalog, "app:0.1.0-mid1_b7");
  EXPECT_EQ(app.Reference(), "reg.example.com/app:0.1.0-mid1_b7");
  EXPECT_THAT(app.tags, ElementsAre("foundation", "app"));
  EXPECT_THAT(app.labels, ElementsAre(Pair("app-of", "2026-01-31T09:20:30Z"), Pair("plain", "33")));
  EXPECT_THAT(app.volatile_values, ElementsAre("label app-of", "persistent_label made"));
  EXPECT_EQ(Image(catalog, "mid:1_b7").Reference(), "mid:1_b7");
}

TEST(CatalogTest, DatesComeFromSourceDateEpoch) {
  CatalogOptions options;
  options.source_date_epoch = 0;
  options.load_time = absl::FromUnixSeconds(99);
  const std::string text = "images: {a: {1: {vars: {d: '{{ .DateRFC3339Nano }}'}}}}";
  ASSERT_OK_AND_ASSIGN(const Catalog catalog,
                       Catalog::Parse({{"f", text}}, {}, Configuration(), options));
  EXPECT_EQ(Image(catalog, "a:1").vars.at("d"), "1970-01-01T00:00:00Z");
}

TEST(CatalogTest, BuildersAreGlobalOrInPlace) {
  ASSERT_OK_AND_ASSIGN(const Catalog catalog, Load(R"(
builders:
  files:
    driver: assemble
    options:
      context: {path: common}
      layers: [{from: ., to: /srv}]
    variables_mapping: {image_from_tag_key: BASE_TAG, image_fully_qualified_name: ME}
images:
  a: {1: {builder: files}}
  b: {1: {builder: {driver: assemble, options: {
          context: [{path: "services/{{ .Name }}"}, {path: x}], layers: [{tar: v.tar}],
          config: {env: {VERSION: 1.10, N: 3}}}}}}
)"));
  const Builder& files = *Image(catalog, "a:1").builder;
  EXPECT_EQ(files.name, "files");
  EXPECT_EQ(files.options_json, R"({"layers":[{"from":".","to":"/srv"}]})");
  ASSERT_THAT(files.contexts, SizeIs(1));
  EXPECT_EQ(files.contexts[0].path, "common");
  EXPECT_EQ(files.variables_mapping.at("image_from_tag_key"), "BASE_TAG");
  EXPECT_EQ(files.variables_mapping.at("image_fully_qualified_name_key"), "ME");
  EXPECT_EQ(files.variables_mapping.at("image_from_name_key"), "image_from_name");
  const Builder& in_place = *Image(catalog, "b:1").builder;
  EXPECT_EQ(in_place.name, "b:1");
  ASSERT_THAT(in_place.contexts, SizeIs(2));
  EXPECT_EQ(in_place.contexts[0].path, "services/b");
  EXPECT_EQ(in_place.options_json,
            R"({"config":{"env":{"N":3,"VERSION":"1.10"}},"layers":[{"tar":"v.tar"}]})");
  EXPECT_THAT(catalog.builders(), SizeIs(2));
}

TEST(CatalogTest, LayersOfOtherImagesAreParents) {
  ASSERT_OK_AND_ASSIGN(const Catalog catalog, Load(R"(
images:
  base: {1: }
  left: {1: {parents: {base: [1]}}}
  right: {1: {parents: {base: [1]}, version: "{{ .Version }}-{{ .Parent.Version }}"}}
  top: {1: {parents: {left: [1]},
            builder: {driver: assemble, options: {layers: [{image: {right: 1}}]}}}}
)"));
  EXPECT_EQ(Show(catalog), "base:1 left:1<base:1 right:1-1<base:1 top:1<left:1,right:1-1");
  EXPECT_EQ(Image(catalog, "top:1").builder->options_json, R"({"layers":[{"image":"right:1-1"}]})");
  EXPECT_THAT(catalog.roots(), ElementsAre(catalog.Find("base:1")));
  EXPECT_THAT(Image(catalog, "base:1").children,
              ElementsAre(catalog.Find("left:1"), catalog.Find("right:1-1")));
}

TEST(CatalogTest, ResolvesVersionsTagsAndDefinitions) {
  ASSERT_OK_AND_ASSIGN(const Catalog catalog, Load(R"(
images:
  os: {1: , 2: }
  app: {v: {parents: {os: [1, 2]}, version: "{{ .Version }}-{{ .Parent.Version }}",
            tags: ["t{{ .Parent.Version }}"]}}
)"));
  std::vector<ImageInstance> made;
  auto ids = [&](const std::string& name, const std::string& version) {
    const auto found = catalog.Resolve(name, version, &made);
    if (!found.ok()) return found.status().ToString();
    std::vector<std::string> out;
    for (Catalog::Index index : *found) out.push_back(catalog.instances()[index].id);
    return absl::StrJoin(out, " ");
  };
  EXPECT_EQ(ids("app", ""), "app:v-1 app:v-2");
  EXPECT_EQ(ids("app", "v-2"), "app:v-2");
  EXPECT_EQ(ids("app", "t1"), "app:v-1");
  EXPECT_EQ(ids("app", "v"), "app:v-1 app:v-2");
  EXPECT_THAT(ids("app", "v-3"), AllOf(HasSubstr("NOT_FOUND"), HasSubstr("it has v-1, v-2")));
  EXPECT_THAT(ids("ap", ""),
              AllOf(HasSubstr("NOT_FOUND"), HasSubstr("did you mean `app`?"), HasSubstr("f.yaml")));
  EXPECT_THAT(ids("app", "*"), HasSubstr("INVALID_ARGUMENT"));
  EXPECT_THAT(made, IsEmpty());
}

TEST(CatalogTest, WildcardsTakeTheRequestedVersion) {
  ASSERT_OK_AND_ASSIGN(const Catalog catalog, Load(R"(
images:
  os: {1: }
  lib: {"*": {parents: {os: [1]}, version: "{{ .Version }}-{{ .Parent.Version }}"}}
  app: {"*": {parents: {lib: ["*"]}, labels: {base: "{{ .Parent.Version }}"}}}
)"));
  EXPECT_EQ(Show(catalog), "os:1");
  EXPECT_THAT(catalog.wildcards(), ElementsAre("app", "lib"));
  std::vector<ImageInstance> made;
  ASSERT_OK_AND_ASSIGN(const std::vector<Catalog::Index> found,
                       catalog.Resolve("app", "7.0+b1", &made));
  ASSERT_THAT(made, SizeIs(2));
  EXPECT_EQ(made[0].id, "lib:7.0_b1-1");
  EXPECT_EQ(made[1].id, "app:7.0_b1");
  EXPECT_EQ(made[1].version, "7.0+b1");
  EXPECT_THAT(made[1].labels, ElementsAre(Pair("base", "7.0_b1-1")));
  EXPECT_THAT(found, ElementsAre(2));
  EXPECT_THAT(catalog.Resolve("app", "", &made).status(),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("say which one")));
}

TEST(CatalogTest, WarnsAboutDeprecatedTree) {
  ASSERT_OK_AND_ASSIGN(const Catalog catalog, Load("images_tree: {a: {1: }}"));
  ASSERT_THAT(catalog.warnings(), SizeIs(1));
  EXPECT_THAT(catalog.warnings()[0].ToString(),
              AllOf(HasSubstr("f.yaml:1:14:"), HasSubstr("rename the key to `images`")));
}

TEST(CatalogTest, LoadsFoldersOfFiles) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory directory,
                       base::TemporaryDirectory::Create());
  const std::string& root = directory.path();
  ASSERT_OK(base::MakeDirectories(root + "/images/deeper.yaml"));
  ASSERT_OK(base::WriteFileAtomically(root + "/images/a.yaml", "images: {a: {1: {builder: x}}}"));
  ASSERT_OK(
      base::WriteFileAtomically(root + "/images/b.yml", "images: {b: {1: {parents: {a: [1]}}}}"));
  ASSERT_OK(base::WriteFileAtomically(root + "/images/notes.txt", "]["));
  ASSERT_OK(base::WriteFileAtomically(root + "/builders.yaml", "builders: {x: {driver: sleep}}"));
  Configuration configuration;
  configuration.images_path = root + "/images";
  configuration.builders_path = root + "/builders.yaml";
  ASSERT_OK_AND_ASSIGN(const Catalog catalog, Catalog::Load(configuration, CatalogOptions()));
  EXPECT_EQ(Show(catalog), "a:1 b:1<a:1");
  configuration.images_path = root + "/none";
  EXPECT_THAT(Catalog::Load(configuration, CatalogOptions()),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("/none: there is no such file or folder"),
                             HasSubstr("STEVEDORE_IMAGES_PATH"))));
}

TEST(CatalogTest, PathsMayBeRelativeToTheFile) {
  const std::string text =
      "images: {a: {1: {builder: {driver: docker, options: {context: {path: src}}}}}}";
  Configuration configuration;
  configuration.paths_relative_to = PathsRelativeTo::kFile;
  ASSERT_OK_AND_ASSIGN(const Catalog catalog, Catalog::Parse({{"teams/web/images.yaml", text}}, {},
                                                             configuration, CatalogOptions()));
  const ContextSpec& context = Image(catalog, "a:1").builder->contexts[0];
  EXPECT_EQ(context.path, "src");
  EXPECT_EQ(context.resolved_path, "teams/web/src");
}

TEST(CatalogTest, PlatformsDefaultToOne) {
  ASSERT_OK_AND_ASSIGN(
      const Catalog catalog,
      Load("images: {a: {1: , 2: {platforms: [linux/arm64, linux/amd64, linux/arm64]}}}"));
  EXPECT_THAT(Image(catalog, "a:1").platforms, ElementsAre("linux/amd64"));
  EXPECT_THAT(Image(catalog, "a:2").platforms, SizeIs(2));
}

}  // namespace
}  // namespace stevedore::graph
