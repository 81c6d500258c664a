#include "worker/drivers/file_layer.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/testing/status_matchers.h"

namespace stevedore::worker {
namespace {

using base::testing::StatusIs;
using context::MemoryTree;
using context::TreeEntry;
using graph::AssembleLayer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::unique_ptr<MemoryTree> Tree(std::vector<MemoryTree::Item> extra = {}) {
  std::vector<MemoryTree::Item> items = {
      {.path = "public/index.html", .content = "hello"},
      {.path = "public/cgi/run", .content = "#!", .mode = 0755},
      {.path = "public/link", .content = "index.html", .type = TreeEntry::Type::kSymlink},
      {.path = "conf", .content = "x"}};
  for (MemoryTree::Item& item : extra) items.push_back(std::move(item));
  return *MemoryTree::Create(std::move(items));
}

AssembleLayer Files(const char* from, const char* to) {
  AssembleLayer layer;
  layer.from = from;
  layer.to = to;
  return layer;
}

// "path type mode uid:gid" of each entry.
std::vector<std::string> Show(const FileLayer& layer) {
  std::vector<std::string> lines;
  for (const oci::LayerEntry& entry : layer.entries) {
    lines.push_back(absl::StrFormat("%s %d %o %d:%d", entry.path, static_cast<int>(entry.type),
                                    entry.mode, entry.uid, entry.gid));
  }
  return lines;
}

std::vector<std::string> Selected(const AssembleLayer& layer) {
  const auto tree = Tree();
  const absl::StatusOr<FileLayer> files = SelectFiles(layer, *tree);
  EXPECT_OK(files);
  return files.ok() ? Show(*files) : std::vector<std::string>();
}

TEST(FileLayerTest, AFolderGivesItsContentAndTheEntryForTo) {
  EXPECT_THAT(Selected(Files("public", "/srv/www")),
              ElementsAre("srv/www 1 755 0:0", "srv/www/cgi 1 755 0:0", "srv/www/cgi/run 0 755 0:0",
                          "srv/www/index.html 0 644 0:0", "srv/www/link 2 777 0:0"));
}

TEST(FileLayerTest, TheRootIsNeverAnEntry) {
  EXPECT_THAT(Selected(Files("public/cgi", "/")), ElementsAre("run 0 755 0:0"));
  EXPECT_THAT(Selected(Files(".", "//./")).size(), 6u);
  EXPECT_THAT(Selected(Files("", "/")).front(), "conf 0 644 0:0");
}

TEST(FileLayerTest, AFileBecomesToOrStandsBelowIt) {
  EXPECT_THAT(Selected(Files("conf", "/etc/app.conf")), ElementsAre("etc/app.conf 0 644 0:0"));
  EXPECT_THAT(Selected(Files("conf", "/etc/")), ElementsAre("etc 1 755 0:0", "etc/conf 0 644 0:0"));
  EXPECT_THAT(Selected(Files("public/link", "/l")), ElementsAre("l 2 777 0:0"));
}

TEST(FileLayerTest, ModesAndOwnersAreWhatTheDefinitionSays) {
  AssembleLayer layer = Files("public/cgi", "/x");
  layer.mode = 0600;
  layer.dir_mode = 0700;
  layer.uid = 1000;
  layer.gid = 2000;
  EXPECT_THAT(Selected(layer), ElementsAre("x 1 700 1000:2000", "x/run 0 600 1000:2000"));
}

TEST(FileLayerTest, AMissingFromNamesWhatIsThere) {
  const auto tree = Tree();
  EXPECT_THAT(SelectFiles(Files("pubic", "/"), *tree),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("its root has `conf`, `public`")));
  EXPECT_THAT(SelectFiles(Files("public/cgi/ran", "/"), *tree),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("`public/cgi` has `run`")));
}

TEST(FileLayerTest, RefusesWhiteouts) {
  const auto tree = Tree({{.path = "public/.wh.index.html", .content = ""}});
  EXPECT_THAT(SelectFiles(Files("public", "/"), *tree),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("rename it")));
  EXPECT_OK(SelectFiles(Files("conf", "/conf"), *tree));
}

TEST(FileLayerTest, TheDigestFollowsEverythingThatReachesTheLayer) {
  const auto digest = [](const context::Tree& tree, const AssembleLayer& layer) {
    return SelectFiles(layer, tree)->digest;
  };
  const auto tree = Tree();
  const AssembleLayer plain = Files("public", "/srv");
  const std::string same = digest(*Tree(), plain);
  EXPECT_EQ(digest(*tree, plain), same);
  EXPECT_EQ(digest(*Tree({{.path = "other", .content = "y"}}), plain), same);
  std::vector<AssembleLayer> layers(6, plain);
  layers[0].to = "/srw";
  layers[1].mode = 0600;
  layers[2].dir_mode = 0700;
  layers[3].uid = 1;
  layers[4].gid = 1;
  layers[5].from = "public/cgi";
  std::set<std::string> digests = {same};
  for (const AssembleLayer& layer : layers) {
    EXPECT_TRUE(digests.insert(digest(*tree, layer)).second);
  }
  const auto changed = *MemoryTree::Create({{.path = "public/index.html", .content = "hellO"},
                                            {.path = "public/cgi/run", .content = "#!"},
                                            {.path = "public/link", .content = "index.html"}});
  EXPECT_TRUE(digests.insert(digest(*changed, plain)).second);
}

}  // namespace
}  // namespace stevedore::worker
