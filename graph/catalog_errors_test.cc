#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "graph/catalog.h"
#include "graph/configuration.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

absl::Status Load(const std::string& text, bool lenient = false) {
  CatalogOptions options;
  options.lenient = lenient;
  return Catalog::Parse({{"f.yaml", text}}, {{"f.yaml", text}}, Configuration(), options).status();
}

struct Broken {
  std::string text, place, cause, remedy;
};

// An image `a:1` whose builder is `driver: assemble` with these options.
std::string Assemble(const std::string& options) {
  return absl::StrCat("images:\n  a:\n    1:\n      builder:\n        driver: assemble\n",
                      "        options:\n          ", options, "\n");
}

TEST(CatalogErrorsTest, NamePlaceCauseAndRemedy) {
  const std::vector<Broken> cases = {
      {"images:\n  web:\n    1.0: {parents: {bsae: [2.4]}}\n  base:\n    2.4:\n",
       "3:28:", "image web:1.0 builds on bsae:2.4, which is not defined", "did you mean `base`?"},
      {"images:\n  web:\n    1.0: {parents: {base: [2.5]}}\n  base:\n    2.4:\n",
       "3:28:", "builds on base:2.5, which is not defined", "base has version 2.4"},
      {"images:\n  a:\n    1: {children: {b: [1]}}\n", "3:24:", "has the child b:1",
       "add it to the image definitions"},
      {"images:\n  a:\n    1: {parents: {b: [1]}}\n  b:\n    1: {parents: {a: [1]}}\n",
       "3:5:", "a:1 (f.yaml:3:5) builds on b:1 (f.yaml:5:5) builds on a:1", "remove one of these"},
      {"images:\n  a:\n    1: {}\nimages_tree:\n  a:\n    1: {}\n",
       "6:5:", "a:1 is defined already at f.yaml:3:5", "remove one"},
      {"images:\n  a:\n    1: {parent: {b: [1]}}\n", "3:9:", "unknown key `parent` in image a:1",
       "did you mean `parents`?"},
      {"images:\n  a:\n    1: {parents: [b]}\n", "3:18:", "found a list", "parents: {NAME:"},
      {"images:\n  a:\n    1: {parents: {b: }}\n", "3:19:", "has no version", "b: [\"VERSION\"]"},
      {"images:\n  a: 1.0\n", "2:6:", "a map of versions to definitions", "as a key below"},
      {"images:\n  a:b: {1: }\n", "2:3:", "not contain `:`", "`a:b`"},
      {"images:\n  a:\n    1: [x]\n", "3:8:", "must be a map", "found a list"},
      {"images: [a]\n", "1:9:", "`images` must be a map", "found a list"},
      {"images:\n  a:\n    1: {version: \"{{ .Parent.Version }}\"}\n", "3:18:", "Parent is not set",
       "`{{ .Parent.Version }}`"},
      {"images:\n  a:\n    1: {version: \"{{ .Verison }}\"}\n", "3:18:", "column 4",
       "did you mean `Version`?"},
      {"images:\n  a:\n    1: {version: \"{{ .Version\"}\n", "3:18:", "never closed", "add `}}`"},
      {"images:\n  a:\n    1: {tags: {x: y}}\n", "3:15:", "tags must be a list", "found a map"},
      {"images:\n  a:\n    1: {labels: {x: [1]}}\n", "3:21:", "label `x` must be a text", "a list"},
      {"images:\n  a:\n    1: {vars: {\"{{ .Name }}\": 1, a: 2}}\n", "3:34:", "renders to `a`",
       "there already"},
      {"images:\n  a:\n    1: {platforms: [amd64]}\n", "3:21:", "platform `amd64`", "linux/amd64"},
      {"images:\n  os: {1: , 2: }\n  a:\n    1: {parents: {os: [1, 2]}}\n",
       "4:5:", "has several parents", "{{ .Version }}-{{ .Parent.Version }}"},
      {"images:\n  a:\n    1: {}\n    2: {version: 1}\n", "4:5:", "as does a:1 at f.yaml:3:5",
       "change `version`"},
      {"images:\n  a: {\"*\": {parents: {b: [1, 2]}}}\n  b: {1: , 2: }\n", "2:7:", "2 parents",
       "can have one"},
      {"images:\n  a: {1: {parents: {b: [\"*\"]}}}\n  b: {\"*\": }\n",
       "2:7:", "stands for any version", "make this a `*` too"},
      {"images:\n  a:\n    1: {builder: fiels}\nbuilders: {files: {driver: sleep}}\n",
       "3:18:", "builder `fiels`, which is not defined", "did you mean `files`?"},
      {"builders:\n  x:\n", "2:3:", "is empty", "give it a `driver`"},
      {"builders:\n  x: {driver: dokcer}\n", "2:15:", "unknown driver `dokcer`",
       "did you mean `docker`?"},
      {"builders:\n  x: {driver: shell}\n", "2:15:", "unknown driver", "assemble, buildkit"},
      {"builders:\n  x: {options: {}}\n", "2:6:", "has no `driver`", "drivers are"},
      {"builders:\n  x: {driver: docker, context: {path: a}}\n", "2:32:", "inside `options`",
       "indent it"},
      {"builders:\n  x: {driver: docker}\n", "2:6:", "driver docker needs a context",
       "add `context: [{path: FOLDER}]`"},
      {"builders:\n  x: {driver: docker, options: {context: {path: .}, memory: lots}}\n",
       "2:61:", "memory: must be a size in bytes", "512m"},
      {"builders:\n  x: {driver: docker, options: {variables_mapping: {}}}\n",
       "2:52:", "beside `options`", "indent it"},
      {"builders:\n  x: {driver: docker, variables_mapping: {image_form_tag_key: T}}\n",
       "2:43:", "unknown key `image_form_tag_key`", "did you mean `image_from_tag_key`?"},
      {"builders:\n  x: {driver: docker, options: {context: a}}\n", "2:42:", "a context must be",
       "path: FOLDER"},
      {"builders:\n  x: {driver: docker, options: {context: [{}]}}\n", "2:43:", "`path`", "`git`"},
      {"builders:\n  x: {driver: docker, options: {context: {git: {path: a}}}}\n",
       "2:48:", "`repository`", "its URL"},
      {"builders:\n  x: {driver: sleep, name: y}\n  y: {driver: sleep}\n",
       "3:3:", "`y` is defined already at f.yaml:2:3", "rename one"},
      {"builders:\n  x: {driver: sleep, options: {duration: soon}}\n", "2:42:", "found `soon`",
       "1.5s"},
      {Assemble("layer: []"), "7:18:", "no such option", "did you mean `layers`?"},
      {Assemble("{context: {path: x}, layers: [{from: a}, {from: b, mode: 644}]}"),
       "7:68:", "layers[1].mode", "\"0644\""},
      {Assemble("{layers: [{from: a, to: /x}]}"), "7:21:", "there is no `context`",
       "context: [{path: FOLDER}]"},
      {Assemble("{layers: [{image: {b: 1}}]}"), "7:21:", "takes files of b:1, which is not defined",
       ""},
      {Assemble("{layers: [{image: {a: 1}}]}"), "3:5:", "in a circle: a:1", "remove one"},
      {Assemble("{compression: lzma}"), "7:25:", "found `lzma`", "gzip, gzip:fast"},
  };
  for (const Broken& broken : cases) {
    EXPECT_THAT(Load(broken.text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("f.yaml:" + broken.place), HasSubstr(broken.cause),
                               HasSubstr(broken.remedy))))
        << broken.text;
  }
}

TEST(CatalogErrorsTest, SameDefinitionInTwoFilesNamesBoth) {
  const std::string text = "images: {a: {1: }}";
  EXPECT_THAT(Catalog::Parse({{"x.yaml", text}, {"y.yaml", text}}, {}, Configuration(), {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       "y.yaml:1:14: image a:1 is defined already at x.yaml:1:14; remove one of "
                       "the two or give it another version"));
}

TEST(CatalogErrorsTest, AllErrorsOfAllFilesAtOnce) {
  EXPECT_THAT(Catalog::Parse({{"x.yaml", "images: {a: {1: {parnts: {}}}}"}, {"y.yaml", "a: b: c"}},
                             {}, Configuration(), {}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("x.yaml:1:18: unknown key"), HasSubstr("y.yaml:1:5:"))));
}

TEST(CatalogErrorsTest, LenientMakesUnknownKeysWarnings) {
  const std::string text = "images: {a: {1: {parent: {b: [1]}, x-mine: 1}}}";
  EXPECT_OK(Load(text, /*lenient=*/true));
  EXPECT_THAT(std::string(Load(text).message()), Not(HasSubstr("x-mine` in")));
}

TEST(CatalogErrorsTest, OneBrokenParentIsReportedOnce) {
  EXPECT_THAT(
      Load("images:\n  a: {1: {version: \"{{ .X }}\"}}\n  b: {1: {parents: {a: [1]}}}\n").message(),
      Not(HasSubstr("\n")));
}

}  // namespace
}  // namespace stevedore::graph
