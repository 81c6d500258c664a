#include "cli/images/rebase_cascade.h"

#include <string>

#include "base/testing/status_matchers.h"
#include "graph/catalog.h"
#include "graph/configuration.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kShop[] = R"(
builders: {s: {driver: sleep}}
images:
  base:
    "1": {builder: s, registry: localhost:5000, namespace: shop}
    "2": {builder: s, registry: localhost:5000, namespace: shop}
  alpine: {3.20: {registry: docker.io, namespace: library}}
)";

graph::Catalog Load() {
  auto catalog =
      graph::Catalog::Parse({{"f.yaml", kShop}}, {{"f.yaml", kShop}}, graph::Configuration(),
                            graph::CatalogOptions{.default_platform = "linux/amd64"});
  EXPECT_OK(catalog);
  return *std::move(catalog);
}

// "id new base".
std::string Find(const std::string& new_base, const std::string& old_base = "") {
  const auto base = FindCascadeBase(Load(), new_base, old_base);
  if (!base.ok()) return base.status().ToString();
  return base->id + " " + base->new_base.Canonical();
}

TEST(RebaseCascadeTest, TheBaseIsWhatImagesStandOnNow) {
  // The same name, patched.
  EXPECT_EQ(Find("base:1"), "base:1 localhost:5000/shop/base:1");
  EXPECT_EQ(Find("localhost:5000/shop/base:1"), "base:1 localhost:5000/shop/base:1");
  EXPECT_EQ(Find("alpine:3.20"), "alpine:3.20 docker.io/library/alpine:3.20");
  // Another version: the old one says which images.
  EXPECT_EQ(Find("base:2", "base:1"), "base:1 localhost:5000/shop/base:2");
  EXPECT_EQ(Find("localhost:5000/shop/base:3", "localhost:5000/shop/base:1"),
            "base:1 localhost:5000/shop/base:3");
  EXPECT_EQ(Find("docker.io/library/alpine:3.21"), "alpine:3.20 docker.io/library/alpine:3.21");
  // An old digest says nothing about names.
  const std::string digest =
      "@sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
  EXPECT_EQ(Find("base:1", "localhost:5000/shop/base" + digest),
            "base:1 localhost:5000/shop/base:1");
}

TEST(RebaseCascadeTest, WhatIsInNoTree) {
  EXPECT_THAT(Find("localhost:5000/shop/base:3"), HasSubstr("may be any of base:1, base:2"));
  EXPECT_THAT(Find("localhost:5000/other:3"), HasSubstr("NOT_FOUND"));
  EXPECT_THAT(Find("no reference"), HasSubstr("INVALID_ARGUMENT"));
}

}  // namespace
}  // namespace stevedore::cli
