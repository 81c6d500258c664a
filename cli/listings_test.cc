#include "cli/listings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/status/status.h"
#include "base/secret.h"
#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kFile[] = R"(builders:
  two: {driver: sleep}
  one:
    driver: docker
    options: {dockerfile: D, context: [{git: {repository: r, auth: {username: u, password: hush}}}]}
    variables_mapping: {image_from_tag_key: BASE}
images:
  alpine: {"3.20": }
  web:
    "1.0": {registry: r.test, namespace: shop, builder: two, tags: [new], parents: {alpine: "3.20"}}
    "*": {builder: one}
  site:
    "2":
      {builder: {driver: sleep}, parents: {web: "1.0", alpine: "3.20"},
       version: "2-{{ .Parent.Name }}"}
)";

graph::Catalog Load() {
  graph::CatalogOptions options;
  options.default_platform = "linux/amd64";
  absl::StatusOr<graph::Catalog> catalog =
      graph::Catalog::Parse({{"f.yaml", kFile}}, {{"f.yaml", kFile}}, {}, options);
  EXPECT_OK(catalog);
  return *std::move(catalog);
}

TEST(ListingsTest, Images) {
  const graph::Catalog catalog = Load();
  ASSERT_OK_AND_ASSIGN(const std::string table, ListImages(catalog, {}));
  EXPECT_EQ(table,
            "NAME    VERSION   BUILDER    IMAGE FULL NAME      PARENT\n"
            "alpine  3.20      -          alpine:3.20          -\n"
            "site    2-alpine  <in-line>  site:2-alpine        alpine:3.20\n"
            "site    2-web     <in-line>  site:2-web           r.test/shop/web:1.0\n"
            "web     *         one        web:*                -\n"
            "web     1.0       two        r.test/shop/web:1.0  alpine:3.20\n");
}

TEST(ListingsTest, ImagesForPrograms) {
  const graph::Catalog catalog = Load();
  ImageListOptions options;
  options.output = "json";
  options.filters = {{"name", "web"}, {"version", "1.0"}};
  ASSERT_OK_AND_ASSIGN(const std::string text, ListImages(catalog, options));
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  ASSERT_EQ(json.size(), 1u) << text;
  EXPECT_EQ(json[0]["reference"], "r.test/shop/web:1.0");
  EXPECT_EQ(json[0]["parents"], nlohmann::json::array({"alpine:3.20"}));
  EXPECT_EQ(json[0]["defined_at"], "f.yaml:10:5");
  options.output = "yaml";
  ASSERT_OK_AND_ASSIGN(const std::string yaml, ListImages(catalog, options));
  EXPECT_THAT(yaml, HasSubstr("- id: \"web:1.0\"\n  name: web\n  version: \"1.0\"\n"));
  options.output = "names";
  options.filters.clear();
  ASSERT_OK_AND_ASSIGN(const std::string names, ListImages(catalog, options));
  EXPECT_EQ(names, "alpine\nsite\nweb\n");
}

TEST(ListingsTest, NormalizedNames) {
  const graph::Catalog catalog = Load();
  ImageListOptions options;
  options.normalized_names = true;
  options.filters = {{"name", "alpine"}};
  ASSERT_OK_AND_ASSIGN(const std::string table, ListImages(catalog, options));
  EXPECT_THAT(table, HasSubstr("docker.io/library/alpine:3.20"));
}

TEST(ListingsTest, TreeNamesRepeatedBranchesOnce) {
  const graph::Catalog catalog = Load();
  ImageListOptions options;
  options.tree = true;
  ASSERT_OK_AND_ASSIGN(const std::string tree, ListImages(catalog, options));
  EXPECT_EQ(tree,
            "├─── alpine:3.20\n"
            "│  ├─── site:2-alpine\n"
            "│  ├─── r.test/shop/web:1.0\n"
            "│  │  ├─── site:2-web\n"
            "├─── web:*\n");
}

TEST(ListingsTest, FiltersNameWhatThereIs) {
  EXPECT_OK(CheckImageFilters({{"namespace", "x"}, {"builder", "y"}}));
  const absl::Status images = CheckImageFilters({{"colour", "red"}});
  EXPECT_EQ(images.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(images.message(), AllOf(HasSubstr("`colour`"), HasSubstr("registry")));
  EXPECT_THAT(CheckBuilderFilters({{"version", "1"}}).message(), HasSubstr("name, driver"));
}

TEST(ListingsTest, Builders) {
  const graph::Catalog catalog = Load();
  EXPECT_EQ(ListBuilders(catalog, {}, "table"),
            "NAME           DRIVER\n"
            "one            docker\n"
            "site:2-alpine  sleep\n"
            "site:2-web     sleep\n"
            "two            sleep\n");
  EXPECT_EQ(ListBuilders(catalog, {{"driver", "docker"}}, "table"), "NAME  DRIVER\none   docker\n");
  const std::string text = ListBuilders(catalog, {{"name", "one"}}, "json");
  const nlohmann::json json = nlohmann::json::parse(text, nullptr, false);
  ASSERT_EQ(json.size(), 1u) << text;
  EXPECT_EQ(json[0]["options"]["dockerfile"], "D");
  EXPECT_EQ(json[0]["variables_mapping"]["image_from_tag_key"], "BASE");
  EXPECT_EQ(json[0]["variables_mapping"]["image_from_name_key"], "image_from_name");
  EXPECT_THAT(text, Not(HasSubstr("hush")));
}

TEST(ListingsTest, ConfigurationHidesTheKey) {
  graph::Configuration configuration;
  configuration.concurrency = 3;
  configuration.credentials_encryption_key = base::Secret("hush");
  for (const char* output : {"table", "json", "yaml"}) {
    const std::string hidden = ListConfiguration(configuration, output, /*show_secrets=*/false);
    EXPECT_THAT(hidden, AllOf(HasSubstr("********"), Not(HasSubstr("hush")))) << output;
    EXPECT_THAT(ListConfiguration(configuration, output, /*show_secrets=*/true), HasSubstr("hush"));
  }
  EXPECT_THAT(ListConfiguration(configuration, "table", false),
              AllOf(HasSubstr("concurrency"), HasSubstr("credentials.storage_type"),
                    HasSubstr("{{ .Major }}.{{ .Minor }}.{{ .Patch }}")));
}

}  // namespace
}  // namespace stevedore::cli
