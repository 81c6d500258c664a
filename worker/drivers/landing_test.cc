#include "worker/drivers/landing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <utility>

#include "base/testing/status_matchers.h"

namespace stevedore::worker {
namespace {

using base::testing::StatusIs;
using oci::LayerEntry;
using ::testing::IsEmpty;
using ::testing::SizeIs;

LayerEntry Folder(const std::string& path, uint32_t mode, uint32_t uid = 0) {
  LayerEntry entry;
  entry.path = path;
  entry.type = LayerEntry::Type::kDirectory;
  entry.mode = mode;
  entry.uid = uid;
  return entry;
}

LayerEntry Link(const std::string& path, const std::string& target) {
  LayerEntry entry;
  entry.path = path;
  entry.type = LayerEntry::Type::kSymlink;
  entry.link_target = target;
  return entry;
}

class LandingTest : public ::testing::Test {
 protected:
  LandingTest() {
    std::vector<LayerEntry> entries = {Folder("tmp", 01777),    Folder("usr", 0755),
                                       Folder("usr/lib", 0755), Folder("home/app", 0700, 1000),
                                       Link("lib", "usr/lib"),  Link("a", "b"),
                                       Link("b", "a"),          Link("var/run", "/run")};
    below_.Add(std::make_shared<native::LayerTree>(std::move(entries), nullptr));
  }

  native::FileView below_;
};

TEST_F(LandingTest, FoldersAboveAreAsTheImageHasThem) {
  ASSERT_OK_AND_ASSIGN(const Landing landing, FindLanding("/tmp/x/y", true, below_));
  EXPECT_EQ(landing.to, "/tmp/x/y");
  ASSERT_THAT(landing.folders, SizeIs(1));
  EXPECT_EQ(landing.folders[0].path, "tmp");
  EXPECT_EQ(landing.folders[0].mode, 01777);
  ASSERT_OK_AND_ASSIGN(const Landing home, FindLanding("home//app/./x/", true, below_));
  EXPECT_EQ(home.to, "/home/app/x/");
  // No layer describes `home`.
  ASSERT_THAT(home.folders, SizeIs(1));
  EXPECT_EQ(home.folders[0].uid, 1000);
}

TEST_F(LandingTest, LinksAreFollowed) {
  EXPECT_EQ(FindLanding("/lib/x", false, below_)->to, "/usr/lib/x");
  EXPECT_THAT(FindLanding("/lib/x", false, below_)->folders, SizeIs(2));
  EXPECT_EQ(FindLanding("/lib", true, below_)->to, "/usr/lib");
  EXPECT_EQ(FindLanding("/lib/", true, below_)->to, "/usr/lib/");
  // A file that is called as the link takes its place.
  EXPECT_EQ(FindLanding("/lib", false, below_)->to, "/lib");
  EXPECT_EQ(FindLanding("/var/run/app", true, below_)->to, "/run/app");
  EXPECT_THAT(FindLanding("/a/x", true, below_), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(LandingTest, NothingIsAboveTheRoot) {
  EXPECT_EQ(FindLanding("/", true, below_)->to, "/");
  EXPECT_EQ(FindLanding("/new", true, below_)->to, "/new");
  EXPECT_THAT(FindLanding("/new", true, below_)->folders, IsEmpty());
  EXPECT_FALSE(NeedsLook("/"));
  EXPECT_FALSE(NeedsLook("/srv/"));
  EXPECT_TRUE(NeedsLook("/srv/www"));
  EXPECT_TRUE(NeedsLook("/lib64"));
  EXPECT_TRUE(NeedsLook("bin"));
}

}  // namespace
}  // namespace stevedore::worker
