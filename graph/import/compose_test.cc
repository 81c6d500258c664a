#include "graph/import/compose.h"

#include <map>
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

constexpr char kShop[] = R"yaml(
name: shop
x-build: &build
  args: &args
    DEBIAN: 12
    HTTP_PROXY:
  pull: true
x-unused: [1, 2]

services:
  db:
    image: postgres:16
    environment: {POSTGRES_PASSWORD: "${DB_PASSWORD:?not for builds}"}
  base:
    image: reg.example.com/shop/base:${BASE:-2.4}
    build:
      <<: *build
      context: docker/base
    profiles: [build]
  api:
    image: "reg.example.com/shop/api:$VERSION"
    platform: linux/arm64
    depends_on: [db]
    build:
      context: .
      dockerfile: services/api/Dockerfile
      args:
        <<: *args
        PRICE: "5$$"
      additional_contexts:
        - base=service:base
        - pg=service:db
        - alpine=docker-image://alpine:3.20
        - assets=../assets
      labels:
        - "team=shop"
        - "tmpl={{ .X }}"
      target: release
      cache_from: ["reg.example.com/shop/api:cache", "type=gha"]
      cache_to: ["type=registry,ref=reg.example.com/shop/api:cache,mode=max"]
      tags: ["reg.example.com/shop/api:latest"]
      extra_hosts: {db: 10.0.0.5}
      network: host
      no_cache: "true"
      shm_size: 128m
      ulimits: {nofile: {soft: 1024, hard: 4096}, nproc: 100}
      secrets:
        - npm
        - {source: token, target: api_token, uid: "103"}
        - vault
      ssh: [default]
      privileged: true
      provenance: mode=max
      x-own: 1
  worker:
    extends: {service: api}
    image: reg.example.com/shop/worker:$VERSION
    build:
      target: worker
      args: ["PRICE=6", "MORE=1"]
  site:
    extends: {file: sites/common.yaml, service: static}
  inline:
    build:
      dockerfile_inline: |
        FROM scratch
        COPY . /
secrets:
  npm: {file: ./.npmrc}
  token: {environment: API_TOKEN}
  vault: {external: true}
)yaml";

constexpr char kCommon[] = R"yaml(
services:
  static:
    image: ${REGISTRY-}nginx-site
    build: {context: ./www, additional_contexts: {theme: ../theme}}
)yaml";

ComposeSources Sources() {
  ComposeSources sources;
  sources.variables = {{"VERSION", "1.4.2"}};
  sources.read_file = [](const std::string& path) -> absl::StatusOr<std::string> {
    if (path == "deploy/sites/common.yaml") return std::string(kCommon);
    return absl::NotFoundError(absl::StrCat(path, ": not there"));
  };
  return sources;
}

TEST(ComposeTest, BecomesDefinitionsThatLoad) {
  ImportedDefinitions definitions;
  ASSERT_OK_AND_ASSIGN(
      const auto images,
      RoundTrip(ReadCompose("deploy/compose.yaml", kShop, Sources()), &definitions));
  ASSERT_THAT(images, SizeIs(5));
  const ResolvedImage& api = images.at("api:1.4.2");
  EXPECT_EQ(api.reference, "reg.example.com/shop/api:1.4.2");
  EXPECT_THAT(api.tags, ElementsAre("reg.example.com/shop/api:latest"));
  EXPECT_THAT(api.parents, ElementsAre("base:2.4", "db:16"));
  EXPECT_THAT(api.platforms, ElementsAre("linux/arm64"));
  EXPECT_EQ(api.arguments.at("DEBIAN"), "12");
  EXPECT_EQ(api.arguments.at("PRICE"), "5$");
  EXPECT_EQ(api.arguments.count("HTTP_PROXY"), 0u);
  EXPECT_THAT(api.labels, ElementsAre(Pair("team", "shop"), Pair("tmpl", "{{ .X }}")));
  EXPECT_EQ(api.contexts.at(0).path, "deploy");
  EXPECT_EQ(nlohmann::json::parse(api.options_json), nlohmann::json::parse(R"json({
      "dockerfile": "services/api/Dockerfile", "target": "release", "no_cache": true,
      "network": "host", "shm_size": "128m", "ulimits": ["nofile=1024:4096", "nproc=100"],
      "extra_hosts": ["db:10.0.0.5"], "ssh": ["default"],
      "cache_from": ["reg.example.com/shop/api:cache"],
      "cache_to": ["type=registry,ref=reg.example.com/shop/api:cache,mode=max"],
      "secrets": [{"id": "npm", "file": "deploy/.npmrc"}, {"id": "api_token", "env": "API_TOKEN"},
                  {"id": "vault", "credentials_id": "vault"}],
      "build_contexts": {"base": "docker-image://reg.example.com/shop/base:2.4",
                         "pg": "docker-image://postgres:16",
                         "alpine": "docker-image://alpine:3.20"}})json"));
  EXPECT_EQ(definitions.document["images"]["db"].dump(), R"({"16":{"name":"postgres"}})");
  EXPECT_EQ(nlohmann::json::parse(images.at("base:2.4").options_json)["pull"], true);
  EXPECT_EQ(images.at("base:2.4").contexts.at(0).path, "deploy/docker/base");
  EXPECT_THAT(definitions.groups, ElementsAre(Pair("profile build", ElementsAre("base"))));
}

TEST(ComposeTest, ExtendsJoinsBothAndKeepsFolders) {
  ASSERT_OK_AND_ASSIGN(const auto images,
                       RoundTrip(ReadCompose("deploy/compose.yaml", kShop, Sources())));
  const ResolvedImage& worker = images.at("worker:1.4.2");
  EXPECT_EQ(worker.arguments.at("PRICE"), "6");
  EXPECT_EQ(worker.arguments.at("MORE"), "1");
  EXPECT_EQ(worker.arguments.at("DEBIAN"), "12");
  const auto options = nlohmann::json::parse(worker.options_json);
  EXPECT_EQ(options["target"], "worker");
  EXPECT_EQ(options["dockerfile"], "services/api/Dockerfile");
  const ResolvedImage& site = images.at("site:latest");
  EXPECT_EQ(site.reference, "nginx-site:latest");
  EXPECT_EQ(site.contexts.at(0).path, "deploy/sites/www");
  const ResolvedImage& inline_image = images.at("inline:latest");
  EXPECT_EQ(inline_image.reference, "shop-inline:latest");
}

TEST(ComposeTest, NothingIsLostSilently) {
  ImportedDefinitions definitions;
  ASSERT_OK(RoundTrip(ReadCompose("deploy/compose.yaml", kShop, Sources()), &definitions).status());
  std::vector<std::string> notes;
  for (const ImportNote& note : definitions.notes) {
    notes.push_back(absl::StrCat(note.place, ": ", note.text));
  }
  for (const char* want :
       {"argument HTTP_PROXY has no value here", "cache_from of type gha is left out",
        "context theme (deploy/theme) is left out", "`privileged` is left out",
        "`provenance` is left out", "secret vault has no `file` and no `environment`",
        "the Dockerfile is written inside: save it as Dockerfile.inline"}) {
    EXPECT_THAT(notes, Contains(HasSubstr(want)));
  }
  EXPECT_THAT(notes, Contains(HasSubstr("deploy/compose.yaml:")));
}

TEST(ComposeTest, ErrorsNameThePlace) {
  struct Case {
    const char* text;
    const char* place;
    const char* what;
  };
  const Case cases[] = {
      {"", "c.yaml", "a compose file must be a map, found nothing"},
      {"a: [", "c.yaml:1:", ""},
      {"[1]", "c.yaml:1:1", "must be a map, found a list"},
      {"version: '3'\n", "c.yaml:1:1", "there is no `services`"},
      {"services: [a]\n", "c.yaml:1:11", "services must be a map"},
      {"services: {a: x}\n", "c.yaml:1:15", "must be a map, found `x`"},
      {"services: {a: {image: x}}\n", "c.yaml:1:11", "no service has `build`"},
      {"services: {a: {build: [x]}}\n", "c.yaml:1:23", "build must be a map, found a list"},
      {"services: {a: {build: {args: 3}}}\n", "c.yaml:1:30", "args must be a map or a list"},
      {"services: {a: {build: {args: {x: [1]}}}}\n", "c.yaml:1:34", "args.x must be a text"},
      {"services: {a: {build: {context: {a: b}}}}\n", "c.yaml:1:33", "context must be a text"},
      {"services: {a: {build: {pull: perhaps}}}\n", "c.yaml:1:30", "true or false"},
      {"services: {a: {build: .}, a: {}}\n", "c.yaml:1:27", "there already"},
      {"services: {a: {build: '${X'}}\n", "c.yaml:1:23", "is not closed"},
      {"services: {a: {image: '${X:?which?}', build: .}}\n", "c.yaml:1:23",
       "variable X must be set: which?"},
      {"services: {a: {image: 'A B', build: .}}\n", "c.yaml:1:15", "image name `A B`"},
      {"services: {a: {build: {secrets: [s]}}}\n", "c.yaml:1:34", "secret `s` is not among"},
      {"services: {a: {build: {additional_contexts: {x: service:b}}}}\n", "c.yaml:1:49",
       "`b` is not in this file"},
      {"services: {a: {build: {additional_contexts: {x: }}}}\n", "c.yaml:1:46", "needs a folder"},
      {"services: {a: {extends: a}}\n", "c.yaml:1:25", "service `a` extends itself"},
      {"services: {a: {extends: {service: b}}}\n", "c.yaml:1:35", "there is no service `b`"},
      {"services: {a: {extends: {file: x.yaml, service: b}}}\n", "c.yaml:1:49",
       "cannot read what it extends"},
      {"services: {a: {extends: {file: x.yaml}}}\n", "c.yaml:1:25", "`extends` needs `service`"},
      {"services:\n  a: {build: {additional_contexts: {x: 'service:b'}}}\n"
       "  b: {build: {additional_contexts: {x: 'service:a'}}}\n",
       "c.yaml:2:6", "in a circle"},
      {"services: {a: {build: {ulimits: {nofile: {soft: 1}}}}}\n", "c.yaml:1:42", "{soft, hard}"},
      {"services: {a: {build: .}}\nsecrets: [x]\n", "c.yaml:2:10", "secrets must be a map"},
  };
  for (const Case& one : cases) {
    EXPECT_THAT(RoundTrip(ReadCompose("c.yaml", one.text, Sources())),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(one.place), HasSubstr(one.what))))
        << one.text;
  }
}

TEST(ComposeTest, UnsetVariablesAreMentionedOnce) {
  ImportedDefinitions definitions;
  ASSERT_OK(RoundTrip(ReadCompose("c.yaml",
                                  "services: {a: {image: 'x:1$TAG', build: {args: {T: $TAG}}}}\n",
                                  Sources()),
                      &definitions)
                .status());
  ASSERT_THAT(definitions.notes, SizeIs(1));
  EXPECT_THAT(definitions.notes[0].text, HasSubstr("variable TAG is not set"));
}

}  // namespace
}  // namespace stevedore::graph
