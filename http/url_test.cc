#include "http/url.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::http {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(UrlTest, TakesApart) {
  ASSERT_OK_AND_ASSIGN(const Url url, Url::Parse("HTTPS://Reg.Example:8443/v2/a?x=1#frag"));
  EXPECT_EQ(url.scheme, "https");
  EXPECT_EQ(url.host, "reg.example");
  EXPECT_EQ(url.port, 8443);
  EXPECT_EQ(url.target, "/v2/a?x=1");
  EXPECT_EQ(url.WithoutQuery(), "https://reg.example:8443/v2/a");
  ASSERT_OK_AND_ASSIGN(const Url v6, Url::Parse("http://[::1]:5000"));
  EXPECT_EQ(v6.host, "[::1]");
  EXPECT_EQ(v6.ToString(), "http://[::1]:5000/");
  ASSERT_OK_AND_ASSIGN(const Url standard, Url::Parse("https://a:443/"));
  EXPECT_EQ(standard.Origin(), "https://a");
}

TEST(UrlTest, RefusesWhatItCannotSpeakTo) {
  for (const std::string text : {"ftp://a/", "a/b", "https://", "http://u:p@h/", "http://h:0/",
                                 "http://h:99999/", "http://h:x/", "http://a b/", "http://[::1/"}) {
    EXPECT_THAT(Url::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("URL")))
        << text;
  }
}

struct ResolveCase {
  std::string reference, want;
};

TEST(UrlTest, ResolvesReferences) {
  ASSERT_OK_AND_ASSIGN(const Url base, Url::Parse("http://h:5000/v2/a/blobs/uploads/?q=1"));
  for (const ResolveCase& test : std::vector<ResolveCase>{
           {"/v2/b?s=1", "http://h:5000/v2/b?s=1"},
           {"https://other/x", "https://other/x"},
           {"//other/x", "http://other/x"},
           {"uuid?_state=a/b", "http://h:5000/v2/a/blobs/uploads/uuid?_state=a/b"},
           {"?n=2", "http://h:5000/v2/a/blobs/uploads/?n=2"},
           {"../x", "http://h:5000/v2/a/blobs/x"},
           {"/a/./b/../../../c", "http://h:5000/c"},
           {"", "http://h:5000/v2/a/blobs/uploads/?q=1"}}) {
    ASSERT_OK_AND_ASSIGN(const Url got, base.Resolve(test.reference));
    EXPECT_EQ(got.ToString(), test.want) << test.reference;
  }
}

TEST(UrlTest, AddsQueriesEncoded) {
  EXPECT_EQ(AddQuery("http://h/p", "digest", "sha256:ab"), "http://h/p?digest=sha256%3Aab");
  EXPECT_EQ(AddQuery("http://h/p?s=1", "scope", "a b,c"), "http://h/p?s=1&scope=a%20b%2Cc");
  EXPECT_EQ(AddQuery("http://h/p?", "a", "~"), "http://h/p?a=~");
}

}  // namespace
}  // namespace stevedore::http
