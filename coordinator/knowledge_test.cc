#include "coordinator/knowledge.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace stevedore::coordinator {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1767225600);

v1::ManifestResult Manifest(const std::string& digest) {
  v1::ManifestResult manifest;
  manifest.set_digest(digest);
  manifest.set_media_type("application/vnd.oci.image.manifest.v1+json");
  manifest.set_size(7);
  manifest.set_image_bytes(8);
  manifest.set_platform("linux/amd64");
  return manifest;
}

// Another Knowledge with what the first wrote.
void Reload(WriteLog& writes, Knowledge& to, absl::Time now) {
  std::map<std::pair<std::string, std::string>, std::string> records;
  for (const LedgerWrite& write : writes.Take()) {
    if (write.kind == LedgerWrite::Kind::kExpire) continue;
    records[{write.key, write.field}] = write.value;
  }
  for (const auto& [key, value] : records) {
    EXPECT_TRUE(to.Load({key.first, key.second, value}, now)) << key.first;
  }
}

class KnowledgeTest : public ::testing::Test {
 protected:
  SchedulerOptions options_;
  WriteLog writes_, other_writes_;
  Knowledge knowledge_{&options_, &writes_};
  Knowledge other_{&options_, &other_writes_};
};

TEST_F(KnowledgeTest, SurvivesInTheLedger) {
  knowledge_.PutResult("k", Manifest("sha256:a"), kNow);
  knowledge_.Learn("r/a:1@linux/amd64", absl::Seconds(10), 8, "inputs", kNow);
  knowledge_.Poison("p", "lost three workers", kNow);
  knowledge_.PutTag("r/a:1", {"sha256:a", 5, "b1", kNow}, kNow);
  Reload(writes_, other_, kNow);
  ASSERT_NE(other_.FindResult("k"), nullptr);
  EXPECT_EQ(other_.FindResult("k")->manifest.SerializeAsString(),
            Manifest("sha256:a").SerializeAsString());
  EXPECT_EQ(other_.FindResult("k")->seen, kNow);
  ASSERT_NE(other_.FindStatistics("r/a:1@linux/amd64"), nullptr);
  EXPECT_EQ(other_.FindStatistics("r/a:1@linux/amd64")->inputs, "inputs");
  EXPECT_EQ(other_.FindStatistics("r/a:1@linux/amd64")->seconds, 10);
  EXPECT_EQ(other_.PoisonOf("p", kNow), "lost three workers");
  EXPECT_EQ(other_.PoisonOf("p", kNow + absl::Hours(2)), "");
  ASSERT_NE(other_.FindTag("r/a:1"), nullptr);
  EXPECT_EQ(other_.LastSubmission(), 5);
}

TEST_F(KnowledgeTest, DurationsAreAMovingAverage) {
  knowledge_.Learn("a", absl::Seconds(10), 0, "", kNow);
  knowledge_.Learn("a", absl::Seconds(20), 0, "", kNow);
  EXPECT_DOUBLE_EQ(knowledge_.FindStatistics("a")->seconds, 13);
  EXPECT_EQ(knowledge_.MedianSeconds(), 13);
}

TEST_F(KnowledgeTest, AReuseCostsNoWriteUntilADayHasPassed) {
  knowledge_.PutResult("k", Manifest("sha256:a"), kNow);
  writes_.Take();
  knowledge_.TouchResult("k", true, kNow + absl::Hours(1));
  EXPECT_TRUE(writes_.Take().empty());
  EXPECT_EQ(knowledge_.FindResult("k")->seen, kNow + absl::Hours(1));
  knowledge_.TouchResult("k", false, kNow + absl::Hours(25));
  EXPECT_EQ(writes_.Take().size(), 1);
}

TEST_F(KnowledgeTest, OldKnowledgeGoes) {
  knowledge_.PutResult("k", Manifest("sha256:a"), kNow);
  knowledge_.PutTag("r/a:1", {"sha256:a", 5, "b1", kNow}, kNow);
  knowledge_.Expire(kNow + absl::Hours(24 * 29));
  EXPECT_NE(knowledge_.FindResult("k"), nullptr);
  EXPECT_EQ(knowledge_.FindTag("r/a:1"), nullptr);
  knowledge_.Expire(kNow + absl::Hours(24 * 31));
  EXPECT_EQ(knowledge_.FindResult("k"), nullptr);
}

TEST_F(KnowledgeTest, MalformedRecordsAreNothing) {
  EXPECT_TRUE(knowledge_.Load({"result:k", "", "not a record"}, kNow));
  EXPECT_EQ(knowledge_.FindResult("k"), nullptr);
  EXPECT_FALSE(knowledge_.Load({"build:1", "head", "x"}, kNow));
}

}  // namespace
}  // namespace stevedore::coordinator
