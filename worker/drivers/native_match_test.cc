#include "worker/drivers/native_match.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::worker::native {
namespace {

struct Vector {
  const char* pattern;
  const char* name;
  bool want;
};

TEST(NativeMatchTest, AsGoDoesIt) {
  // Of path/filepath's own table, and a few of ours.
  const std::vector<Vector> vectors = {
      {"abc", "abc", true},
      {"*", "abc", true},
      {"*c", "abc", true},
      {"a*", "a", true},
      {"a*", "abc", true},
      {"a*", "ab/c", false},
      {"a*/b", "abc/b", true},
      {"a*/b", "a/c/b", false},
      {"a*b*c*d*e*/f", "axbxcxdxe/f", true},
      {"a*b*c*d*e*/f", "axbxcxdxexxx/f", true},
      {"a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false},
      {"a*b?c*x", "abxbbxdbxebxczzx", true},
      {"a*b?c*x", "abxbbxdbxebxczzy", false},
      {"ab[c]", "abc", true},
      {"ab[b-d]", "abc", true},
      {"ab[e-g]", "abc", false},
      {"ab[^c]", "abc", false},
      {"ab[^b-d]", "abc", false},
      {"ab[^e-g]", "abc", true},
      {"a\\*b", "a*b", true},
      {"a\\*b", "ab", false},
      {"a?b",
       "a\xE2\x98\xBA"
       "b",
       true},
      {"a[^a]b",
       "a\xE2\x98\xBA"
       "b",
       true},
      {"a???b",
       "a\xE2\x98\xBA"
       "b",
       false},
      {"[a-\xCE\xB6]*", "\xCE\xB1", true},
      {"*[a-\xCE\xB6]", "A", false},
      {"a?b", "a/b", false},
      {"a*b", "a/b", false},
      {"[\\]a]", "]", true},
      {"[\\-]", "-", true},
      {"[x\\-]", "x", true},
      {"[x\\-]", "z", false},
      {"[]a]", "]", false},
      {"[-]", "-", false},
      {"[x-]", "x", false},
      {"[a-b-c]", "a", false},
      {"[", "a", false},
      {"[^", "a", false},
      {"a[", "a", false},
      {"*x", "xxx", true},
      {"", "", true},
      {"", "x", false},
      {"*", "", true},
      {"?", "", false},
      {"*.txt", ".txt", true},
  };
  for (const Vector& v : vectors) {
    EXPECT_EQ(MatchName(v.pattern, v.name), v.want) << v.pattern << " " << v.name;
  }
}

TEST(NativeMatchTest, DamageIsFound) {
  for (const char* pattern : {"[", "[^", "[^bc", "a[", "[]a]", "[-]", "[x-]", "[a-b-c]", "a\\"}) {
    EXPECT_FALSE(CheckPattern(pattern).ok()) << pattern;
  }
  for (const char* pattern : {"", "*", "a[b-c]*?", "\\[", "[\\]]"}) {
    EXPECT_OK(CheckPattern(pattern)) << pattern;
  }
}

TEST(NativeMatchTest, Excludes) {
  const auto out = [](std::vector<std::string> patterns, absl::string_view path) {
    return IsExcluded(patterns, path);
  };
  EXPECT_TRUE(out({"*.h"}, "a.h"));
  EXPECT_FALSE(out({"*.h"}, "d/a.h"));
  EXPECT_TRUE(out({"**/*.h"}, "a.h"));
  EXPECT_TRUE(out({"**/*.h"}, "d/e/a.h"));
  EXPECT_TRUE(out({"d"}, "d/e/a.h"));
  EXPECT_TRUE(out({"/d/"}, "d/e"));
  EXPECT_TRUE(out({"d/**"}, "d/e/f"));
  EXPECT_FALSE(out({"d", "!d/keep"}, "d/keep"));
  EXPECT_TRUE(out({"d", "!d/keep", "d/keep"}, "d/keep"));
  EXPECT_FALSE(out({}, "a"));
}

TEST(NativeMatchTest, Wildcards) {
  for (const char* text : {"*", "a?", "[a]"}) EXPECT_TRUE(HasWildcard(text)) << text;
  for (const char* text : {"", "a", "\\*", "a]"}) EXPECT_FALSE(HasWildcard(text)) << text;
}

}  // namespace
}  // namespace stevedore::worker::native
