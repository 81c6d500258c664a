#include "credentials/sealing.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::credentials {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// X25519's own example, RFC 7748 section 6.1: Bob's pair.
constexpr char kPrivate[] =
    "stevedore-sealing-private:1:x25519:"
    "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb";
constexpr char kPublic[] =
    "stevedore-sealing-public:1:x25519:"
    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";

SealingPrivateKey BobsKey() {
  auto key = SealingPrivateKey::Parse(base::Secret(kPrivate));
  EXPECT_OK(key);
  return *std::move(key);
}

TEST(SealingTest, KeysAreReadAndWritten) {
  const SealingPrivateKey key = BobsKey();
  EXPECT_EQ(key.public_key().ToString(), kPublic);
  EXPECT_EQ(key.ToString().Reveal(), kPrivate);
  ASSERT_OK_AND_ASSIGN(const SealingPublicKey again,
                       SealingPublicKey::Parse(absl::StrCat("  ", kPublic, "\n")));
  EXPECT_EQ(again.ToString(), kPublic);
  EXPECT_EQ(again.id(), key.public_key().id());
  EXPECT_EQ(again.id().size(), 16u);
  ASSERT_OK_AND_ASSIGN(const SealingPrivateKey one, SealingPrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(const SealingPrivateKey two, SealingPrivateKey::Generate());
  EXPECT_NE(one.public_key().id(), two.public_key().id());
}

TEST(SealingTest, OnlyTheRightKeyAndContextOpen) {
  const SealingPrivateKey key = BobsKey();
  const base::Secret secret("{\"password\":\"wonderland\"}");
  ASSERT_OK_AND_ASSIGN(const std::string text, key.public_key().Seal(secret, "request 1"));
  EXPECT_THAT(text,
              AllOf(StartsWith(absl::StrCat("stevedore-sealed:1:", key.public_key().id(), ":")),
                    Not(HasSubstr("wonderland"))));
  ASSERT_OK_AND_ASSIGN(const std::string other_text, key.public_key().Seal(secret, "request 1"));
  EXPECT_NE(text, other_text);  // A key of its own each time.

  ASSERT_OK_AND_ASSIGN(const SealingPrivateKey old_key, SealingPrivateKey::Generate());
  const SealingKeyring both({old_key, key});
  ASSERT_OK_AND_ASSIGN(const base::Secret opened, both.Open(text, "request 1"));
  EXPECT_TRUE(opened == secret);
  EXPECT_THAT(both.Open(text, "request 2"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(both.ids(), ElementsAre(old_key.public_key().id(), key.public_key().id()));

  EXPECT_THAT(SealingKeyring({old_key}).Open(text, "request 1"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(key.public_key().id()), HasSubstr(old_key.public_key().id()),
                             HasSubstr("--sealing-key"))));
  EXPECT_THAT(SealingKeyring().Open(text, "request 1"),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("there is none")));
}

TEST(SealingTest, EveryChangedByteIsNoticed) {
  const SealingPrivateKey key = BobsKey();
  ASSERT_OK_AND_ASSIGN(const std::string text, key.public_key().Seal(base::Secret("s"), "r"));
  const SealingKeyring keyring({key});
  for (size_t i = 0; i < text.size(); ++i) {
    std::string changed = text;
    changed[i] = changed[i] == '0' ? '1' : '0';
    EXPECT_FALSE(keyring.Open(changed, "r").ok()) << i;
    EXPECT_FALSE(keyring.Open(text.substr(0, i), "r").ok()) << i;
  }
  EXPECT_FALSE(keyring.Open(text + "00", "r").ok());
}

// A text that another program made by the format's description: it must open for ever.
TEST(SealingTest, FormatStays) {
  constexpr char kText[] =
      "stevedore-sealed:1:f35e5616160a30bf:211c7289ffd3286f8442eaa90f0a46f90cfac5faffc7"
      "91837e2b5247613fa26a58c8712b8fd8c5777b9c5473541a15062d56fe6dd238c38a2d1bc9110b";
  ASSERT_OK_AND_ASSIGN(const base::Secret opened,
                       SealingKeyring({BobsKey()}).Open(kText, "request 7f3a"));
  EXPECT_EQ(opened.Reveal(), "known content");
}

TEST(SealingTest, WrongTextsSayWhatTheyAre) {
  const SealingKeyring keyring({BobsKey()});
  EXPECT_THAT(keyring.Open("", ""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(keyring.Open("stevedore-sealed:2:abc", ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("another version")));
  EXPECT_THAT(keyring.Open(std::string(kSealedTextLimitBytes + 1, 'a'), ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("256 KiB")));
  EXPECT_THAT(BobsKey().public_key().Seal(base::Secret(std::string(200 << 10, 'a')), ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("100 KiB")));
  // A public key of low order would make the shared secret known to everybody.
  ASSERT_OK_AND_ASSIGN(const SealingPublicKey weak,
                       SealingPublicKey::Parse(absl::StrCat("stevedore-sealing-public:1:x25519:",
                                                            std::string(64, '0'))));
  EXPECT_THAT(weak.Seal(base::Secret("s"), "r"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(SealingTest, WrongKeysSayWhatTheyAre) {
  EXPECT_THAT(SealingPublicKey::Parse(kPrivate),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("private half"), Not(HasSubstr("5dab087e")))));
  EXPECT_THAT(SealingPublicKey::Parse("ssh-ed25519 AAAA"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("create sealing-key")));
  EXPECT_THAT(SealingPrivateKey::Parse(base::Secret(kPublic)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("public half")));
  const std::string cut(kPrivate, sizeof(kPrivate) - 3);
  EXPECT_THAT(SealingPrivateKey::Parse(base::Secret(cut)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("no private sealing key"), Not(HasSubstr("5dab087e")))));
}

TEST(SealingTest, KeyringReadsFiles) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const std::string file = directory.path() + "/key";
  ASSERT_OK(base::WriteFileAtomically(file, absl::StrCat(kPrivate, "\n"), 0600));
  ASSERT_OK_AND_ASSIGN(const SealingKeyring keyring, SealingKeyring::Load({file}));
  EXPECT_THAT(keyring.ids(), ElementsAre(BobsKey().public_key().id()));
  EXPECT_FALSE(keyring.empty());
  EXPECT_THAT(SealingKeyring::Load({file, directory.path() + "/none"}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/none")));
  ASSERT_OK(base::WriteFileAtomically(file, kPublic, 0600));
  EXPECT_THAT(SealingKeyring::Load({file}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(file)));
}

}  // namespace
}  // namespace stevedore::credentials
