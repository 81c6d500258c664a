#include "cli/import_file.h"

#include <string>

#include "base/testing/status_matchers.h"
#include "graph/import/bake.h"
#include "graph/import/imported_image.h"

namespace stevedore::cli {
namespace {

constexpr char kBake[] = R"json({
  "group": {"default": {"targets": ["app"]}},
  "target": {
    "base": {"tags": ["r.test/base:1.10"]},
    "app": {"contexts": {"base": "target:base"}, "attest": [],
            "args": {"V": "1.10", "B": "true", "T": "{{ x }}", "M": "a: b\n#c"},
            "dockerfile-inline": "FROM base\r\nRUN echo \"# \u0007\"\n"}
  }
})json";

TEST(ImportFileTest, IsReadByOurselves) {
  ASSERT_OK_AND_ASSIGN(graph::ImportedFile file, graph::ReadBake("bake.json", kBake));
  ASSERT_OK_AND_ASSIGN(const graph::ImportedDefinitions definitions,
                       graph::ToDefinitions(std::move(file)));
  const std::string text = ImportFileText(definitions, "bake.json (bake)");
  const std::string heading =
      "#   bake.json#/target/app: the Dockerfile is written inside: save it as Dockerfile.app in "
      "the context\n";
  const size_t at = text.find(heading);
  ASSERT_NE(at, std::string::npos) << text;
  std::string rest = text;
  rest.erase(at, heading.size());
  EXPECT_EQ(rest, R"yaml(# Imported from bake.json (bake).
# Folders are relative to where stevedore-cli is started.
#
# Groups:
#   default: stevedore-cli build app
#
# To look at:
#   bake.json#/target/app/attest: `attest` is left out: no attestations are made
#     | FROM base
#     | RUN echo "# ?"
#

builders:
  base:
    driver: buildkit
    options:
      context:
        - path: "."
  app:
    driver: buildkit
    options:
      context:
        - path: "."
      dockerfile: Dockerfile.app
      build_contexts:
        base: "target:base:1.10"
images:
  base:
    "1.10":
      registry: r.test
      builder: base
  app:
    latest:
      builder: app
      parents:
        base:
          - "1.10"
      vars:
        B: "true"
        M: "a: b\n#c"
        T: "{{ \"{{\" }} x }}"
        V: "1.10"
)yaml");
  EXPECT_OK(graph::CheckImportedText("f.yaml", text));
}

}  // namespace
}  // namespace stevedore::cli
