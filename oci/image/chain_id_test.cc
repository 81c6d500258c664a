#include "oci/image/chain_id.h"

#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

TEST(ChainIdTest, KnownAnswers) {
  const Digest ab = NextChainId("sha256:a", "sha256:b");
  EXPECT_EQ(ab.hex(), "970a948bffa8de94d6e22d747ba8c95030e6e546909f98f54e99a13005e173a8");
  EXPECT_EQ(NextChainId(ab.ToString(), "sha256:c").hex(),
            "dee159b33409cefa3f6eda71539f006014283e9d9130c18a1dea7bd8a33c9b1b");
  const Digest t1 =
      *Digest::Parse("sha256:1b80537dc2bd16004b89f8c4ebd6ea9651081c5140c81926c4e30a80c3aff293");
  const Digest t3 =
      *Digest::Parse("sha256:aeacf9c4267892f99dd3a9f8093352bdff8ee4b8b3243cc2033d6665552cbf98");
  EXPECT_EQ(ChainId({t1, t3}).hex(),
            "ad1afdd860e11009c02a93b8b9be67d213833fc18984fa9fdf03e931b069fd4f");
  EXPECT_EQ(ChainId({t1}), t1);
  EXPECT_TRUE(ChainId({}).empty());
}

}  // namespace
}  // namespace stevedore::oci
