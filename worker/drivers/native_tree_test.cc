#include "worker/drivers/native_tree.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "worker/drivers/native_base_layer.h"
#include "worker/drivers/native_layer.h"
#include "worker/drivers/native_users.h"

namespace stevedore::worker::native {
namespace {

using oci::LayerEntry;
using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;
using Type = LayerEntry::Type;

LayerEntry File(const std::string& path, uint64_t id = 0, uint64_t size = 0) {
  LayerEntry entry;
  entry.path = path;
  entry.content_id = id;
  entry.size = size;
  return entry;
}
LayerEntry Directory(const std::string& path, uint32_t mode = 0755) {
  LayerEntry entry;
  entry.path = path;
  entry.type = Type::kDirectory;
  entry.mode = mode;
  return entry;
}
LayerEntry Link(const std::string& path, const std::string& target, Type type = Type::kSymlink) {
  LayerEntry entry;
  entry.path = path;
  entry.type = type;
  entry.link_target = target;
  return entry;
}

std::shared_ptr<const LayerTree> Layer(std::vector<LayerEntry> entries) {
  return std::make_shared<LayerTree>(std::move(entries), nullptr);
}

std::string Names(const FileView& view, absl::string_view path) {
  std::string names;
  for (const auto& [name, node] : view.Children(path)) {
    absl::StrAppend(&names, name, node.IsDirectory() ? "/ " : " ");
  }
  return names;
}

TEST(FileViewTest, UpperLayersHideLowerOnes) {
  FileView view;
  view.Add(Layer({Directory("a", 01777), File("a/1"), File("a/2"), Directory("b"), File("b/1"),
                  Directory("c"), File("c/1"), File("d/e/f")}));
  view.Add(Layer({File("a/.wh.1"), File("a/3"), File("b/.wh..wh..opq"), File("b/2"), File("c")}));
  EXPECT_EQ(Names(view, ""), "a/ b/ c d/ ");
  EXPECT_EQ(Names(view, "a"), "2 3 ");
  EXPECT_EQ(Names(view, "b"), "2 ");
  EXPECT_EQ(Names(view, "c"), "");
  EXPECT_EQ(Names(view, "d"), "e/ ");
  EXPECT_FALSE(view.Find("a/1").has_value());
  EXPECT_FALSE(view.Find("c/1").has_value());
  // Layer 2 only names what is in `a`; layer 1 describes it.
  EXPECT_EQ(view.Find("a")->entry->mode, 01777u);
  EXPECT_TRUE(view.Find("d/e")->implied);
}

TEST(FileViewTest, LinksStayInside) {
  FileView view;
  view.Add(Layer({Directory("usr"), Directory("usr/lib"), File("usr/lib/x"), Link("lib", "usr/lib"),
                  Link("abs", "/usr"), Link("up", "../../../usr"), Link("loop", "loop"),
                  Link("usr/rel", "../lib/x")}));
  EXPECT_THAT(view.Resolve("/lib/x"), IsOkAndHolds(std::string("usr/lib/x")));
  EXPECT_THAT(view.Resolve("abs/lib"), IsOkAndHolds(std::string("usr/lib")));
  EXPECT_THAT(view.Resolve("up"), IsOkAndHolds(std::string("usr")));
  EXPECT_THAT(view.Resolve("usr/rel"), IsOkAndHolds(std::string("usr/lib/x")));
  EXPECT_THAT(view.Resolve("lib/../none/z"), IsOkAndHolds(std::string("usr/none/z")));
  EXPECT_THAT(view.Resolve("/"), IsOkAndHolds(std::string()));
  EXPECT_THAT(view.Resolve("loop/x"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("loop")));
}

TEST(FileViewTest, HardLinksAreFiles) {
  FileView view;
  view.Add(Layer({File("a", 7, 3), Link("b", "a", Type::kHardLink)}));
  view.Add(Layer({Link("c", "a", Type::kHardLink), Link("x", "y", Type::kHardLink),
                  Link("y", "x", Type::kHardLink)}));
  for (const char* path : {"a", "b", "c"}) {
    ASSERT_TRUE(view.Find(path).has_value()) << path;
    EXPECT_EQ(view.Find(path)->entry->content_id, 7u) << path;
  }
  EXPECT_FALSE(view.Find("x").has_value());
  // As a layer they are links again.
  EXPECT_EQ(Layer({File("a", 7, 3), Link("b", "a", Type::kHardLink)})->DescribedEntries()[1].type,
            Type::kHardLink);
}

TEST(LayerBuilderTest, PutsOnTop) {
  FileView below;
  below.Add(Layer({Directory("tmp", 01777), Link("lib", "usr/lib"), Directory("usr"),
                   Directory("usr/lib"), File("f")}));
  LayerBuilder layer(&below);
  ASSERT_OK(layer.MakeDirectories("tmp", {}));
  ASSERT_OK(layer.MakeDirectories("lib", {}));
  EXPECT_TRUE(layer.empty());
  ASSERT_OK(layer.MakeDirectories("lib/new/deep", {5, 6}));
  EXPECT_EQ(layer.Find("usr/lib/new")->uid, 5u);
  EXPECT_THAT(layer.MakeDirectories("f/x", {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("/f should be a directory")));
  layer.Put(Link("jump", "usr/lib/new"), nullptr);
  EXPECT_THAT(layer.Resolve("/jump/deep/q"), IsOkAndHolds(std::string("usr/lib/new/deep/q")));
  layer.Put(Link("usr/lib/new", "/"), nullptr);  // With what is in it.
  EXPECT_FALSE(layer.Find("usr/lib/new/deep").has_value());
}

TEST(BaseLayerTest, EntriesAreRemembered) {
  LayerEntry rich = File("r", 512, 1'000'000'000'000);
  rich.uid = 4'000'000'000;
  rich.xattrs = std::make_shared<std::vector<std::pair<std::string, std::string>>>(
      std::vector<std::pair<std::string, std::string>>{{"user.a", std::string("\0x", 2)}});
  const std::string bytes = EncodeEntries({rich, Link("s", "r"), Directory("t", 07755)});
  const auto read = DecodeEntries(bytes);
  ASSERT_TRUE(read.has_value());
  ASSERT_EQ(read->size(), 3u);
  EXPECT_EQ((*read)[0].size, rich.size);
  EXPECT_EQ((*read)[0].uid, rich.uid);
  EXPECT_EQ(*(*read)[0].xattrs, *rich.xattrs);
  EXPECT_EQ((*read)[1].link_target, "r");
  EXPECT_EQ((*read)[2].mode, 07755u);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    std::string damaged = bytes;
    damaged[i] = static_cast<char>(~damaged[i]);
    EXPECT_FALSE(DecodeEntries(damaged).has_value()) << i;
    EXPECT_FALSE(DecodeEntries(bytes.substr(0, i)).has_value()) << i;
  }
}

TEST(UsersTest, NamesAndNumbers) {
  auto texts = std::make_shared<TextContent>();
  LayerEntry passwd = File("etc/passwd");
  LayerEntry group = File("etc/group");
  const std::string users = "root:x:0:0::/:\napp:x:7:8::/:\nbad:x:y\n";
  const std::string groups = "root:x:0:\nstaff:x:50:\n";
  passwd.size = users.size();
  passwd.content_id = texts->Add(users);
  group.size = groups.size();
  group.content_id = texts->Add(groups);
  FileView view;
  view.Add(std::make_shared<LayerTree>(std::vector<LayerEntry>{passwd, group}, texts));
  const auto owner = [&view](absl::string_view text) -> std::string {
    const absl::StatusOr<Owner> found = FindOwner(view, text);
    return found.ok() ? absl::StrCat(found->uid, ":", found->gid)
                      : std::string(found.status().message());
  };
  EXPECT_EQ(owner("app"), "7:8");
  EXPECT_EQ(owner("app:staff"), "7:50");
  EXPECT_EQ(owner("5"), "5:5");
  EXPECT_EQ(owner("5:6"), "5:6");
  EXPECT_EQ(owner("app:9"), "7:9");
  EXPECT_EQ(owner("9:staff"), "9:50");
  EXPECT_THAT(owner("none"), HasSubstr("no `none` in the image's /etc/passwd"));
  EXPECT_THAT(owner("app:none"), HasSubstr("/etc/group"));
  EXPECT_THAT(owner("bad"), HasSubstr("damaged line"));
  EXPECT_THAT(owner(""), HasSubstr("empty owner"));
  EXPECT_THAT(FindOwner(FileView(), "app").status().message(), HasSubstr("has no /etc/passwd"));
}

}  // namespace
}  // namespace stevedore::worker::native
