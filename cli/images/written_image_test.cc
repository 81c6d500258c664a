#include "cli/images/written_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

TEST(WrittenImageTest, NamesGoByDigest) {
  const oci::Digest digest = oci::Digest::Of("x");
  const struct {
    const char* place;
    const char* name;
  } cases[] = {
      {"localhost:5000/shop/web:1.0", "localhost:5000/shop/web@"},
      {"docker://localhost:5000/shop/web:1.0", "localhost:5000/shop/web@"},
      {"localhost:5000/shop/web", "localhost:5000/shop/web@"},
      {"oci:folder:tag", "oci:folder@"},
      {"oci-archive:file.tar", "oci-archive:file.tar@"},
  };
  for (const auto& wanted : cases) {
    ASSERT_OK_AND_ASSIGN(const transfer::Endpoint place, transfer::ParseEndpoint(wanted.place));
    EXPECT_EQ(WrittenImageName(place, digest), wanted.name + digest.ToString()) << wanted.place;
    EXPECT_OK(transfer::ParseEndpoint(WrittenImageName(place, digest)));
  }
}

}  // namespace
}  // namespace stevedore::cli
