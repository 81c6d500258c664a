#include "context/git_blob_table.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/hash.h"
#include "base/testing/status_matchers.h"

namespace stevedore::context {
namespace {

GitBlobTable::ObjectId Id(char c) {
  GitBlobTable::ObjectId id;
  id.fill(c);
  return id;
}

GitBlobTable::Blob BlobOf(const std::string& content, bool lfs = false) {
  GitBlobTable::Blob blob;
  blob.size = content.size();
  blob.digest = ToSha256(base::Sha256(content));
  blob.is_lfs_pointer = lfs;
  return blob;
}

TEST(GitBlobTableTest, WhatIsSavedIsFoundAgain) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory directory,
                       base::TemporaryDirectory::Create());
  const std::string path = directory.path() + "/digests";
  GitBlobTable table;
  table.Store(Id('a'), BlobOf(std::string(70000, 'x')));
  table.Store(Id('b'), BlobOf("pointer", true));
  ASSERT_OK(table.Save(path));
  const GitBlobTable loaded = GitBlobTable::Load(path);
  EXPECT_EQ(loaded.size(), 2);
  ASSERT_TRUE(loaded.Find(Id('a')).has_value());
  EXPECT_EQ(loaded.Find(Id('a'))->size, 70000);
  EXPECT_EQ(loaded.Find(Id('a'))->digest, BlobOf(std::string(70000, 'x')).digest);
  EXPECT_TRUE(loaded.Find(Id('b'))->is_lfs_pointer);
  EXPECT_FALSE(loaded.Find(Id('c')).has_value());
}

TEST(GitBlobTableTest, NothingNewIsNotWritten) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory directory,
                       base::TemporaryDirectory::Create());
  GitBlobTable table;
  ASSERT_OK(table.Save(directory.path() + "/digests"));
  EXPECT_FALSE(base::Exists(directory.path() + "/digests"));
}

TEST(GitBlobTableTest, DamageIsAnEmptyTable) {
  GitBlobTable table;
  table.Store(Id('a'), BlobOf("a"));
  const std::string whole = table.Encode();
  for (size_t i = 0; i < whole.size(); ++i) {
    std::string damaged = whole;
    damaged[i] = static_cast<char>(damaged[i] ^ 1);
    GitBlobTable read;
    EXPECT_FALSE(read.Decode(damaged)) << i;
    EXPECT_FALSE(read.Decode(whole.substr(0, i))) << i;
    EXPECT_EQ(read.size(), 0);
  }
  EXPECT_EQ(GitBlobTable::Load("/nowhere/digests").size(), 0);
}

}  // namespace
}  // namespace stevedore::context
