#include "credentials/aws_signature.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::credentials {
namespace {

// The keys and the time of AWS's published test suite and signing guide.
const AwsKeys& SuiteKeys() {
  static const auto& keys =
      *new AwsKeys{"AKIDEXAMPLE", base::Secret("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")};
  return keys;
}
constexpr int64_t kSuiteTime = 1440938160;  // 2015-08-30T12:36:00Z

// One published request and its signature.
struct Vector {
  const char* name;
  const char* method;
  const char* url;
  http::Headers headers;
  const char* body;
  const char* service;
  const char* signed_headers;
  const char* signature;
};

std::vector<Vector> Vectors() {
  const char* const plain = "host;x-amz-date";
  return {
      {"get-vanilla",
       "GET",
       "https://example.amazonaws.com/",
       {},
       "",
       "service",
       plain,
       "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
      {"post-vanilla",
       "POST",
       "https://example.amazonaws.com/",
       {},
       "",
       "service",
       plain,
       "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
      {"get-vanilla-query-order-key-case",
       "GET",
       "https://example.amazonaws.com/?Param2=value2&Param1=value1",
       {},
       "",
       "service",
       plain,
       "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
      {"get-vanilla-utf8-query",
       "GET",
       "https://example.amazonaws.com/?%E1%88%B4=bar",
       {},
       "",
       "service",
       plain,
       "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
      {"post-x-www-form-urlencoded",
       "POST",
       "https://example.amazonaws.com/",
       {{"Content-Type", "application/x-www-form-urlencoded"}},
       "Param1=value1",
       "service",
       "content-type;host;x-amz-date",
       "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
      {"iam list users",
       "GET",
       "https://iam.amazonaws.com/?Action=ListUsers&Version=2010-05-08",
       {{"Content-Type", "application/x-www-form-urlencoded; charset=utf-8"}},
       "",
       "iam",
       "content-type;host;x-amz-date",
       "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7"},
  };
}

TEST(AwsSignatureTest, AgreesWithThePublishedVectors) {
  for (const Vector& vector : Vectors()) {
    ASSERT_OK_AND_ASSIGN(const http::Url url, http::Url::Parse(vector.url));
    const http::Headers headers = SignAwsRequest({.method = vector.method,
                                                  .url = url,
                                                  .headers = vector.headers,
                                                  .body = vector.body,
                                                  .region = "us-east-1",
                                                  .service = vector.service,
                                                  .time = absl::FromUnixSeconds(kSuiteTime)},
                                                 SuiteKeys());
    EXPECT_EQ(headers.Find("X-Amz-Date"), "20150830T123600Z");
    EXPECT_EQ(headers.Find("Authorization"),
              absl::StrCat("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/",
                           vector.service, "/aws4_request, SignedHeaders=", vector.signed_headers,
                           ", Signature=", vector.signature))
        << vector.name;
  }
}

// What libcurl 7.88 gets wrong, by AWS's rules.
TEST(AwsSignatureTest, QueriesAreSortedEncodedOnceAndAlwaysHaveValues) {
  ASSERT_OK_AND_ASSIGN(const http::Url url,
                       http::Url::Parse("http://127.0.0.1:8080/a%20b?uploads&b=%2B&a=2&a=1"));
  const http::Headers headers = {{"My-Header", "  a   b "}, {"X-Amz-Date", "d"}};
  EXPECT_EQ(CanonicalAwsRequest({.method = "GET",
                                 .url = url,
                                 .headers = headers,
                                 .body = "",
                                 .region = "r",
                                 .service = "s",
                                 .time = absl::UnixEpoch()}),
            "GET\n/a%2520b\na=1&a=2&b=%2B&uploads=\nhost:127.0.0.1:8080\nmy-header:a b\n"
            "x-amz-date:d\n\nhost;my-header;x-amz-date\n"
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

TEST(AwsSignatureTest, TemporaryKeysSignTheirToken) {
  ASSERT_OK_AND_ASSIGN(const http::Url url, http::Url::Parse("https://example.amazonaws.com/"));
  AwsKeys keys = SuiteKeys();
  keys.session_token = base::Secret("token");
  const http::Headers headers = SignAwsRequest({.method = "GET",
                                                .url = url,
                                                .headers = http::Headers(),
                                                .body = "",
                                                .region = "us-east-1",
                                                .service = "service",
                                                .time = absl::FromUnixSeconds(kSuiteTime)},
                                               keys);
  EXPECT_EQ(headers.Find("X-Amz-Security-Token"), "token");
  EXPECT_THAT(*headers.Find("Authorization"),
              ::testing::HasSubstr("SignedHeaders=host;x-amz-date;x-amz-security-token,"));
}

}  // namespace
}  // namespace stevedore::credentials
