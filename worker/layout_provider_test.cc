#include "worker/layout_provider.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/reference.h"
#include "oci/layout/layout.h"
#include "transfer/image_sink.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {
namespace {

TEST(LayoutProviderTest, ABlobThatIsAnywhereIsEverywhere) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  ASSERT_OK_AND_ASSIGN(const oci::Layout layout,
                       oci::Layout::OpenOrCreate(directory.path() + "/images"));
  LayoutProvider provider(&layout);
  ASSERT_OK_AND_ASSIGN(const auto a, oci::Reference::Parse("localhost:5000/a:1"));
  ASSERT_OK_AND_ASSIGN(const auto b, oci::Reference::Parse("localhost:5000/b:1"));
  ASSERT_OK_AND_ASSIGN(const Repository first, provider.Open(a));
  ASSERT_OK_AND_ASSIGN(const Repository second, provider.Open(b));
  EXPECT_EQ(first.mount_domain, second.mount_domain);
  ASSERT_OK_AND_ASSIGN(const auto upload, first.sink->StartBlob());
  ASSERT_OK(upload->Write("hello"));
  ASSERT_OK_AND_ASSIGN(const auto blob, upload->Commit());
  EXPECT_THAT(second.sink->HasBlob(blob.digest), base::testing::IsOkAndHolds(true));
}

}  // namespace
}  // namespace stevedore::worker
