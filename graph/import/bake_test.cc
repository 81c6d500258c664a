#include "graph/import/bake.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "graph/import/definitions_writer.h"
#include "graph/import/imported_image.h"
#include "graph/import/round_trip.h"
#include "nlohmann/json.hpp"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::SizeIs;

// As bake prints it for a service with a base, a tool image and two platforms.
constexpr char kShop[] = R"json({
  "group": {
    "default": {"targets": ["release"]},
    "release": {"targets": ["api", "web"]}
  },
  "target": {
    "base": {
      "context": "docker/base",
      "dockerfile": "Dockerfile",
      "args": {"DEBIAN": "12", "TOKEN": null},
      "tags": ["reg.example.com/shop/base:2.4"],
      "cache-from": ["type=registry,ref=reg.example.com/shop/base:cache", {"type": "gha"}],
      "cache-to": [{"type": "registry", "ref": "reg.example.com/shop/base:cache", "mode": "max"}]
    },
    "tools": {
      "context": "tools",
      "contexts": {"base": "target:base"},
      "dockerfile": "Dockerfile"
    },
    "api": {
      "context": ".",
      "contexts": {
        "base": "target:base",
        "tools": "target:tools",
        "alpine": "docker-image://alpine:3.20",
        "assets": "../assets"
      },
      "dockerfile": "services/api/Dockerfile",
      "args": {"GO": "1.22", "LDFLAGS": "-X main.tmpl={{ .Version }}"},
      "labels": {"org.opencontainers.image.title": "api", "empty": ""},
      "tags": ["reg.example.com/shop/api:latest", "reg.example.com/shop/api:1.4.2",
               "reg.example.com/shop/api:1.4", "ghcr.io/shop/api:1.4.2"],
      "platforms": ["linux/amd64", "linux/arm64"],
      "target": "release",
      "no-cache": true,
      "pull": true,
      "network": "host",
      "shm-size": "128m",
      "ulimits": ["nofile=1024:4096"],
      "extra-hosts": {"db": "10.0.0.5"},
      "secret": ["type=file,id=npm,src=.npmrc", {"id": "token", "env": "API_TOKEN"}],
      "ssh": ["default", {"id": "git", "paths": ["/keys/git"]}],
      "output": [{"type": "registry", "compression": "zstd"}],
      "attest": [{"type": "provenance", "mode": "max"}],
      "annotations": ["index:org.x=y"],
      "future-thing": 1
    },
    "web": {
      "context": "https://github.com/shop/web.git#v3:site",
      "dockerfile-inline": "FROM scratch\nCOPY . /\n",
      "tags": ["localhost:5000/web:3"],
      "output": ["type=local,dest=out"]
    }
  }
})json";

TEST(BakeTest, BecomesDefinitionsThatLoad) {
  ImportedDefinitions definitions;
  ASSERT_OK_AND_ASSIGN(const auto images, RoundTrip(ReadBake("b.json", kShop), &definitions));
  ASSERT_THAT(images, SizeIs(4));
  const ResolvedImage& api = images.at("api:1.4.2");
  EXPECT_EQ(api.reference, "reg.example.com/shop/api:1.4.2");
  EXPECT_THAT(api.tags,
              ElementsAre("reg.example.com/shop/api:latest", "reg.example.com/shop/api:1.4"));
  // `tools` is built on `base`, so `tools` is the base and both are parents.
  EXPECT_THAT(api.parents, ElementsAre("tools:latest", "base:2.4"));
  EXPECT_THAT(api.platforms, ElementsAre("linux/amd64", "linux/arm64"));
  EXPECT_EQ(api.driver, "buildkit");
  EXPECT_EQ(api.arguments.at("GO"), "1.22");
  EXPECT_EQ(api.arguments.at("LDFLAGS"), "-X main.tmpl={{ .Version }}");
  EXPECT_THAT(api.labels,
              ElementsAre(Pair("empty", ""), Pair("org.opencontainers.image.title", "api")));
  ASSERT_THAT(api.contexts, SizeIs(1));
  EXPECT_EQ(api.contexts[0].path, ".");
  const auto options = nlohmann::json::parse(api.options_json);
  EXPECT_EQ(options, nlohmann::json::parse(R"json({
      "dockerfile": "services/api/Dockerfile", "target": "release", "no_cache": true, "pull": true,
      "network": "host", "shm_size": "128m", "ulimits": ["nofile=1024:4096"],
      "extra_hosts": ["db:10.0.0.5"], "compression": "zstd", "ssh": ["default", "git=/keys/git"],
      "secrets": [{"id": "npm", "file": ".npmrc"}, {"id": "token", "env": "API_TOKEN"}],
      "build_contexts": {"base": "docker-image://reg.example.com/shop/base:2.4",
                         "tools": "docker-image://tools:latest",
                         "alpine": "docker-image://alpine:3.20"}})json"));
  const ResolvedImage& web = images.at("web:3");
  EXPECT_EQ(web.reference, "localhost:5000/web:3");
  ASSERT_TRUE(web.contexts[0].git.has_value());
  EXPECT_EQ(web.contexts[0].git->repository, "https://github.com/shop/web.git");
  EXPECT_EQ(web.contexts[0].git->reference, "v3");
  EXPECT_EQ(web.contexts[0].git->path, "site");
  EXPECT_EQ(nlohmann::json::parse(web.options_json)["dockerfile"], "Dockerfile.web");
  EXPECT_EQ(nlohmann::json::parse(images.at("base:2.4").options_json)["cache_from"].dump(),
            R"(["reg.example.com/shop/base:cache"])");
  EXPECT_THAT(definitions.groups, ElementsAre(Pair("default", ElementsAre("api", "web")),
                                              Pair("release", ElementsAre("api", "web"))));
}

TEST(BakeTest, NothingIsLostSilently) {
  ImportedDefinitions definitions;
  ASSERT_OK(RoundTrip(ReadBake("b.json", kShop), &definitions).status());
  std::vector<std::string> notes;
  for (const ImportNote& note : definitions.notes) {
    notes.push_back(absl::StrCat(note.place, ": ", note.text));
  }
  const std::vector<std::string> want = {
      "b.json#/target/base/args: argument TOKEN has no value here",
      "b.json#/target/base/cache-from/1: cache_from of type gha is left out",
      "b.json#/target/api/attest: `attest` is left out",
      "b.json#/target/api/annotations: `annotations` is left out",
      "b.json#/target/api/future-thing: `future-thing` is not known and left out",
      "b.json#/target/web/output/0: `output` of type local is left out",
      "b.json#/target/api/contexts/assets: context assets (../assets) is left out",
      "b.json#/target/api: tag ghcr.io/shop/api:1.4.2 is left out",
      "b.json#/target/web: the Dockerfile is written inside: save it as Dockerfile.web",
  };
  for (const std::string& text : want) EXPECT_THAT(notes, Contains(HasSubstr(text)));
  EXPECT_THAT(notes, SizeIs(want.size()));
  EXPECT_EQ(definitions.notes.back().attachment, "FROM scratch\nCOPY . /\n");
}

TEST(BakeTest, ErrorsNameThePlace) {
  struct Case {
    const char* text;
    const char* place;
    const char* what;
  };
  const Case cases[] = {
      {"", "b:1:1", "docker buildx bake --print"},
      {"target \"app\" {\n}\n", "b:1:2", "docker buildx bake --print"},
      {"services: {}", "b:1:1", "no JSON"},
      {"[]", "b#", "must be a map, found a list"},
      {"{}", "b#", "there is no `target`"},
      {R"({"target": []})", "b#/target", "must be a map"},
      {R"({"target": {"a": "x"}})", "b#/target/a", "must be a map, found `x`"},
      {R"({"target": {"a": {"tags": {"x": 1}}}})", "b#/target/a/tags", "list of texts"},
      {R"({"target": {"a": {"tags": ["t/UPPER"]}}})", "b#/target/a", "image name `t/UPPER`"},
      {R"({"target": {"a": {"tags": ["a b"]}}})", "b#/target/a", "image name `a b`"},
      {R"({"target": {"a": {"args": {"x": []}}}})", "b#/target/a/args/x", "must be a text"},
      {R"({"target": {"a": {"args": 3}}})", "b#/target/a/args", "must be a map or a list"},
      {R"({"target": {"a": {"pull": "maybe"}}})", "b#/target/a/pull", "true or false"},
      {R"({"target": {"a": {"context": ["."]}}})", "b#/target/a/context", "must be a text"},
      {R"({"target": {"a": {"contexts": {"x": "target:none"}}}})", "b#/target/a/contexts/x",
       "`none` is not in this file"},
      {R"({"target": {"a": {"contexts": {"x": "target:a"}}}})", "b#/target/a",
       "in a circle: a uses a"},
      {R"({"target": {"a": {"contexts": {"x": "target:b"}},
                      "b": {"contexts": {"x": "target:a"}}}})",
       "b#/target/a", "in a circle: a uses b uses a"},
      {R"({"target": {"a": {"secret": ["src=x"]}}})", "b#/target/a/secret/0", "needs `id`"},
      {R"({"target": {"a": {}, "a": {}}})", "b#/target", "`a` is there twice"},
      {R"({"target": {"": {}}})", "b#/target/", "needs a name"},
      {R"({"target": {"a:b": {}, "a-b": {}}})", "b#/target/a-b", "there twice"},
      {R"({"target": {"a": {}}, "group": {"g": {"targets": ["b"]}}})", "b#/group/g/targets",
       "names `b`, which is no target"},
      {R"({"target": {"a": {"ulimits": {"nofile": []}}}})", "b#/target/a/ulimits/nofile",
       "must be a map"},
      {R"({"target": {"a": {"platforms": ["amd64"]}}})", "imported.yaml:", "os/arch"},
  };
  for (const Case& one : cases) {
    EXPECT_THAT(RoundTrip(ReadBake("b", one.text)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(one.place), HasSubstr(one.what))))
        << one.text;
  }
}

TEST(BakeTest, ManyTargets) {
  nlohmann::json file;
  for (int i = 0; i < 3000; ++i) {
    nlohmann::json& target = file["target"][absl::StrCat("t", i)];
    target["tags"] = {absl::StrCat("r.test/many/t", i, ":1")};
    if (i > 0) target["contexts"]["base"] = absl::StrCat("target:t", (i - 1) / 2);
  }
  ASSERT_OK_AND_ASSIGN(const ImportedDefinitions definitions,
                       ToDefinitions(*ReadBake("b", file.dump())));
  EXPECT_EQ(definitions.document["images"].size(), 3000u);
  EXPECT_OK(CheckImportedText("b", definitions.document.dump()));
}

}  // namespace
}  // namespace stevedore::graph
