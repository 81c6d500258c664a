#include "context/pack_tree.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "context/local_tree.h"
#include "context/pack.h"
#include "context/pack_cache.h"
#include "context/tree.h"
#include "oci/image/descriptor.h"
#include "oci/image/digest.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

std::string Content(const Tree& tree, const TreeEntry& entry) {
  std::string content(entry.size, '\0');
  const auto reader = tree.OpenContent(entry.content_id);
  if (!reader.ok()) return reader.status().ToString();
  const absl::Status status = (*reader)->ReadAt(0, content.data(), content.size());
  return status.ok() ? content : status.ToString();
}

class PackTreeTest : public ::testing::Test {
 protected:
  // Cuts and writes all packs of `tree` into blobs_.
  void Upload(const Tree& tree) {
    for (const Pack& pack : CutPacks(tree.entries())) {
      std::string blob;
      base::StringSink sink(&blob);
      ASSERT_OK_AND_ASSIGN(const oci::Descriptor descriptor, WritePack(tree, pack, &sink));
      packs_.push_back(descriptor);
      blobs_[descriptor.digest.ToString()] = std::move(blob);
    }
  }
  absl::StatusOr<std::unique_ptr<PackTree>> Fetch(const oci::Digest& digest) {
    return PackTree::Fetch(
        digest, packs_, *cache_,
        [this](const oci::Descriptor& pack) -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
          return std::make_unique<base::StringSource>(blobs_.at(pack.digest.ToString()));
        });
  }

  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
  std::unique_ptr<PackCache> cache_ =
      PackCache::Open(directory_.path() + "/packs", 1 << 30).value();
  std::vector<oci::Descriptor> packs_;
  std::map<std::string, std::string> blobs_;
};

TEST_F(PackTreeTest, EqualsTheLocalTreeThatItWasMadeFrom) {
  const std::string root = directory_.path() + "/context";
  for (int i = 0; i < 60; ++i) {
    const std::string folder = absl::StrCat(root, "/d", i % 5, "/sub-", i % 3);
    ASSERT_OK(base::MakeDirectories(folder));
    ASSERT_OK(base::WriteFileAtomically(absl::StrCat(folder, "/f", i),
                                        std::string(i * i * 60, static_cast<char>('a' + i % 26)),
                                        i % 2 == 0 ? 0755 : 0600));
  }
  ASSERT_OK(base::WriteFileAtomically(root + "/large", std::string(5 << 20, 'L')));
  ASSERT_OK(base::WriteFileAtomically(root + "/\xc3\xa4 name with blanks", "umlaut"));
  ASSERT_OK(
      base::MakeDirectories(root + "/" + std::string(120, 'n') + "/" + std::string(120, 'm')));
  ASSERT_EQ(symlink("d1", (root + "/link").c_str()), 0);
  ASSERT_EQ(symlink("/etc/passwd", (root + "/absolute").c_str()), 0);
  ASSERT_EQ(link((root + "/large").c_str(), (root + "/second").c_str()), 0);
  ASSERT_OK_AND_ASSIGN(const auto local, LocalTree::Open(root));
  Upload(*local);
  EXPECT_GT(packs_.size(), 3);
  ASSERT_OK_AND_ASSIGN(const auto unpacked, Fetch(local->digest()));
  ASSERT_EQ(unpacked->entries(), local->entries());
  EXPECT_EQ(unpacked->digest(), local->digest());
  for (size_t i = 0; i < local->entries().size(); ++i) {
    if (local->entries()[i].type != TreeEntry::Type::kFile) continue;
    EXPECT_EQ(Content(*unpacked, unpacked->entries()[i]), Content(*local, local->entries()[i]))
        << local->entries()[i].path;
  }
}

TEST_F(PackTreeTest, AnEmptyTreeTravelsToo) {
  ASSERT_OK_AND_ASSIGN(const auto empty, MemoryTree::Create({}));
  Upload(*empty);
  ASSERT_EQ(packs_.size(), 1);
  ASSERT_OK_AND_ASSIGN(const auto unpacked, Fetch(empty->digest()));
  EXPECT_TRUE(unpacked->entries().empty());
}

TEST_F(PackTreeTest, RefusesWhatIsNotTheTree) {
  ASSERT_OK_AND_ASSIGN(const auto tree, MemoryTree::Create({{"a", "1"}, {"b", "2"}}));
  ASSERT_OK_AND_ASSIGN(const auto other, MemoryTree::Create({{"a", "1"}, {"b", "3"}}));
  Upload(*other);
  EXPECT_THAT(Fetch(tree->digest()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(tree->digest().ToString())));
  // The same pack twice: entries are there twice.
  Upload(*other);
  EXPECT_THAT(Fetch(other->digest()),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("out of order")));
}

TEST_F(PackTreeTest, DamageIsAnErrorThatNamesThePack) {
  ASSERT_OK_AND_ASSIGN(const auto tree, MemoryTree::Create({{"a", std::string(100'000, 'x')}}));
  Upload(*tree);
  std::string& blob = blobs_.begin()->second;
  blob.resize(blob.size() / 2);
  EXPECT_THAT(Fetch(tree->digest()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(packs_[0].digest.Short())));
}

}  // namespace
}  // namespace stevedore::context
