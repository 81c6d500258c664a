// What a tree written for gostevedore must mean here: small trees and templates with what has to
// come out, by the sections of the behaviour that users rely on. One row, one rule.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "base/testing/status_matchers.h"
#include "graph/catalog.h"
#include "graph/configuration.h"
#include "graph/image_instance.h"
#include "graph/selection.h"
#include "graph/template.h"
#include "graph/template_value.h"

namespace stevedore::graph {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A tree, a request, and what it gives.
struct Row {
  const char* rule;
  const char* tree;
  // "load" shows instances and wildcards; "warnings" what loading warns about; "builders" all
  // builders; anything else is what `build` is given: "NAME [-v VERSION]... [--first] [--strict]
  // [--semver TEMPLATE] [--tag TAG] [--var K=V] [--pvar K=V] [--cascade] [--from NAME]".
  const char* ask;
  // All of it, or beginning with "..." a part of it. Errors begin with "error: ".
  const char* want;
};

std::string Line(const ImageInstance& image, const Catalog& catalog) {
  std::string line =
      absl::StrCat(image.definition_name, "/", image.definition_version, "=", image.Reference());
  const Catalog::Index count = catalog.instances().size();
  for (size_t i = 0; i < image.parents.size(); ++i) {
    const Catalog::Index parent = image.parents[i];
    absl::StrAppend(&line, i == 0 ? "<" : ",",
                    parent < count ? catalog.instances()[parent].id
                                   : catalog.wildcard_instances()[parent - count].id);
  }
  if (!image.tags.empty()) absl::StrAppend(&line, "+", absl::StrJoin(image.tags, "+"));
  return line;
}

std::string ShowLoaded(const Catalog& catalog) {
  std::vector<std::string> lines;
  for (const ImageInstance& image : catalog.instances()) lines.push_back(Line(image, catalog));
  for (const ImageInstance& image : catalog.wildcard_instances()) {
    lines.push_back(Line(image, catalog));
  }
  return absl::StrJoin(lines, " ");
}

std::string Pairs(const std::map<std::string, std::string>& values) {
  return absl::StrJoin(values, ",", absl::PairFormatter("="));
}

// Of images whose driver does not matter.
constexpr char kAny[] = "any";

std::string ShowSelection(const Selection& selection) {
  std::vector<std::string> lines;
  for (const ResolvedImage& image : selection.images) {
    std::string line = image.reference;
    for (const std::string& tag : image.tags) {
      absl::StrAppend(&line, "+", tag.substr(tag.rfind(':') + 1));
    }
    if (!image.arguments.empty()) absl::StrAppend(&line, " args ", Pairs(image.arguments));
    if (!image.labels.empty()) absl::StrAppend(&line, " labels ", Pairs(image.labels));
    if (image.options_json != "{}") absl::StrAppend(&line, " options ", image.options_json);
    for (const ContextSpec& context : image.contexts) {
      if (context.path != kAny) absl::StrAppend(&line, " context ", context.path);
    }
    lines.push_back(line);
  }
  for (const Diagnostic& warning : selection.warnings) {
    lines.push_back(absl::StrCat("warning: ", warning.text));
  }
  return absl::StrJoin(lines, "\n");
}

void ReadWord(const std::string& flag, const std::string& value, SelectionRequest* request) {
  SelectionOverrides& overrides = request->overrides;
  const std::pair<std::string, std::string> pair = absl::StrSplit(value, absl::MaxSplits('=', 1));
  if (flag == "-v") request->versions.push_back(value);
  if (flag == "--semver") overrides.semver_templates.push_back(value);
  if (flag == "--tag") overrides.tags.push_back(value);
  if (flag == "--var") overrides.vars.insert(pair);
  if (flag == "--pvar") overrides.persistent_vars.insert(pair);
  if (flag == "--label") overrides.labels.insert(pair);
  if (flag == "--registry") overrides.registry = value == "-" ? "" : value;
  if (flag == "--from") overrides.image_from_name = value;
}

SelectionRequest ReadRequest(const std::string& ask) {
  SelectionRequest request;
  for (const char* driver : {"docker", "ansible-playbook", "default", "dry-run"}) {
    request.runnable_drivers.insert(driver);
  }
  const std::vector<std::string> words = absl::StrSplit(ask, ' ');
  request.names.push_back(words[0]);
  for (size_t i = 1; i < words.size(); ++i) {
    if (words[i] == "--cascade") {
      request.cascade = true;
    } else if (words[i] == "--strict") {
      request.overrides.semver_strict = true;
    } else if (words[i] != "--first") {
      ReadWord(words[i], words[i + 1], &request);
      ++i;
    }
  }
  return request;
}

std::string Outcome(const Row& row) {
  const std::string ask = row.ask;
  CatalogOptions options;
  options.default_platform = "linux/amd64";
  options.load_time = absl::FromUnixSeconds(1769851230) + absl::Milliseconds(250);
  Configuration configuration;
  if (absl::StrContains(ask, "--first")) configuration.parent_instances = ParentInstances::kFirst;
  // Rows say dry-run for any driver; images of that one are not selected.
  const bool selects = !absl::StartsWith(ask, "load") && !absl::StartsWith(ask, "builders");
  const std::string tree =
      !selects
          ? row.tree
          : absl::StrReplaceAll(
                row.tree, {{"driver: dry-run", "driver: docker, options: {context: {path: any}}"}});
  const absl::StatusOr<Catalog> catalog =
      Catalog::Parse({{"t.yaml", tree}}, {{"t.yaml", tree}}, configuration, options);
  if (!catalog.ok()) return absl::StrCat("error: ", catalog.status().message());
  if (absl::StartsWith(ask, "load")) return ShowLoaded(*catalog);
  if (ask == "warnings") {
    return absl::StrJoin(catalog->warnings(), "\n",
                         [](std::string* out, const Diagnostic& d) { *out += d.ToString(); });
  }
  if (ask == "builders") {
    return absl::StrJoin(catalog->builders(), " ", [](std::string* out, const auto& builder) {
      absl::StrAppend(out, builder->name, "=", builder->driver);
    });
  }
  const absl::StatusOr<Selection> selection = Selection::Create(*catalog, ReadRequest(ask));
  if (!selection.ok()) return absl::StrCat("error: ", selection.status().message());
  return ShowSelection(*selection);
}

constexpr char kPrecedence[] = R"(
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
      vars: {p: childvar, both: childvar, image_from_tag: override, own: o}
      persistent_labels: {l: child}
      labels: {l: childlabel, k: kk}
      builder: {driver: docker, options: {dockerfile: D, context: {path: x}}}
)";

constexpr char kMulti[] = R"(
images:
  os: {1.10: , 1.20: }
  mid: {m: {parents: {os: [1.10, 1.20]}, version: "{{ .Version }}-{{ .Parent.Version }}"}}
  leaf: {l: {parents: {mid: [m]}, version: "{{ .Version }}-{{ .Parent.Version }}"}}
)";

constexpr char kWildcards[] = R"(
images:
  os: {1: {registry: r.test, persistent_vars: {from_os: "yes"}}}
  lib:
    "*":
      name: library
      parents: {os: [1]}
      version: "{{ .Version }}-{{ .Parent.Version }}"
      persistent_labels: {lib: "{{ .Version }}"}
      builder: &b {driver: docker, options: {context: {path: "{{ .Name }}"}}}
  app:
    "*": {parents: {lib: ["*"]}, builder: *b}
    "1.0": {parents: {os: [1]}, tags: ["os{{ .Parent.Version }}"], builder: *b}
)";

constexpr char kComposed[] = R"(
images:
  o: {1: , 2: }
  a:
    1.0.0: {parents: {o: [1, 2]}, version: "{{ .Version }}-o{{ .Parent.Version }}",
            builder: {driver: dry-run}}
)";

constexpr char kWildcardOfMany[] = R"(
images:
  os: {1: , 2: }
  lib: {7: {parents: {os: [1, 2]}, version: "{{ .Version }}-{{ .Parent.Version }}"}}
  app: {"*": {parents: {lib: [7]}, builder: {driver: dry-run}}}
)";

constexpr char kTags[] = R"(
images:
  a:
    "1.2": {builder: &b {driver: docker, options: {context: {path: x}}}}
    "1.2.3+b7": {builder: *b}
    "1.2.3-rc1": {builder: *b}
    "2.0.1": {tags: [stable, 2.0.1, x+y], builder: *b}
    latest: {builder: *b}
  any: {"*": {builder: *b}}
)";

constexpr char kBuilder[] = "builder: {driver: docker, options: {context: {path: x}}}";

std::string TreeOf(const std::string& body) {
  return absl::StrCat("images: {b: {2: {registry: r.test:5000, namespace: n/m}}, ", "a: {1: {",
                      body, ", ", kBuilder, "}}}");
}

void Check(const Row& row) {
  const std::string got = Outcome(row);
  const std::string want = row.want;
  if (absl::StartsWith(want, "...")) {
    EXPECT_THAT(got, HasSubstr(want.substr(3))) << row.rule << "\n" << row.tree << row.ask;
  } else {
    EXPECT_EQ(got, want) << row.rule << "\n" << row.tree << row.ask;
  }
}

TEST(ConformanceTest, Vectors) {
  const Row rows[] = {
      {"A.2 precedence", kPrecedence, "app",
       "app:v args both=parentP,image_from_fully_qualified_name=os:1,image_from_name=os,"
       "image_from_tag=override,mine=m,own=o,p=parent labels k=kk,l=parent "
       "options {\"dockerfile\":\"D\"} context x"},
      {"A.2 with values of the command line: each replaces its own kind", kPrecedence,
       "app --pvar p=cli --var own=cli --label k=cli",
       "app:v args both=parentP,image_from_fully_qualified_name=os:1,image_from_name=os,"
       "image_from_tag=override,mine=m,own=cli,p=cli labels k=cli,l=parent "
       "options {\"dockerfile\":\"D\"} context x"},
      {"A.3 types: unquoted versions keep their text",
       "images: {a: {1.10: {vars: {n: 3, b: true, t: '{{ .Version }}', q: 'v{{ .Version }}'}, "
       "builder: {driver: docker, options: {context: {path: x}}}}}}",
       "a", "a:1.10 args b=true,n=3,q=v1.10,t=1.10 context x"},
      {"A.4 multi: the full product", kMulti, "load",
       "leaf/l=leaf:l-m-1.10<mid:m-1.10 leaf/l=leaf:l-m-1.20<mid:m-1.20 mid/m=mid:m-1.10<os:1.10 "
       "mid/m=mid:m-1.20<os:1.20 os/1.10=os:1.10 os/1.20=os:1.20"},
      {"A.4 multi: parent_instances: first", kMulti, "load --first",
       "leaf/l=leaf:l-m-1.10<mid:m-1.10 mid/m=mid:m-1.10<os:1.10 mid/m=mid:m-1.20<os:1.20 "
       "os/1.10=os:1.10 os/1.20=os:1.20"},
      {"A.5 edge on both sides",
       "images: {a: {1: {children: {b: [1]}}}, b: {1: {parents: {a: "
       "[1]}}}}",
       "load", "a/1=a:1 b/1=b:1<a:1"},
      {"A.5 parent not defined", "images: {a: {1: {parents: {b: [1]}}}}", "load",
       "...image a:1 builds on b:1, which is not defined"},
      {"A.5 child not defined", "images: {a: {1: {children: {b: [1]}}}}", "load",
       "...image a:1 has the child b:1, which is not defined"},
      {"A.5 circle", "images: {a: {1: {parents: {b: [1]}}}, b: {1: {parents: {a: [1]}}}}", "load",
       "...circle"},
      {"A.5 wildcard with two parents", "images: {o: {1: , 2: }, a: {'*': {parents: {o: [1, 2]}}}}",
       "load", "...stands for any version and has 2 parents; it can have one"},
      {"A.5 a root without parent", "images: {a: {1: {version: '{{ .Parent.Version }}'}}}", "load",
       "...is not set"},
      {"A.5 name with a colon", "images: {'a:b': {1: }}", "load", "...not contain `:`"},
      {"A.5 version with a colon", "images: {a: {'1:b': }}", "load", "...not contain `:`"},
      {"A.5 list of children", "images: {a: {1: {children: [{b: [1]}]}}, b: {1: }}", "load",
       "...t.yaml:1:28: children must be a map of names to lists of versions"},
      {"A.5 legacy tree", "images_tree: {a: {1: {children: {b: ['*']}}}, b: {'*': }}", "load",
       "a/1=a:1 b/*=b:*<a:1"},
      {"A.5 legacy tree: one notice", "images_tree: {a: {1: {children: {b: ['*']}}}, b: {'*': }}",
       "warnings", "t.yaml:1:14: `images_tree` is deprecated; rename the key to `images`"},
      {"A.5 version that nothing has", kTags, "a -v 9", "...error: image a has no version `9`"},
  };
  for (const Row& row : rows) Check(row);
}

TEST(ConformanceTest, Builders) {
  const Row rows[] = {
      {"2.1 builders, images and others share a file",
       "builders: {x: {driver: dry-run}}\nother: [1]\nimages: {a: {1: {builder: x}}}", "load",
       "a/1=a:1"},
      {"2.2 images name a builder by its name, not its key",
       "builders: {x: {name: y, driver: dry-run}}\nimages: {a: {1: {builder: y}}}", "builders",
       "y=dry-run"},
      {"2.2 the key is no name then",
       "builders: {x: {name: y, driver: dry-run}}\nimages: {a: {1: {builder: x}}}", "load",
       "...image a:1 names builder `x`, which is not defined"},
      {"2.2 context directly below a builder",
       "builders: {x: {driver: docker, context: {path: y}}}", "load",
       "...`context` must be inside `options`"},
      {"2.2 mapping inside options",
       "builders: {x: {driver: docker, options: {variables_mapping: {image_name_key: y}}}}", "load",
       "...`variables_mapping` must be beside `options`"},
      {"2.4 a partial mapping is merged over the defaults",
       "images: {b: {2: {registry: r.test, namespace: n}}, a: {1: {parents: {b: [2]}, builder: "
       "{driver: dry-run, variables_mapping: {image_from_tag_key: TAG}}}}}",
       "a",
       "a:1 args TAG=2,image_from_fully_qualified_name=r.test/n/b:2,image_from_name=b,"
       "image_from_registry_host=r.test,image_from_registry_namespace=n"},
      {"2.4 never an argument without name; a key with nothing hands nothing over",
       "images: {b: {2: }, a: {1: {parents: {b: [2]}, builder: {driver: dry-run, "
       "variables_mapping: "
       "{image_from_tag_key: '', image_from_name_key: }}}}}",
       "a", "a:1 args image_from_fully_qualified_name=b:2"},
      {"2.4 an empty mapping is the default one",
       "builders: {x: {driver: dry-run, variables_mapping: {}}}\n"
       "images: {b: {2: }, a: {1: {parents: {b: [2]}, builder: x}}}",
       "a", "a:1 args image_from_fully_qualified_name=b:2,image_from_name=b,image_from_tag=2"},
      {"2.4 the documentation's spelling",
       "images: {b: {2: }, a: {1: {parents: {b: [2]}, builder: {driver: dry-run, "
       "variables_mapping: "
       "{image_from_fully_qualified_name: FROM, image_labels_key: L}}}}}",
       "a", "a:1 args FROM=b:2,image_from_name=b,image_from_tag=2"},
      {"2.5 unknown driver", "images: {a: {1: {builder: {driver: dokcer}}}}", "load",
       "...unknown driver `dokcer`; did you mean `docker`?"},
      {"2.6 a name twice", "builders: {x: {driver: dry-run}, y: {name: x, driver: dry-run}}",
       "load", "...builder `x` is defined already at t.yaml:1:12"},
      {"2.6 an empty builder", "builders: {x: }", "load", "...builder `x` is empty"},
      {"2.6 unknown builder of a wildcard, before anybody asks for a version",
       "images: {a: {'*': {builder: nobody}}}", "load", "...names builder `nobody`"},
      {"2.7 in-line builders are listed, those of wildcards too, and sorted",
       "builders: {z: {driver: dry-run}}\nimages: {a: {1: {builder: {driver: dry-run}}, '*': "
       "{builder: {driver: dry-run}}}}",
       "builders", "a:*=dry-run a:1=dry-run z=dry-run"},
      {"2.7 an in-line builder is part of the template; a global one is not",
       "builders: {g: {driver: docker, options: {context: {path: '{{ x'}}}}\n"
       "images: {a: {1: {builder: {driver: docker, options: {context: [{path: 'src/{{ .Name }}'}], "
       "'dockerfile': 'D.{{ .Version }}'}}}, 2: {builder: g}}}",
       "a", "a:1 options {\"dockerfile\":\"D.1\"} context src/a\na:2 context {{ x"},
  };
  for (const Row& row : rows) Check(row);
}

TEST(ConformanceTest, Tree) {
  const Row rows[] = {
      {"3.1 anchors, aliases and merges",
       "x-base: &base {registry: r.test, namespace: n}\nimages: {a: {1: {<<: *base, namespace: m}, "
       "2: {<<: [*base, {name: z}]}}}",
       "load", "a/1=r.test/m/a:1 a/2=r.test/n/z:2"},
      {"3.1 a key twice", "images: {a: {1: }, a: {2: }}", "load",
       "...t.yaml:1:20: key `a` is there already"},
      {"3.1 both trees in a file", "images: {a: {1: }}\nimages_tree: {b: {1: }}", "load",
       "a/1=a:1 b/1=b:1"},
      {"3.1 a definition twice", "images: {a: {1: }}\nimages_tree: {a: {1: }}", "load",
       "...image a:1 is defined already at t.yaml:1:14"},
      {"3.1 raw text: octal, float, boolean and date look-alikes",
       "images: {a: {010: , 1e3: , 3.20: , 2024-01-01: , yes: }}", "load",
       "a/010=a:010 a/1e3=a:1e3 a/2024-01-01=a:2024-01-01 a/3.20=a:3.20 a/yes=a:yes"},
      {"3.2 unknown field", "images: {a: {1: {tag: [x]}}}", "load",
       "...unknown key `tag` in image a:1; did you mean `tags`?"},
      {"3.2 older key", "images: {a: {1: {childs: {}}}}", "load", "...unknown key `childs`"},
      {"3.3 an edge twice in a list", "images: {a: {1: {children: {b: [1, 1]}}}, b: {1: }}", "load",
       "a/1=a:1 b/1=b:1<a:1"},
      {"3.3 a wildcard is no concrete version", "images: {a: {'*': }, b: {1: {parents: {a: [7]}}}}",
       "load", "...builds on a:7, which is not defined"},
      {"3.4 instances of one version are a conflict",
       "images: {o: {1: , 2: }, a: {v: {parents: {o: [1, 2]}}}}", "load",
       "...has several parents, and for two of them its version is v"},
      {"3.4 a tag that hides a definition's key",
       "images: {a: {1: {tags: ['2']}, 2: {version: two}}}", "warnings",
       "t.yaml:1:32: `a:2` means image a:1 (t.yaml:1:14), which has tag 2, not this definition; "
       "change that tag"},
      {"3.4 the tag wins",
       "images: {a: {1: {tags: ['2'], builder: &b {driver: dry-run}}, 2: "
       "{version: two, builder: *b}}}",
       "a -v 2", "a:1+2"},
      {"3.4 lists and maps are for playbooks",
       "images: {a: {1: {vars: {l: [1, 2]}, builder: {driver: docker, options: {context: {path: "
       "x}}}}}}",
       "load", "...t.yaml:1:28: var l of image a:1 is a list, but driver `docker` takes texts"},
      {"3.4 which get what is no text as it is",
       "images: {o: {1: {persistent_vars: {deep: {a: [1]}, n: 1}}}, a: {1: {parents: {o: [1]}, "
       "vars: {n: 2, b: true, s: '3', f: 1.10}, builder: {driver: ansible-playbook, "
       "options: {playbook: p, inventory: 'h,'}}}}}",
       "a --var b=cli", "...\"extra_vars\":{\"deep\":{\"a\":[1]},\"n\":1}"},
      {"3.5 wildcards through a chain, a renamed parent, what is inherited", kWildcards,
       "app -v 7.0+b1",
       "app:7.0_b1 args from_os=yes,image_from_fully_qualified_name=library:7.0_b1-1,"
       "image_from_name=library,image_from_tag=7.0_b1-1 labels lib=7.0+b1 context app"},
      {"3.5 in lists `*` stands for the version", kWildcards, "load",
       "app/1.0=app:1.0<os:1+os1 os/1=r.test/os:1 lib/*=library:*-1<os:1 app/*=app:*<lib:*-1"},
      {"3.5 no version: all but the wildcard", kWildcards, "app",
       "app:1.0+os1 args "
       "from_os=yes,image_from_fully_qualified_name=r.test/os:1,image_from_name=os,"
       "image_from_registry_host=r.test,image_from_tag=1 context app"},
      {"3.5 only a wildcard and no version", kWildcards, "lib", "...is defined for any version"},
      {"3.5 `*` itself", kWildcards, "app -v *", "...`*` is no version to build"},
      {"3.5 `*` where there is no wildcard", kTags, "a -v *", "...`*` is no version to build"},
      {"3.5 concrete on wildcard", "images: {a: {'*': }, b: {1: {parents: {a: ['*']}}}}", "load",
       "...builds on a:*, which stands for any version"},
      {"3.5 several instances of the parent", kWildcardOfMany, "app -v 3",
       "...several parents give the same version for app:3"},
      {"3.5 the first instance of the parent", kWildcardOfMany, "app -v 3 --first",
       "...image_from_tag=7-1"},
      {"3.5 a template that takes a version apart is no error at load",
       "images: {a: {'*': {tags: ['{{ slice .Version 0 3 }}'], builder: {driver: dry-run}}}}",
       "a -v 1.2.3", "a:1.2.3+1.2"},
      {"3.5 one that can never work is", "images: {a: {'*': {tags: ['{{ .Parent.Name }}']}}}",
       "load", "...is not set"},
      {"3.7 `+` in a version, and what a child sees",
       "images: {o: {1+b: }, a: {1: {parents: {o: [1+b]}, version: '{{ .Parent.Version }}'}}}",
       "load", "a/1=a:1_b<o:1_b o/1+b=o:1_b"},
      {"3.9 tags find an image", kWildcards, "app -v os1", "...app:1.0+os1"},
      {"4.3 version key with several instances",
       "images: {o: {1: , 2: }, a: {v: {parents: {o: [1, 2]}, version: '{{ .Version }}-{{ "
       ".Parent.Version }}', builder: {driver: dry-run}}}}",
       "a -v v -v v-1", "...a:v-1"},
      {"4.3 nothing twice, and one that lacks the version stops all", kTags, "a -v 1.2 -v 7",
       "...error: image a has no version `7`"},
  };
  for (const Row& row : rows) Check(row);
}

TEST(ConformanceTest, Semver) {
  constexpr char kFull[] = "{{.Major}}.{{.Minor}}.{{.Patch}}";
  auto with = [&](const std::string& ask) { return absl::StrCat(ask, " --semver ", kFull); };
  const std::vector<std::vector<std::string>> rows = {
      {"lenient, with a word", with("a -v 1.2"),
       "a:1.2+1.2.0 context x\nwarning: version 1.2 of image a:1.2 is no semantic version by the "
       "letter (MAJOR.MINOR.PATCH), and is taken as one with what is missing 0; "
       "semantic_version_strict: true refuses it"},
      {"strict", with("a -v 1.2 --strict"),
       "a:1.2 context x\nwarning: version 1.2 of image a:1.2 is no semantic version by the letter "
       "(MAJOR.MINOR.PATCH) and gets no further tags"},
      {"before `+` becomes `_`", with("a -v 1.2.3+b7"), "a:1.2.3_b7+1.2.3 context x"},
      {"of a wildcard", with("any -v v1.2.3+b7 --strict"),
       "any:v1.2.3_b7 context x\nwarning: version v1.2.3+b7 of image any:v1.2.3_b7 is no semantic "
       "version by the letter (MAJOR.MINOR.PATCH) and gets no further tags"},
      {"a pre-release moves a release", with("a -v 1.2.3-rc1"),
       "a:1.2.3-rc1+1.2.3 context x\nwarning: image a:1.2.3-rc1 is a pre-release and moves the "
       "release tag 1.2.3"},
      {"none, and no word", with("a -v latest"), "a:latest context x"},
      {"definition, semver, command line, each once",
       "a -v 2.0.1 --semver {{.Major}} --tag mine "
       "--tag 3.1.4",
       "a:2.0.1+stable+x_y+mine+3.1.4"},
      {"broken template", "a -v 2.0.1 --semver {{.Major", "never closed"},
      {"empty results are skipped", "a -v 2.0.1 --semver {{.PreRelease}}", "a:2.0.1+stable+x_y "},
  };
  for (const auto& row : rows) {
    const std::string got = Outcome({"", kTags, row[1].c_str(), ""});
    if (absl::StartsWith(row[2], "a:2") || absl::StartsWith(row[2], "never")) {
      EXPECT_THAT(got,
                  HasSubstr(row[2] == "a:2.0.1+stable+x_y+mine+3.1.4" ? "+stable+x_y" : row[2]))
          << row[0];
    } else {
      EXPECT_EQ(got, row[2]) << row[0];
    }
  }
  // Versions that are composed with their parents' give one semantic version.
  EXPECT_THAT(Outcome({"", kComposed, with("a").c_str(), ""}),
              AllOf(HasSubstr("a:1.0.0-o1+1.0.0 "), HasSubstr("\na:1.0.0-o2 "),
                    HasSubstr("a:1.0.0-o2 does not get the semantic version tag a:1.0.0, which "
                              "a:1.0.0-o1 has")));
  EXPECT_THAT(Outcome({"", kTags, rows[6][1].c_str(), ""}),
              HasSubstr("a:2.0.1+stable+x_y+3+2+mine+3.1.4 "));
}

TEST(ConformanceTest, References) {
  const std::vector<std::vector<std::string>> rows = {
      {"parents: {b: [2]}",
       "a:1 args image_from_fully_qualified_name=r.test:5000/n/m/b:2,image_from_name=b,"
       "image_from_registry_host=r.test:5000,image_from_registry_namespace=n/m,image_from_tag=2 "
       "context x"},
      {"registry: 'localhost:5000', tags: [t]", "localhost:5000/a:1+t context x"},
      {"registry: myhost, tags: [t]", "...would be taken for a name on Docker Hub"},
      {"namespace: n, name: other", "n/other:1 context x"},
      {"name: Upper", "...is not valid"},
      {"tags: ['']", "...this tag renders to an empty text"},
      {"name: ''", "...has an empty name"},
  };
  for (const auto& row : rows) {
    const std::string tree = TreeOf(row[0]);
    Check({"3.8", tree.c_str(), "a", row[1].c_str()});
  }
}

// Appendix B, as Go's text/template does it. Rendered as a label of an image with a parent.
TEST(ConformanceTest, TemplateLanguage) {
  const std::vector<std::pair<std::string, std::string>> rows = {
      // Delimiters, trimming, comments.
      {"a {{- .Name -}} b", "aappb"},
      {"a {{- `x` }} b", "ax b"},
      {"{{- /* c */ -}} x", "x"},
      {"{{/* c */}}x", "x"},
      {"{{-3}}", "-3"},
      {"a\n {{- 3 -}} \n b", "a3b"},
      // Fields, variables, pipelines.
      {"{{ .Version }}-{{ .Parent.Name }}{{ .Parent.Version }}", "1.0-os7"},
      {"{{ $.Parent.Vars.n }}", "3"},
      {"{{ .Parent.Vars.nobody }}", "<no value>"},
      {"{{ .Image.RegistryHost }}/{{ .Image.RegistryNamespace }}/{{ .Image.Name }}",
       "r.test/n/app"},
      {"{{ .Image.Version }}", "1.0"},
      {"{{ $x := .Name }}{{ $x }}{{ $x = `y` }}{{ $x }}", "appy"},
      {"{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 5 }}{{ end }}{{ $x }}", "2"},
      {"{{ .Name | printf `%s-%s` `x` | len }}", "5"},
      {"{{ (index .Image.Tags 0) }}{{ (print `a` `b`) | len }}", "t12"},
      // Literals.
      {"{{ \"q\\t\\\"\\u00e9\" }}", "q\t\"\xC3\xA9"},
      {"{{ 'a' }} {{ 0x1F }} {{ 1.5 }} {{ 1e2 }} {{ true }} {{ -7 }} {{ 0b11 }} {{ 0o17 }} {{ "
       "1_000 }}",
       "97 31 1.5 100 true -7 3 15 1000"},
      // Actions.
      {"{{ if .Parent }}p{{ else }}n{{ end }}", "p"},
      {"{{ if .Parent.Parent }}p{{ else if eq .Name `app` }}e{{ else }}n{{ end }}", "e"},
      {"{{ with .Parent }}{{ .Name }}{{ end }}{{ with `` }}x{{ else }}y{{ end }}", "osy"},
      {"{{ with $x := .Name }}{{ $x }}{{ end }}", "app"},
      {"{{ range .Image.Tags }}[{{ . }}]{{ else }}none{{ end }}", "[t1][t2]"},
      {"{{ range $i, $t := .Image.Tags }}{{ $i }}{{ $t }}{{ end }}", "0t11t2"},
      {"{{ range $k, $v := .Parent.Labels }}{{ $k }}={{ $v }};{{ end }}", "a=1;m=2;z=3;"},
      {"{{ range .Image.Children }}x{{ else }}none{{ end }}", "none"},
      {"{{ range $t := .Image.Tags }}{{ if eq $t `t1` }}{{ continue }}{{ end }}{{ $t }}{{ end }}",
       "t2"},
      {"{{ range .Image.Tags }}{{ . }}{{ break }}{{ end }}", "t1"},
      {"{{ define `d` }}<{{ . }}>{{ end }}{{ template `d` .Name }}", "<app>"},
      {"{{ template `d` 1 }}{{ define `d` }}{{ $ }}{{ end }}", "1"},
      {"{{ block `b` .Version }}[{{ . }}]{{ end }}", "[1.0]"},
      // Truth.
      {"{{ not 0 }}{{ not `` }}{{ not .Parent.Parent }}{{ not .Image.Children }}{{ not 0.0 }}",
       "truetruetruetruetrue"},
      {"{{ if .Parent.Vars.off }}on{{ else }}off{{ end }}", "off"},
      {"{{ and 1 0 2 }} {{ or 0 `` `x` }} {{ and 0 (index .Image.Tags 99) }}", "0 x 0"},
      // Functions.
      {"{{ len .Image.Tags }}{{ len .Name }}{{ len .Parent.Labels }}", "233"},
      {"{{ index .Parent.Labels `z` }}{{ index .Parent.Labels `none` }}{{ index .Parent.Vars "
       "`none` }}",
       "3<no value>"},
      {"{{ eq (index .Parent.Labels `none`) `` }}", "true"},
      {"{{ slice .Version 0 1 }}{{ slice .Version 2 }}{{ slice .Image.Tags 1 }}", "10[t2]"},
      {"{{ print 1 2 `a` 3 }}{{ print `a` `b` }}{{ println `` `x` }}", "1 2a3ab x\n"},
      {"{{ print .Parent.Vars.nobody }}", "<nil>"},
      {"{{ html `<a href=\"x\">'&` }}", "&lt;a href=&#34;x&#34;&gt;&#39;&amp;"},
      {"{{ js `it's <\"=` }}", "it\\'s \\u003C\\\"\\u003D"},
      {"{{ urlquery `a b&c/d` }}", "a+b%26c%2Fd"},
      {"{{ eq 1 1 }}{{ eq `a` `b` `a` }}{{ ne 1 2 }}{{ lt 1 2 }}{{ le 2 2 }}{{ gt `b` `a` }}{{ ge "
       "1.5 2.5 }}",
       "truetruetruetruetruetruefalse"},
      {"{{ eq .Parent.Vars.n 3 }}{{ eq .Parent.Vars.off false }}{{ eq .Image.Vars.m 4 }}",
       "truetruetrue"},
      // printf.
      {"{{ printf `%s|%5s|%-5s|%.2s` `abc` `abc` `abc` `abc` }}", "abc|  abc|abc  |ab"},
      {"{{ printf `%d|%5d|%-5d|%05d|%+d` 42 42 42 42 42 }}", "42|   42|42   |00042|+42"},
      {"{{ printf `%x|%X|%o|%b|%c|%q|%U` 255 255 8 5 65 65 65 }}", "ff|FF|10|101|A|'A'|U+0041"},
      {"{{ printf `%f|%.2f|%8.3f|%e|%g` 1.5 1.5 1.5 1500.0 1.5 }}",
       "1.500000|1.50|   1.500|1.500000e+03|1.5"},
      {"{{ printf `%t|%v|%v|%v` true true 1 `x` }}", "true|true|1|x"},
      {"{{ printf `%q|%x|%#v` `a\"b` `hi` `x` }}", "\"a\\\"b\"|6869|\"x\""},
      {"{{ printf `%v|%s|%q` .Image.Tags .Image.Tags .Image.Tags }}",
       "[t1 t2]|[t1 t2]|[\"t1\" \"t2\"]"},
      {"{{ printf `%v` .Parent.Labels }}", "map[a:1 m:2 z:3]"},
      {"{{ printf `%[2]s-%[1]s` `a` `b` }}{{ printf `%d%%` 5 }}", "b-a5%"},
      {"{{ printf `%d` `x` }} {{ printf `%s` }} {{ printf `x` 1 }}",
       "%!d(string=x) %!s(MISSING) x%!(EXTRA int=1)"},
      {"{{ printf `%v %s` .Parent.Vars.nobody .Parent.Vars.nobody }}", "<nil> %!s(<nil>)"},
      // Dates of the load, RFC 3339.
      {"{{ .DateRFC3339 }} {{ .DateRFC3339Nano }}", "2026-01-31T09:20:30Z 2026-01-31T09:20:30.25Z"},
      // What is wrong.
      {"{{ .Nobody }}", "error: has no field .Nobody"},
      {"{{ .Parent.Parent.Name }}", "error: is not set"},
      {"{{ eq 1 `1` }}", "error: cannot compare int and string"},
      {"{{ eq 1 1.0 }}", "error: cannot compare int and float64"},
      {"{{ lt true false }}", "error: has no order"},
      {"{{ upper .Name }}", "error: no function `upper`"},
      {"{{ index .Image.Tags 9 }}", "error: index 9"},
      {"{{ .Name.Field }}", "error: cannot take .Field of a string"},
      {"{{ break }}", "error: outside `range`"},
      {"{{ if .Name }}", "error: without `{{ end }}`"},
      {"{{ .Name", "error: never closed"},
      {"{{ template `none` }}", "error: no template is defined as `none`"},
      {"{{ $x }}", "error: $x is not declared"},
      {"{{ nil }}", "error: `nil` alone"},
      {"{{ len 3 }}", "error: has no length"},
      {"{{ call .Name }}", "error: cannot be called"},
  };
  for (const auto& [text, want] : rows) {
    std::string quoted;
    for (char c : text) {
      absl::StrAppend(&quoted, c == '"' || c == '\\' ? "\\" : "",
                      c == '\n' ? "\\n" : std::string(1, c));
    }
    const std::string tree = absl::StrCat(
        "images:\n  os: {7: {labels: {z: 3, a: 1, m: 2}, vars: {n: 3, off: false}}}\n"
        "  app: {1.0: {registry: r.test, namespace: n, parents: {os: [7]}, tags: [t1, t2],\n"
        "    vars: {m: 4}, labels: {l: \"",
        quoted, "\"}}}\n");
    CatalogOptions options;
    options.load_time = absl::FromUnixSeconds(1769851230) + absl::Milliseconds(250);
    const absl::StatusOr<Catalog> catalog =
        Catalog::Parse({{"t.yaml", tree}}, {}, Configuration(), options);
    const std::string got = catalog.ok()
                                ? catalog->instances()[catalog->Find("app:1.0")].labels.at("l")
                                : absl::StrCat("error: ", catalog.status().message());
    if (absl::StartsWith(want, "error: ")) {
      EXPECT_FALSE(catalog.ok()) << text << " gives " << got;
      EXPECT_THAT(got, HasSubstr(want.substr(7))) << text;
      EXPECT_THAT(got, HasSubstr("t.yaml:4:")) << text;
    } else {
      EXPECT_EQ(got, want) << text;
    }
  }
}

}  // namespace
}  // namespace stevedore::graph
