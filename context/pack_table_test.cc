#include "context/pack_table.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::context {
namespace {

oci::Descriptor BlobOf(const std::string& text) {
  oci::Descriptor blob;
  blob.digest = oci::Digest::Of(text);
  blob.size = text.size();
  return blob;
}

TEST(PackTableTest, SurvivesSaving) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const std::string path = directory.path() + "/cache/packs";
  {
    PackTable table = PackTable::Load(path);
    EXPECT_EQ(table.Find(oci::Digest::Of("key")), std::nullopt);
    table.Store(oci::Digest::Of("key"), BlobOf("blob"));
    table.Store(oci::Digest::Of("other"), BlobOf("blobs"));
    table.Store(oci::Digest::Of("key"), BlobOf("better"));
    ASSERT_OK(table.Save(path));
  }
  PackTable table = PackTable::Load(path);
  EXPECT_EQ(table.size(), 2);
  const std::optional<oci::Descriptor> found = table.Find(oci::Digest::Of("key"));
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->digest, oci::Digest::Of("better"));
  EXPECT_EQ(found->size, 6);
}

TEST(PackTableTest, DamageIsAnEmptyTable) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const std::string path = directory.path() + "/packs";
  PackTable table;
  table.Store(oci::Digest::Of("key"), BlobOf("blob"));
  ASSERT_OK(table.Save(path));
  ASSERT_OK_AND_ASSIGN(const std::string good, base::ReadFile(path));
  for (size_t i = 0; i < good.size(); i += 5) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    ASSERT_OK(base::WriteFileAtomically(path, bad));
    EXPECT_EQ(PackTable::Load(path).size(), 0) << i;
  }
}

}  // namespace
}  // namespace stevedore::context
