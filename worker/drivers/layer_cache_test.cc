#include "worker/drivers/layer_cache.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/media_type.h"

namespace stevedore::worker {
namespace {

CachedLayer Layer() {
  return {.diff_id = oci::Digest::Of("tar"),
          .descriptor = {
              .media_type = oci::kOciLayerGzip, .digest = oci::Digest::Of("blob"), .size = 4}};
}

TEST(LayerCacheTest, RemembersWhatWasPut) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory temporary,
                       base::TemporaryDirectory::Create());
  const LayerCache cache(absl::StrCat(temporary.path(), "/layers"));
  const std::string key = LayerCache::Key("input", "gzip/1", 0);
  EXPECT_FALSE(cache.Get(key).has_value());
  cache.Put(key, Layer());
  const LayerCache other_process(absl::StrCat(temporary.path(), "/layers"));
  ASSERT_TRUE(other_process.Get(key).has_value());
  EXPECT_EQ(other_process.Get(key)->diff_id, Layer().diff_id);
  EXPECT_EQ(other_process.Get(key)->descriptor, Layer().descriptor);
}

TEST(LayerCacheTest, ADamagedEntryIsAsGoodAsNone) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory temporary,
                       base::TemporaryDirectory::Create());
  const LayerCache cache(temporary.path());
  for (const char* text : {"", "{}", "[", "{\"diff_id\":1,\"descriptor\":{}}", "3"}) {
    ASSERT_OK(base::WriteFileAtomically(absl::StrCat(temporary.path(), "/k.json"), text));
    EXPECT_FALSE(cache.Get("k").has_value()) << text;
  }
}

TEST(LayerCacheTest, KeysDependOnInputCodecAndTime) {
  const std::string key = LayerCache::Key("input", "gzip/1", 0);
  EXPECT_EQ(key, LayerCache::Key("input", "gzip/1", 0));
  EXPECT_NE(key, LayerCache::Key("inpuT", "gzip/1", 0));
  EXPECT_NE(key, LayerCache::Key("input", "gzip/2", 0));
  EXPECT_NE(key, LayerCache::Key("input", "gzip/1", 1));
}

TEST(LayerCacheTest, WithoutADirectoryNothingIsFound) {
  const LayerCache cache("");
  cache.Put("k", Layer());
  EXPECT_FALSE(cache.Get("k").has_value());
}

}  // namespace
}  // namespace stevedore::worker
