#include "credentials/envelope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "base/secret.h"
#include "base/testing/status_matchers.h"

namespace stevedore::credentials {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr char kPlaintext[] = R"({"username":"u","password":"p"})";
constexpr char kKnownText[] =
    "000102030405060708090a0b83f6a1e94d0552e19d3e44f51ff82b7cac790d2eb6730797b5dd56bc31aa0c0b9c274a"
    "375fdd4af799cb5b7d35c467";

TEST(EnvelopeTest, GostevedoreKnownAnswer) {
  EXPECT_EQ(SealGostevedore(base::Secret("unit-test-key"), kPlaintext,
                            absl::HexStringToBytes("000102030405060708090a0b")),
            kKnownText);
  EXPECT_EQ(KindOf(kKnownText), EnvelopeKind::kGostevedore);
  for (const std::string text : {std::string(kKnownText), std::string(kKnownText) + "\n",
                                 absl::AsciiStrToUpper(kKnownText)}) {
    ASSERT_OK_AND_ASSIGN(const base::Secret opened,
                         Envelope(base::Secret("unit-test-key")).Open(text, "any"));
    EXPECT_EQ(opened.Reveal(), kPlaintext);
  }
}

TEST(EnvelopeTest, SealsEachKind) {
  const Envelope envelope(base::Secret("k"));
  for (const EnvelopeKind kind : {EnvelopeKind::kGostevedore, EnvelopeKind::kScrypt}) {
    ASSERT_OK_AND_ASSIGN(const std::string text, envelope.Seal(kind, "content", "name"));
    EXPECT_EQ(KindOf(text), kind);
    ASSERT_OK_AND_ASSIGN(const std::string again, envelope.Seal(kind, "content", "name"));
    EXPECT_NE(text, again);
    ASSERT_OK_AND_ASSIGN(const base::Secret opened, Envelope(base::Secret("k")).Open(text, "name"));
    EXPECT_EQ(opened.Reveal(), "content");
    EXPECT_THAT(Envelope(base::Secret("other")).Open(text, "name"),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("credentials.encryption_key")));
    std::string changed = text;
    changed.back() = changed.back() == '0' ? '1' : '0';
    EXPECT_THAT(envelope.Open(changed, "name"), StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(EnvelopeTest, AScryptTextBelongsToItsNameAndSharesASalt) {
  const Envelope envelope(base::Secret("k"));
  ASSERT_OK_AND_ASSIGN(const std::string text,
                       envelope.Seal(EnvelopeKind::kScrypt, "content", "name"));
  EXPECT_THAT(text, StartsWith("stevedore-credential:1:scrypt:15:8:1:"));
  EXPECT_THAT(envelope.Open(text, "other"), StatusIs(absl::StatusCode::kDataLoss));
  ASSERT_OK_AND_ASSIGN(const std::string same_salt,
                       envelope.Seal(EnvelopeKind::kScrypt, "content", "name", text));
  EXPECT_EQ(same_salt.substr(0, 69), text.substr(0, 69));
  EXPECT_NE(same_salt, text);
}

TEST(EnvelopeTest, RefusesWhatIsNoEnvelope) {
  const Envelope envelope(base::Secret("k"));
  EXPECT_THAT(envelope.Open("00", "n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cut off")));
  EXPECT_THAT(envelope.Open("{}", "n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not encrypted")));
  // A file does not choose how much memory is used.
  EXPECT_THAT(envelope.Open("stevedore-credential:1:scrypt:30:8:1:00:00", "n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another version")));
  EXPECT_THAT(envelope.Open("stevedore-credential:1:scrypt:15:8:1:00:00", "n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("damaged")));
  EXPECT_THAT(Envelope(base::Secret()).Open(kKnownText, "n"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("STEVEDORE_CREDENTIALS_ENCRYPTION_KEY")));
  EXPECT_THAT(Envelope(base::Secret()).Seal(EnvelopeKind::kScrypt, "x", "n"),
              StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace stevedore::credentials
