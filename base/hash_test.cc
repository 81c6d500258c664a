#include "base/hash.h"

#include <gtest/gtest.h>

#include "absl/strings/escaping.h"

namespace stevedore::base {
namespace {

TEST(HashTest, Sha256KnownAnswers) {
  EXPECT_EQ(Sha256Hex(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256Hex("hello"), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
  EXPECT_EQ(Sha256Hex(std::string(10'000, 'a')),
            "27dd1f61b867b6a0f6e9d8a41c43231de52107e53ae424de8f847b821db4b711");
}

TEST(HashTest, Sha512KnownAnswer) {
  Hasher hasher(HashAlgorithm::kSha512);
  hasher.Update("{}");
  EXPECT_EQ(absl::BytesToHexString(hasher.Finish()),
            "27c74670adb75075fad058d5ceaf7b20c4e7786c83bae8a32f626f9782af34c9"
            "a33c2046ef60fd2a7878d378e29fec851806bbd9a67878f3a9f1cda4830763fd");
}

TEST(HashTest, PiecesHashLikeTheWholeAndFinishStartsAnew) {
  Hasher hasher;
  for (int round = 0; round < 2; ++round) {
    hasher.Update("he");
    hasher.Update("");
    hasher.Update("llo");
    EXPECT_EQ(hasher.Finish(), Sha256("hello"));
  }
}

TEST(HashTest, HmacSha1KnownAnswer) {
  // RFC 2202, test case 2.
  EXPECT_EQ(absl::BytesToHexString(HmacSha1("Jefe", "what do ya want for nothing?")),
            "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
}

TEST(HashTest, RandomHexHasItsLengthAndDoesNotRepeat) {
  EXPECT_EQ(RandomHex(16).size(), 32u);
  EXPECT_NE(RandomHex(16), RandomHex(16));
}

}  // namespace
}  // namespace stevedore::base
