#include "oci/image/digest.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

std::string Repeat(char c, size_t count) { return std::string(count, c); }

struct Vector {
  std::string bytes, sha256;
};

TEST(DigestTest, NamesBytesAsEveryoneElseDoes) {
  const std::vector<Vector> vectors = {
      {"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"{}", "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
      {"hello", "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"},
      {"asdf", "f0e4c2f76c58916ec258f246851bea091d14d4247a2fc3e18694461b1816e13b"},
      {"..........", "537f3fb69ba01fc388a3a5c920c485b2873d5f327305c3dd2004d6a04451659b"},
      {Repeat('a', 10000), "27dd1f61b867b6a0f6e9d8a41c43231de52107e53ae424de8f847b821db4b711"},
      {Repeat('a', 100), "2816597888e4a0d3a36b82b83316ab32680eb8f00f8cd3b904d681246d285a0e"},
      {Repeat('b', 100), "d6cbb053abf2933889a0ccbf6ac244623a63a2e3397e991dde09266bdaa932d1"},
      {Repeat('c', 100), "bdcdc9e9204fe2099666b438af288629b1fa7f89797341bf7d435ce4ca2b706b"},
      {"{\"schemaVersion\":2}", "bafebd36189ad3688b7b3915ea55d461e0bfcfbdde11e54b0a123999fb6be50f"},
      {"{\"imageLayoutVersion\":\"1.0.0\"}",
       "18f0797eab35a4597c1e9624aa4f15fd91f6254e5538c1e0d193b2a95dd4acc6"}};
  for (const Vector& vector : vectors) {
    const Digest digest = Digest::Of(vector.bytes);
    EXPECT_EQ(digest.ToString(), absl::StrCat("sha256:", vector.sha256));
    EXPECT_EQ(digest.hex(), vector.sha256);
    EXPECT_OK(digest.Verify(vector.bytes));
  }
  EXPECT_EQ(Digest::Of("{}", base::HashAlgorithm::kSha512).hex(),
            "27c74670adb75075fad058d5ceaf7b20c4e7786c83bae8a32f626f9782af34c9"
            "a33c2046ef60fd2a7878d378e29fec851806bbd9a67878f3a9f1cda4830763fd");
  EXPECT_EQ(Digest::Of("", base::HashAlgorithm::kSha512).hex(),
            "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
            "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
}

TEST(DigestTest, ParsesOnlyTheOneSpelling) {
  const std::string good =
      "sha256:e58fcf7418d4390dec8e8fb69d88c06ec07039d651fedd3aa72af9972e7d046b";
  ASSERT_OK_AND_ASSIGN(const Digest digest, Digest::Parse(good));
  EXPECT_EQ(digest.ToString(), good);
  EXPECT_EQ(digest.algorithm(), "sha256");
  EXPECT_EQ(digest.Short(), "sha256:e58fcf7418d4…");
  EXPECT_EQ(digest.Path(),
            "sha256/e58fcf7418d4390dec8e8fb69d88c06ec07039d651fedd3aa72af9972e7d046b");
  EXPECT_OK(Digest::Parse(absl::StrCat("sha512:", Repeat('0', 128))));

  const std::vector<std::string> bad = {
      "",
      "   ",
      ":",
      "sha256:",
      absl::StrCat("sha256:", Repeat(' ', 64)),
      good.substr(7),
      "sha256:d41d8cd98f00b204e9800m98ecf8427e",
      "sha256:abcdef0123456789",
      "sha256:deadbeef",
      absl::StrCat("sha512:", Repeat('0', 64)),
      "sha256:E58FCF7418D4390DEC8E8FB69D88C06EC07039D651FEDD3AA72AF9972E7D046B",
      absl::StrCat("SHA256:", good.substr(7)),
      absl::StrCat("sha256:o", good.substr(8)),
      "sha256:abc:def",
      absl::StrCat(good, ":"),
      absl::StrCat("sha256::", good.substr(7)),
      absl::StrCat("md5:", good),
      absl::StrCat(good, "\n"),
      absl::StrCat("sha256:../../../../etc/passwd", Repeat('0', 43))};
  for (const std::string& text : bad) {
    EXPECT_THAT(Digest::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_THAT(Digest::Parse("foo:d41d8cd98f00b204e9800998ecf8427e"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("sha256 or sha512")));
}

TEST(DigestTest, ListsWhatHasTheShapeOfADigest) {
  for (const char* good :
       {"sha384.foo+bar:abc", "sha256+b64:LCa0a2j_xo_5m0U8HTBBNBNCLXBkg7-g-YpeiGJm564",
        "multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8"}) {
    EXPECT_TRUE(HasDigestShape(good)) << good;
    EXPECT_FALSE(Digest::Parse(good).ok()) << good;
  }
  for (const char* bad :
       {"sha384__foo+bar:abc", "sha256+foo+-b:abc", "", ":", "a:", ":a", "a:b/c", "-a:b", "a-:b"}) {
    EXPECT_FALSE(HasDigestShape(bad)) << bad;
  }
}

TEST(DigestTest, SaysWhatItFoundInsteadOfTheContent) {
  EXPECT_THAT(Digest::Of("a").Verify("b"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(Digest::Of("b").ToString())));
  EXPECT_THAT(Digest().Verify(""), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_TRUE(Digest().empty());
  EXPECT_EQ(Digest().hex(), "");
  EXPECT_EQ(Digest().algorithm(), "");
}

}  // namespace
}  // namespace stevedore::oci
