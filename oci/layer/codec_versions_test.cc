#include "oci/layer/codec_versions.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stevedore::oci {
namespace {

TEST(CodecVersionsTest, AreNumbersWithDots) {
  for (const std::string& version : {IsalVersion(), LibdeflateVersion(), ZstdVersion()}) {
    EXPECT_THAT(version, ::testing::MatchesRegex("[0-9]+(\\.[0-9]+)+"));
  }
}

}  // namespace
}  // namespace stevedore::oci
