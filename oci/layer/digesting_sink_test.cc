#include "oci/layer/digesting_sink.h"

#include <gtest/gtest.h>

#include <string>

#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

TEST(DigestingSinkTest, DigestsWhatPasses) {
  std::string out;
  base::StringSink below(&out);
  DigestingSink sink(&below);
  ASSERT_OK(sink.Write("hel"));
  ASSERT_OK(sink.Write("lo"));
  EXPECT_TRUE(sink.digest().empty());
  ASSERT_OK(sink.Close());
  EXPECT_EQ(out, "hello");
  EXPECT_EQ(sink.digest(), Digest::Of("hello"));
  EXPECT_EQ(sink.size(), 5u);
}

TEST(DigestingSinkTest, WithoutASinkBelowOnlyDigests) {
  DigestingSink sink(nullptr, base::HashAlgorithm::kSha512);
  ASSERT_OK(sink.Write("hello"));
  ASSERT_OK(sink.Close());
  EXPECT_EQ(sink.digest(), Digest::Of("hello", base::HashAlgorithm::kSha512));
}

}  // namespace
}  // namespace stevedore::oci
