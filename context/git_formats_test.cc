#include "context/git_formats.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kOid[] = "0123456789012345678901234567890123456789";

TEST(GitModulesTest, ReadsWhatGitWrites) {
  ASSERT_OK_AND_ASSIGN(const std::vector<GitSubmodule> modules,
                       ParseGitModules("[submodule \"lib\"]\n"
                                       "\tpath = third/lib\n"
                                       "\turl = ../lib.git\n"
                                       "\tbranch = main\n"
                                       "[submodule \"a \\\"b\\\"\"]\n"
                                       "  PATH = \"with space \" ; why not\n"
                                       "  url=https://git.test/b#c\n"));
  ASSERT_EQ(modules.size(), 2);
  EXPECT_EQ(modules[0].name, "lib");
  EXPECT_EQ(modules[0].path, "third/lib");
  EXPECT_EQ(modules[0].url, "../lib.git");
  EXPECT_EQ(modules[1].name, "a \"b\"");
  EXPECT_EQ(modules[1].path, "with space ");
  EXPECT_EQ(modules[1].url, "https://git.test/b");
}

TEST(GitModulesTest, PartsOfOneSubmoduleMayBeApart) {
  ASSERT_OK_AND_ASSIGN(const std::vector<GitSubmodule> modules,
                       ParseGitModules("# c\n[core]\nx=1\n[submodule \"a\"]\npath=a/\n"
                                       "[submodule \"b\"]\npath=b\n[submodule \"a\"]\nurl=u\n"));
  ASSERT_EQ(modules.size(), 1);  // b has no URL.
  EXPECT_EQ(modules[0].path, "a");
}

TEST(GitModulesTest, BrokenTextNamesTheLine) {
  for (const char* text : {"\n[submodule \"a\n", "\n[submodule \"a\"\n", "\n= 1\n",
                           "\n[s]\nurl = \"x\n", "\n[s]\nurl = a\\q\n", "\n[s]\nurl = a\\"}) {
    SCOPED_TRACE(text);
    EXPECT_THAT(ParseGitModules(text),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(".gitmodules:")));
  }
}

TEST(LfsPointerTest, PointersAreToldFromFilesThatMentionThem) {
  const std::string oid(64, 'a');
  const std::string pointer =
      "version https://git-lfs.github.com/spec/v1\noid sha256:" + oid + "\nsize 12345\n";
  EXPECT_TRUE(IsLfsPointer(pointer));
  EXPECT_FALSE(IsLfsPointer("see " + pointer));
  EXPECT_FALSE(IsLfsPointer("version https://git-lfs.github.com/spec/v1\nsize 1\n"));
  EXPECT_FALSE(IsLfsPointer("version https://git-lfs.github.com/spec/v1\noid sha256:" + oid));
  EXPECT_FALSE(IsLfsPointer(pointer + std::string(2000, '\n')));
  EXPECT_FALSE(IsLfsPointer(""));
}

TEST(CatFileHeaderTest, ReadsOneAnswer) {
  ASSERT_OK_AND_ASSIGN(const CatFileHeader header,
                       ParseCatFileHeader(std::string(kOid) + " blob 300000000", kOid));
  EXPECT_EQ(header.type, "blob");
  EXPECT_EQ(header.size, 300000000);
  EXPECT_THAT(ParseCatFileHeader(std::string(kOid) + " missing", kOid),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr(kOid)));
  for (const char* end :
       {" blob", " blob x", " blob -1", " blob 99999999999999999999", " blob 1 2"}) {
    EXPECT_THAT(ParseCatFileHeader(std::string(kOid) + end, kOid),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cat-file")))
        << end;
  }
}

TEST(ObjectIdTest, FullOrAbbreviated) {
  EXPECT_TRUE(IsObjectId(kOid, true));
  EXPECT_TRUE(IsObjectId("ABCD", false));
  EXPECT_FALSE(IsObjectId("abcd", true));
  EXPECT_FALSE(IsObjectId("abc", false));
  EXPECT_FALSE(IsObjectId("main", false));
  EXPECT_FALSE(IsObjectId(std::string(kOid) + "0", false));
}

TEST(SubdirectoryTest, SpellingsOfOneFolder) {
  for (const char* text : {"app/web", "./app/web", "app//web/", "/app/web", "app/./web"}) {
    ASSERT_OK_AND_ASSIGN(const std::string clean, CleanSubdirectory(text));
    EXPECT_EQ(clean, "app/web") << text;
  }
  for (const char* text : {"", ".", "./", "/"}) {
    ASSERT_OK_AND_ASSIGN(const std::string clean, CleanSubdirectory(text));
    EXPECT_EQ(clean, "") << text;
  }
  EXPECT_THAT(CleanSubdirectory("app/../.."),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("git.path")));
}

}  // namespace
}  // namespace stevedore::context
