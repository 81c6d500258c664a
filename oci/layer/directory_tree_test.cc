#include "oci/layer/directory_tree.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "oci/layer/layer_writer.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Type = LayerEntry::Type;

class DirectoryTreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = base::TemporaryDirectory::Create();
    ASSERT_OK(directory);
    directory_.emplace(*std::move(directory));
  }
  std::string At(absl::string_view name) const { return base::JoinPath(directory_->path(), name); }
  void Write(absl::string_view name, absl::string_view content) const {
    const std::string path = At(name);
    ASSERT_OK(base::MakeDirectories(path.substr(0, path.rfind('/'))));
    ASSERT_OK(base::WriteFileAtomically(path, content));
  }
  std::string Layer(DirectoryTree& tree, int threads = 2) const {
    std::string blob;
    base::StringSink sink(&blob);
    EXPECT_OK(WriteLayer(tree.entries(), tree, &sink,
                         {.compression = *Compression::Parse("none"), .threads = threads}));
    return blob;
  }

  std::optional<base::TemporaryDirectory> directory_;
};

std::vector<std::string> Paths(const DirectoryTree& tree) {
  std::vector<std::string> paths;
  for (const LayerEntry& entry : tree.entries()) paths.push_back(entry.path);
  return paths;
}

TEST_F(DirectoryTreeTest, ListsEverythingInTheOrderOfLayers) {
  Write("a/b/c", "1");
  Write("a/b-c", "22");
  Write("a.b", "333");
  Write("z", "");
  ASSERT_EQ(symlink("../outside", At("a/link").c_str()), 0);
  ASSERT_EQ(mkfifo(At("pipe").c_str(), 0600), 0);
  ASSERT_EQ(chmod(At("z").c_str(), 04750), 0);
  for (const int threads : {1, 4}) {
    ASSERT_OK_AND_ASSIGN(const DirectoryTree tree,
                         DirectoryTree::Walk(directory_->path(), {.threads = threads}));
    EXPECT_THAT(Paths(tree),
                ElementsAre("a", "a/b", "a/b/c", "a/b-c", "a/link", "a.b", "pipe", "z"));
    EXPECT_EQ(tree.entries()[2].size, 1u);
    EXPECT_EQ(tree.entries()[4].type, Type::kSymlink);
    EXPECT_EQ(tree.entries()[4].link_target, "../outside");
    EXPECT_EQ(tree.entries()[6].type, Type::kFifo);
    EXPECT_EQ(tree.entries()[7].mode, 04750u);
    EXPECT_EQ(tree.stats()[5].size, 3u);
    EXPECT_NE(tree.stats()[5].mtime_ns, 0);
  }
}

TEST_F(DirectoryTreeTest, HardLinksShareTheFirstName) {
  Write("b", "same");
  ASSERT_EQ(link(At("b").c_str(), At("c").c_str()), 0);
  ASSERT_EQ(link(At("b").c_str(), At("a").c_str()), 0);
  ASSERT_OK_AND_ASSIGN(const DirectoryTree tree, DirectoryTree::Walk(directory_->path()));
  ASSERT_THAT(Paths(tree), ElementsAre("a", "b", "c"));
  EXPECT_EQ(tree.entries()[0].type, Type::kFile);
  EXPECT_EQ(tree.entries()[1].type, Type::kHardLink);
  EXPECT_EQ(tree.entries()[1].link_target, "a");
  EXPECT_EQ(tree.entries()[2].link_target, "a");
  ASSERT_OK_AND_ASSIGN(const DirectoryTree files,
                       DirectoryTree::Walk(directory_->path(), {.hard_links = false}));
  EXPECT_EQ(files.entries()[1].type, Type::kFile);
  EXPECT_EQ(files.entries()[1].size, 4u);
}

TEST_F(DirectoryTreeTest, FilterLeavesOut) {
  Write("keep/a", "1");
  Write("node_modules/x/y", "1");
  WalkOptions options;
  options.filter = [](absl::string_view path, bool is_directory) {
    return !(is_directory && path == "node_modules") && !absl::EndsWith(path, ".o");
  };
  Write("keep/b.o", "1");
  ASSERT_OK_AND_ASSIGN(const DirectoryTree tree,
                       DirectoryTree::Walk(directory_->path(), std::move(options)));
  EXPECT_THAT(Paths(tree), ElementsAre("keep", "keep/a"));
}

TEST_F(DirectoryTreeTest, LayersDoNotDependOnTimesOrOrderOfCreation) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory other, base::TemporaryDirectory::Create());
  for (int i = 0; i < 300; ++i) Write(absl::StrCat("d", i % 7, "/f", i), absl::StrCat(i));
  for (int i = 299; i >= 0; --i) {
    const std::string directory = base::JoinPath(other.path(), absl::StrCat("d", i % 7));
    ASSERT_OK(base::MakeDirectories(directory));
    const std::string path = base::JoinPath(directory, absl::StrCat("f", i));
    ASSERT_OK(base::WriteFileAtomically(path, absl::StrCat(i)));
    const timespec times[2] = {{1000 + i, 0}, {2000 + i, 5}};
    ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
  }
  ASSERT_OK_AND_ASSIGN(DirectoryTree first, DirectoryTree::Walk(directory_->path()));
  ASSERT_OK_AND_ASSIGN(DirectoryTree second, DirectoryTree::Walk(other.path()));
  EXPECT_TRUE(Layer(first, 1) == Layer(second, 8));
}

TEST_F(DirectoryTreeTest, ContentIsFoundByIdWhateverThePathSays) {
  Write("deep/er/file", "text");
  ASSERT_OK_AND_ASSIGN(DirectoryTree tree, DirectoryTree::Walk(directory_->path()));
  std::vector<LayerEntry> entries = tree.TakeEntries();
  LayerEntry entry = entries.back();
  entry.path = "srv/www/file";
  ASSERT_OK_AND_ASSIGN(const auto reader, tree.Open(entry));
  char buffer[4];
  ASSERT_OK(reader->ReadAt(0, buffer, 4));
  EXPECT_EQ(std::string(buffer, 4), "text");
}

TEST_F(DirectoryTreeTest, ChangesSinceTheWalkAreNamed) {
  for (const char* name : {"grown", "touched", "removed", "replaced", "linked"}) Write(name, "1");
  ASSERT_OK_AND_ASSIGN(const DirectoryTree tree, DirectoryTree::Walk(directory_->path()));
  ASSERT_EQ(truncate(At("grown").c_str(), 5), 0);
  const timespec times[2] = {{1, 0}, {1, 0}};
  ASSERT_EQ(utimensat(AT_FDCWD, At("touched").c_str(), times, 0), 0);
  ASSERT_EQ(unlink(At("removed").c_str()), 0);
  Write("new", "1");
  ASSERT_EQ(rename(At("new").c_str(), At("replaced").c_str()), 0);
  ASSERT_EQ(unlink(At("linked").c_str()), 0);
  ASSERT_EQ(symlink("/etc/passwd", At("linked").c_str()), 0);
  const std::pair<const char*, const char*> expected[] = {{"grown", "changed its size from 1 to 5"},
                                                          {"linked", "was removed"},
                                                          {"removed", "was removed"},
                                                          {"replaced", "was replaced"},
                                                          {"touched", "was written to"}};
  for (size_t i = 0; i < std::size(expected); ++i) {
    ASSERT_EQ(tree.entries()[i].path, expected[i].first);
    EXPECT_THAT(tree.Open(tree.entries()[i]),
                StatusIs(absl::StatusCode::kAborted, HasSubstr(expected[i].second)));
  }
}

TEST_F(DirectoryTreeTest, NothingIsReadThroughALinkThatAppeared) {
  Write("dir/passwd", "mine");
  ASSERT_OK_AND_ASSIGN(const DirectoryTree tree, DirectoryTree::Walk(directory_->path()));
  ASSERT_EQ(rename(At("dir").c_str(), At("moved").c_str()), 0);
  ASSERT_EQ(symlink("moved", At("dir").c_str()), 0);
  EXPECT_THAT(tree.Open(tree.entries()[1]), StatusIs(absl::StatusCode::kAborted));
}

TEST_F(DirectoryTreeTest, ExtendedAttributesOnRequest) {
  Write("f", "1");
  if (setxattr(At("f").c_str(), "user.note", "hi", 2, 0) != 0) {
    GTEST_SKIP() << "no extended attributes here";
  }
  ASSERT_OK_AND_ASSIGN(const DirectoryTree without, DirectoryTree::Walk(directory_->path()));
  EXPECT_EQ(without.entries()[0].xattrs, nullptr);
  ASSERT_OK_AND_ASSIGN(const DirectoryTree with,
                       DirectoryTree::Walk(directory_->path(), {.xattrs = true}));
  ASSERT_NE(with.entries()[0].xattrs, nullptr);
  EXPECT_EQ(with.entries()[0].xattrs->at(0),
            (std::pair<std::string, std::string>("user.note", "hi")));
}

TEST_F(DirectoryTreeTest, ErrorsNameThePlace) {
  EXPECT_THAT(DirectoryTree::Walk(At("none")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
  Write("file", "1");
  EXPECT_THAT(DirectoryTree::Walk(At("file")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is not a directory")));
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, At("s").c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0)
      << address.sun_path;
  close(fd);
  EXPECT_THAT(DirectoryTree::Walk(directory_->path()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("socket")));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(DirectoryTree::Walk(directory_->path(), {.stop = stop.get_token()}),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace stevedore::oci
