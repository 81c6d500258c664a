#include "credentials/aws_answers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::credentials {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Token(const std::string& text, const std::string& expires) {
  return absl::StrCat(R"({"authorizationToken":")", absl::Base64Escape(text), R"(","expiresAt":)",
                      expires, "}");
}

TEST(EcrAnswerTest, TheFirstUsableTokenCounts) {
  ASSERT_OK_AND_ASSIGN(
      const EcrToken token,
      ParseEcrAnswer(absl::StrCat(R"({"authorizationData":[{"authorizationToken":"!"},)",
                                  Token("AWS:a:b", "1.767225600123E9"), "]}")));
  EXPECT_EQ(token.username, "AWS");
  EXPECT_EQ(token.password.Reveal(), "a:b");
  EXPECT_EQ(token.expires_at, absl::FromUnixSeconds(1767225600));
  ASSERT_OK_AND_ASSIGN(const EcrToken one, ParseEcrAnswer(absl::StrCat(
                                               R"({"authorizationData":)",
                                               Token("AWS:p", R"("2026-01-01T00:00:00Z")"), "}")));
  EXPECT_EQ(one.expires_at, absl::FromUnixSeconds(1767225600));
}

TEST(EcrAnswerTest, BadAnswersAreExplainedWithoutTheirContent) {
  struct Case {
    std::string text, want;
  };
  for (const Case& test :
       {Case{"<sesame/>", "not a JSON object"}, Case{R"({"sesame":1})", "no `authorizationData`"},
        Case{R"({"authorizationData":[]})", "no token"},
        Case{R"({"authorizationData":["sesame"]})", "no object"},
        Case{R"({"authorizationData":[{"authorizationToken":"sesame!"}]})", "not base64"},
        Case{absl::StrCat(R"({"authorizationData":[)", Token("sesame", "1"), "]}"), "without user"},
        Case{absl::StrCat(R"({"authorizationData":[)", Token("a:b", "true"), "]}"), "date"},
        Case{absl::StrCat(R"({"authorizationData":[)", Token("a:b", "1e300"), "]}"), "date"}}) {
    EXPECT_THAT(ParseEcrAnswer(test.text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr(test.want), Not(HasSubstr("sesame")))));
  }
}

TEST(StsAnswerTest, ReadsTheKeys) {
  ASSERT_OK_AND_ASSIGN(
      const AwsKeys keys,
      ParseStsAnswer("<AssumeRoleResponse><AssumeRoleResult><Credentials>\n"
                     "<AccessKeyId>ASIA</AccessKeyId><SecretAccessKey>s&amp;lt;</SecretAccessKey>"
                     "<SessionToken> t/+= </SessionToken>"
                     "<Expiration>2026-01-01T00:00:00Z</Expiration></Credentials>"));
  EXPECT_EQ(keys.access_key_id, "ASIA");
  EXPECT_EQ(keys.secret_access_key.Reveal(), "s&lt;");
  EXPECT_EQ(keys.session_token.Reveal(), "t/+=");
  EXPECT_EQ(keys.expires_at, absl::FromUnixSeconds(1767225600));
  EXPECT_THAT(ParseStsAnswer("<AccessKeyId>A"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseStsAnswer("<AccessKeyId>A</AccessKeyId><SecretAccessKey>s</SecretAccessKey>"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("session token")));
}

TEST(KeysAnswerTest, BothNamesOfTheTokenCount) {
  ASSERT_OK_AND_ASSIGN(AwsKeys keys,
                       ParseKeysAnswer(R"({"AccessKeyId":"A","SecretAccessKey":"s","Token":"t",)"
                                       R"("Expiration":"2026-01-01T00:00:00Z"})"));
  EXPECT_EQ(keys.session_token.Reveal(), "t");
  ASSERT_OK_AND_ASSIGN(keys, ParseKeysAnswer(R"({"Version":1,"AccessKeyId":"A",)"
                                             R"("SecretAccessKey":"s","SessionToken":"u"})"));
  EXPECT_EQ(keys.session_token.Reveal(), "u");
  EXPECT_EQ(keys.expires_at, absl::InfiniteFuture());
  EXPECT_THAT(ParseKeysAnswer(R"({"AccessKeyId":"A"})"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no access key")));
}

TEST(AwsErrorTest, IsFoundInEveryForm) {
  EXPECT_EQ(ParseAwsError(R"({"__type":"com.amazonaws#Denied","message":"m"})", "").code, "Denied");
  EXPECT_EQ(ParseAwsError(R"({"Message":"m"})", "Denied:http://x").code, "Denied");
  const AwsError xml = ParseAwsError(
      "<ErrorResponse><Error><Code>Denied</Code><Message>m &gt; n</Message></Error>", "");
  EXPECT_EQ(xml.code, "Denied");
  EXPECT_EQ(xml.message, "m > n");
  EXPECT_EQ(ParseAwsError("<html>busy</html>", "").code, "");
}

}  // namespace
}  // namespace stevedore::credentials
