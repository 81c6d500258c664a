#include "context/ignore_rules.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

struct Case {
  const char* file;
  const char* path;
  bool ignored;
};

constexpr Case kCases[] = {
    // Plain names are of the root only, and of everything below them.
    {"a", "a", true},
    {"a", "b", false},
    {"a", "ab", false},
    {"a", "b/a", false},
    {"a", "a/b/c", true},
    {"a/b", "a/b", true},
    {"a/b", "a", false},
    {"a/b", "a/bc", false},
    {"a/b", "x/a/b", false},
    // What does not count: slashes, dots, white space, a byte order mark, \r.
    {"/a", "a", true},
    {"//a", "a", true},
    {"a/", "a", true},
    {"a/", "a/b", true},
    {"./a", "a", true},
    {"a/./b", "a/b", true},
    {"a/../b", "b", true},
    {"a/../b", "a", false},
    {"../a", "a", false},
    {"/../a", "a", true},
    {"  a\t", "a", true},
    {"a\r\nb\r\n", "a", true},
    {"a\r\nb\r\n", "b", true},
    {"\xEF\xBB\xBF"
     "a",
     "a", true},
    {"\n\n \na", "a", true},
    {"a b", "a b", true},
    {".", "a", false},
    {"/", "a", false},
    // Comments begin at the very first letter.
    {"#a", "#a", false},
    {" #a", "#a", true},
    {"a#b", "a#b", true},
    {"\\#a", "#a", true},
    // One name's wildcards.
    {"*", "a", true},
    {"*", "a/b", true},
    {"*", ".hidden", true},
    {"*.md", "a.md", true},
    {"*.md", "amd", false},
    {"*.md", "x/a.md", false},
    {"*/*.md", "x/a.md", true},
    {"*/*.md", "x/y/a.md", false},
    {"a*", "abc/d", true},
    {"?", "a", true},
    {"?", "ab", false},
    {"?", "\xC3\xA4", true},
    {"a?c", "a/c", false},
    {"[a-c]x", "bx", true},
    {"[a-c]x", "dx", false},
    {"[^a-c]x", "dx", true},
    {"[^a-c]x", "ax", false},
    {"a[.]b", "a.b", true},
    {"a\\*b", "a*b", true},
    {"a\\*b", "axb", false},
    {"a.b", "axb", false},
    {"a+b", "a+b", true},
    {"a+b", "aab", false},
    {"(a|b)*", "(a|b)c", true},
    {"(a|b)*", "a", false},
    {"{a}$?", "{a}$b", true},
    // Any number of folders.
    {"**", "a", true},
    {"**", "a/b/c", true},
    {"**/a", "a", true},
    {"**/a", "x/y/a", true},
    {"**/a", "x/y/a/z", true},
    {"**/a", "xa", false},
    {"**/*.go", "a.go", true},
    {"**/*.go", "x/y/a.go", true},
    {"**/*.go", "x/y/a.goo", false},
    {"a/**", "a", false},
    {"a/**", "a/b", true},
    {"a/**", "a/b/c", true},
    {"a/**", "ab", false},
    {"a/**/b", "a/b", true},
    {"a/**/b", "a/x/y/b", true},
    {"a/**/b", "a/x/y/bb", false},
    {"a/**/*", "a/x", true},
    {"**/a/**", "x/a/b", true},
    {"**/a/**", "x/a", false},
    {"**/a/**/b", "a/b", true},
    {"a**/b", "axx/yy/b", true},
    {"a**/b", "axx/yy/c", false},
    {"**/", "a/b", true},
    // The last line that matches wins.
    {"a\n!a", "a", false},
    {"!a\na", "a", true},
    {"*\n!a", "a", false},
    {"*\n!a", "b", true},
    {"*\n!a", "a/b", false},
    {"*.md\n!README*.md\nREADME-secret.md", "README.md", false},
    {"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
    {"a\n!a/b", "a/b", false},
    {"a\n!a/b", "a/c", true},
    {"a\n!a/b", "a", true},
    {"a\n!a/b\na/b/c", "a/b/c", true},
    {"a\n!a/b\na/b/c", "a/b/d", false},
    {"**/x\n!**/keep/x", "a/keep/x", false},
    {"**/x\n!**/keep/x", "a/b/x", true},
    {"! a\nb", "a", false},
    {"a\n!  a", "a", false},
    {"a\n!/a", "a", false},
    {"a\n!./a/", "a", false},
    {"!\\!a\n", "!a", false},
    {"\\!a", "!a", true},
    {"*\n!.", "a", true},
};

TEST(IgnoreRulesTest, MatchesAsDockerDoes) {
  static_assert(std::size(kCases) >= 60);
  for (const Case& one : kCases) {
    const absl::StatusOr<IgnoreRules> rules = IgnoreRules::Parse(one.file, ".dockerignore");
    ASSERT_OK(rules) << one.file;
    EXPECT_EQ(rules->Ignores(one.path), one.ignored) << one.file << " on " << one.path;
  }
}

TEST(IgnoreRulesTest, WhatDockerRefusesIsRefusedWithItsPlace) {
  for (const char* pattern : {"[", "[]a]", "[a", "[a-", "[a-]", "[-a]", "[^", "[^]a]", "a\\", "[\\",
                              "[z-a]", "!", "x[]"}) {
    EXPECT_THAT(IgnoreRules::Parse(absl::StrCat("# first\n\nok\n", pattern), "web/.dockerignore"),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr("web/.dockerignore:4: the pattern ")))
        << pattern;
  }
  EXPECT_THAT(IgnoreRules::Parse(std::string(2 << 20, 'a'), "x"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("at most")));
  std::string many;
  for (int i = 0; i <= 10000; ++i) absl::StrAppend(&many, "f", i, "\n");
  EXPECT_THAT(IgnoreRules::Parse(many, "x"),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("10000 patterns")));
}

TEST(IgnoreRulesTest, FoldersAreEnteredOnlyForWhatNamesThem) {
  ASSERT_OK_AND_ASSIGN(IgnoreRules rules,
                       IgnoreRules::Parse("*\n!a/b/c\n!**/keep\n!x*/y", ".dockerignore"));
  EXPECT_TRUE(rules.MayKeepBelow("a"));
  EXPECT_TRUE(rules.MayKeepBelow("a/b"));
  EXPECT_TRUE(rules.MayKeepBelow("a/b/c"));
  EXPECT_FALSE(rules.MayKeepBelow("a/b/c/d"));
  EXPECT_FALSE(rules.MayKeepBelow("a/bc"));
  EXPECT_FALSE(rules.MayKeepBelow("node_modules"));
  EXPECT_FALSE(rules.MayKeepBelow("x1"));
  rules.AlwaysKeep("docker/Dockerfile");
  EXPECT_TRUE(rules.MayKeepBelow("docker"));
  EXPECT_TRUE(rules.Ignores("docker"));
  EXPECT_FALSE(rules.Ignores("docker/Dockerfile"));
}

TEST(IgnoreRulesTest, IdentityIsOfTheMeaning) {
  const auto identity = [](absl::string_view text) {
    return IgnoreRules::Parse(text, "x")->Identity();
  };
  EXPECT_EQ(identity(""), "");
  EXPECT_EQ(identity("# nothing\n"), "");
  EXPECT_EQ(identity("a\n# b\n./c/\n"), identity("/a\nc"));
  EXPECT_NE(identity("a"), identity("!a"));
  EXPECT_NE(identity("a\nb"), identity("b\na"));
}

}  // namespace
}  // namespace stevedore::context
