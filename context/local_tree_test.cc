#include "context/local_tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <vector>

#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "context/ignore_rules.h"
#include "context/stat_cache.h"
#include "context/tree.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Type = TreeEntry::Type;

class LocalTreeTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& content, mode_t mode = 0644) {
    const std::string full = root_ + "/" + path;
    ASSERT_OK(base::MakeDirectories(full.substr(0, full.rfind('/'))));
    ASSERT_OK(base::WriteFileAtomically(full, content, mode));
  }
  std::string Content(const Tree& tree, const std::string& path) {
    const TreeEntry* const entry = tree.Find(path);
    if (entry == nullptr) return "none";
    std::string content(entry->size, '\0');
    const auto reader = tree.OpenContent(entry->content_id);
    if (!reader.ok()) return reader.status().ToString();
    EXPECT_OK((*reader)->ReadAt(0, content.data(), content.size()));
    return content;
  }

  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
  const std::string root_ = directory_.path() + "/context";
};

TEST_F(LocalTreeTest, IsTheTreeThatIsOnDisk) {
  Write("bin/busybox", "ELF", 0775);
  Write("etc/motd", "hi\n", 0664);
  ASSERT_EQ(symlink("busybox", (root_ + "/bin/sh").c_str()), 0);
  ASSERT_EQ(symlink("/bin/busybox", (root_ + "/bin/ls").c_str()), 0);
  ASSERT_EQ(link((root_ + "/etc/motd").c_str(), (root_ + "/etc/issue").c_str()), 0);
  ASSERT_EQ(mkdir((root_ + "/empty").c_str(), 0700), 0);
  ASSERT_OK_AND_ASSIGN(const auto tree, LocalTree::Open(root_));
  ASSERT_OK_AND_ASSIGN(const auto same,
                       MemoryTree::Create({{"bin/busybox", "ELF", Type::kFile, 0755},
                                           {"bin/sh", "busybox", Type::kSymlink},
                                           {"bin/ls", "/bin/busybox", Type::kSymlink},
                                           {"etc/motd", "hi\n"},
                                           {"etc/issue", "hi\n"},
                                           {"empty", "", Type::kDirectory}}));
  EXPECT_EQ(tree->entries(), same->entries());
  EXPECT_EQ(tree->digest(), same->digest());
  EXPECT_EQ(Content(*tree, "bin/busybox"), "ELF");
  EXPECT_EQ(Content(*tree, "etc/issue"), "hi\n");
  EXPECT_EQ(Content(*tree, "etc/motd"), "hi\n");
  EXPECT_THAT(tree->warnings(), IsEmpty());
}

TEST_F(LocalTreeTest, DoesNotDependOnThreads) {
  for (int i = 0; i < 200; ++i) {
    Write("d" + std::to_string(i % 7) + "/f" + std::to_string(i), std::string(i * 100, 'x'));
  }
  LocalTreeOptions one;
  one.threads = 1;
  LocalTreeOptions eight;
  eight.threads = 8;
  ASSERT_OK_AND_ASSIGN(const auto a, LocalTree::Open(root_, one));
  ASSERT_OK_AND_ASSIGN(const auto b, LocalTree::Open(root_, eight));
  EXPECT_EQ(a->entries(), b->entries());
}

TEST_F(LocalTreeTest, AMissingFolderNamesPathOwnerAndRemedy) {
  LocalTreeOptions options;
  options.owner = "image web:1.0 (images/web.yaml:12)";
  EXPECT_THAT(LocalTree::Open(root_ + "/none", options),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr(root_ + "/none"), HasSubstr("images/web.yaml:12"),
                             HasSubstr("create it, or correct `context`"))));
  Write("file", "");
  EXPECT_THAT(LocalTree::Open(root_ + "/file", options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is no folder")));
}

TEST_F(LocalTreeTest, RefusesLinksThatLeadOut) {
  Write("a/b/file", "");
  ASSERT_EQ(symlink("../../a/b/file", (root_ + "/a/b/inside").c_str()), 0);
  EXPECT_OK(LocalTree::Open(root_));
  ASSERT_EQ(symlink("../../../etc/passwd", (root_ + "/a/b/outside").c_str()), 0);
  EXPECT_THAT(LocalTree::Open(root_),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("link a/b/outside"), HasSubstr("`../../../etc/passwd`"))));
}

TEST_F(LocalTreeTest, LeavesOutFifosWithAWarning) {
  Write("file", "x");
  ASSERT_EQ(mkfifo((root_ + "/pipe").c_str(), 0644), 0);
  ASSERT_OK_AND_ASSIGN(const auto tree, LocalTree::Open(root_));
  EXPECT_EQ(tree->entries().size(), 1);
  EXPECT_THAT(tree->warnings(), ElementsAre(AllOf(HasSubstr("/pipe is a fifo"))));
}

TEST_F(LocalTreeTest, TheStatCacheIsTrusted) {
  Write("file", "truth");
  StatCache cache;
  LocalTreeOptions options;
  options.stat_cache = &cache;
  ASSERT_OK_AND_ASSIGN(const auto fresh, LocalTree::Open(root_, options));
  EXPECT_EQ(cache.size(), 0) << "the file was written within the last two seconds";
  struct stat status = {};
  ASSERT_EQ(stat((root_ + "/file").c_str(), &status), 0);
  FileIdentity file;
  file.device = status.st_dev;
  file.inode = status.st_ino;
  file.size = status.st_size;
  file.mtime_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  file.ctime_ns = status.st_ctim.tv_sec * 1'000'000'000 + status.st_ctim.tv_nsec;
  const TreeEntry::Sha256 marker = ToSha256(std::string(32, 'm'));
  cache.Store(file, marker, absl::Now() + absl::Hours(1));
  ASSERT_OK_AND_ASSIGN(const auto cached, LocalTree::Open(root_, options));
  EXPECT_EQ(cached->Find("file")->digest, marker) << "not read again";
  Write("file", "other");
  ASSERT_OK_AND_ASSIGN(const auto changed, LocalTree::Open(root_, options));
  EXPECT_NE(changed->Find("file")->digest, marker);
}

TEST_F(LocalTreeTest, AFileThatChangedIsRefused) {
  Write("file", "before");
  ASSERT_OK_AND_ASSIGN(const auto tree, LocalTree::Open(root_));
  Write("file", "after it");
  EXPECT_THAT(tree->OpenContent(tree->Find("file")->content_id),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("file")));
}

TEST_F(LocalTreeTest, WhatIsIgnoredIsNotLookedInto) {
  Write("src/a.c", "a");
  Write("src/a.o", "o");
  Write("out/deep/b", "b");
  Write("node_modules/x/keep", "k");
  Write("node_modules/x/other", "o");
  Write("logs/today", "t");
  // Links that lead out and files that cannot be read do not matter where nobody looks.
  ASSERT_EQ(symlink("../../..", (root_ + "/out/away").c_str()), 0);
  ASSERT_OK_AND_ASSIGN(
      const IgnoreRules rules,
      IgnoreRules::Parse("**/*.o\nout\nnode_modules\n!node_modules/x/keep\nlogs\n!logs/none", "x"));
  LocalTreeOptions options;
  options.ignore = &rules;
  ASSERT_OK_AND_ASSIGN(const auto tree, LocalTree::Open(root_, options));
  ASSERT_OK_AND_ASSIGN(const auto same,
                       MemoryTree::Create({{"src/a.c", "a"}, {"node_modules/x/keep", "k"}}));
  EXPECT_EQ(tree->entries(), same->entries());
  EXPECT_EQ(tree->digest(), same->digest());
  EXPECT_EQ(Content(*tree, "node_modules/x/keep"), "k");
}

}  // namespace
}  // namespace stevedore::context
