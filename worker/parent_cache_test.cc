#include "worker/parent_cache.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/image_editor.h"
#include "oci/image/reference.h"
#include "oci/layout/layout.h"
#include "worker/layout_provider.h"
#include "worker/repository_provider.h"
#include "worker/testing/images.h"

namespace stevedore::worker {
namespace {

using ::stevedore::base::testing::StatusIs;

TEST(ParentCacheTest, ReadsOnceAndTellsWhatIsMissing) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  ASSERT_OK_AND_ASSIGN(const oci::Layout layout,
                       oci::Layout::OpenOrCreate(directory.path() + "/images"));
  LayoutProvider provider(&layout);
  ASSERT_OK_AND_ASSIGN(const auto reference, oci::Reference::Parse("localhost:5000/base:1"));
  ASSERT_OK_AND_ASSIGN(const Repository repository, provider.Open(reference));
  const oci::Image base = testing::ImageOf({"layer"});
  testing::Store(layout, base, {"layer"});

  ParentCache cache;
  ASSERT_OK_AND_ASSIGN(const oci::Image read, cache.Get(base.manifest.digest(), repository));
  EXPECT_EQ(read.manifest.bytes(), base.manifest.bytes());
  EXPECT_EQ(read.config.bytes(), base.config.bytes());
  ASSERT_OK(base::RemoveTree(layout.directory()));
  EXPECT_OK(cache.Get(base.manifest.digest(), repository)) << "from memory";
  EXPECT_THAT(cache.Get(oci::Digest::Of("other"), repository),
              StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace stevedore::worker
