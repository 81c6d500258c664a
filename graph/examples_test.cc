// The examples are input that works when pasted: they load, and have the shape that their README
// shows.

#include <unistd.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/testing/status_matchers.h"
#include "graph/catalog.h"
#include "graph/configuration.h"
#include "graph/selection.h"

namespace stevedore::graph {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Images on the longest way from a root to `index`.
int LevelOf(const Catalog& catalog, Catalog::Index index) {
  int level = 0;
  for (Catalog::Index parent : catalog.instances()[index].parents) {
    level = std::max(level, LevelOf(catalog, parent));
  }
  return level + 1;
}

TEST(ExamplesTest, ShopLoadsAndHasFourLevelsAndADiamond) {
  ASSERT_EQ(chdir("examples/shop"), 0);
  ConfigurationSources sources;
  ASSERT_OK_AND_ASSIGN(const Configuration configuration, Configuration::Load(sources));
  EXPECT_EQ(configuration.file, "stevedore.yaml");
  EXPECT_THAT(configuration.warnings, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const Catalog catalog, Catalog::Load(configuration, CatalogOptions()));
  EXPECT_THAT(catalog.warnings(), IsEmpty());
  int levels = 0;
  for (size_t i = 0; i < catalog.instances().size(); ++i) {
    levels = std::max(levels, LevelOf(catalog, i));
  }
  EXPECT_EQ(levels, 4);
  ASSERT_OK_AND_ASSIGN(const Selection everything,
                       Selection::Create(catalog, {.names = {"base"}, .cascade = true}));
  EXPECT_THAT(everything.images, SizeIs(16));
  EXPECT_THAT(everything.external_parents, IsEmpty());
  ASSERT_OK_AND_ASSIGN(const Selection web, Selection::Create(catalog, {.names = {"web"}}));
  EXPECT_THAT(web.images[0].parents, ElementsAre("httpd:1.0", "assets:3.1"));
}

}  // namespace
}  // namespace stevedore::graph
