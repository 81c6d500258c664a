#include "worker/commit.h"

#include <gtest/gtest.h>

#include <stop_token>
#include <string>

#include "absl/time/time.h"
#include "base/file.h"
#include "base/testing/fake_clock.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/image_editor.h"
#include "oci/image/reference.h"
#include "oci/layout/layout.h"
#include "stevedore/v1/worker_service.pb.h"
#include "worker/executor.h"
#include "worker/layout_provider.h"
#include "worker/repository_provider.h"
#include "worker/testing/images.h"

namespace stevedore::worker {
namespace {

using ::testing::HasSubstr;

class CommitTest : public ::testing::Test {
 protected:
  void SetUp() override {
    image_ = testing::ImageOf({"layer"});
    testing::Store(layout_, image_, {"layer"});
  }
  void AddMove(const std::string& reference, const oci::Digest& digest) {
    v1::CommitRun::Move* const move = run_.add_moves();
    move->set_reference(reference);
    move->set_digest(digest.ToString());
  }
  v1::Outcome Run(std::stop_token stop = {}) {
    return Commit(run_, repositories_, monitor_, std::move(stop));
  }
  std::string DigestAt(const std::string& reference) {
    const auto found = layout_.Find(reference);
    return found.ok() ? found->digest.ToString() : "";
  }

  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
  oci::Layout layout_ = oci::Layout::OpenOrCreate(directory_.path() + "/images").value();
  LayoutProvider repositories_{&layout_};
  base::testing::FakeClock clock_;
  RunMonitor monitor_{{}, &clock_};
  oci::Image image_;
  v1::CommitRun run_;
};

TEST_F(CommitTest, MovesTagsAndIsIdempotent) {
  AddMove("localhost:5000/web:1.0", image_.manifest.digest());
  AddMove("localhost:5000/web:latest", image_.manifest.digest());
  v1::Outcome outcome = Run();
  EXPECT_EQ(outcome.kind(), v1::Outcome::KIND_SUCCEEDED) << outcome.error();
  ASSERT_EQ(outcome.tags_size(), 2);
  EXPECT_TRUE(outcome.tags(0).moved());
  EXPECT_FALSE(outcome.tags(0).unchanged());
  EXPECT_EQ(DigestAt("localhost:5000/web:1.0"), image_.manifest.digest().ToString());
  EXPECT_EQ(DigestAt("localhost:5000/web:latest"), image_.manifest.digest().ToString());
  outcome = Run();
  EXPECT_EQ(outcome.kind(), v1::Outcome::KIND_SUCCEEDED);
  EXPECT_TRUE(outcome.tags(1).unchanged());
  EXPECT_FALSE(outcome.tags(1).moved());
}

TEST_F(CommitTest, PutsAnIndexBeforeItsTag) {
  const std::string index =
      R"({"manifests":[{"digest":")" + image_.manifest.digest().ToString() +
      R"(","mediaType":"application/vnd.oci.image.manifest.v1+json","size":)" +
      std::to_string(image_.manifest.bytes().size()) +
      R"(}],"mediaType":"application/vnd.oci.image.index.v1+json","schemaVersion":2})";
  AddMove("localhost:5000/web:1.0", oci::Digest::Of(index));
  run_.mutable_moves(0)->set_index(index);
  run_.mutable_moves(0)->set_media_type("application/vnd.oci.image.index.v1+json");
  const v1::Outcome outcome = Run();
  EXPECT_EQ(outcome.kind(), v1::Outcome::KIND_SUCCEEDED) << outcome.error();
  EXPECT_EQ(DigestAt("localhost:5000/web:1.0"), oci::Digest::Of(index).ToString());
}

TEST_F(CommitTest, ReportsAManifestThatIsGone) {
  const oci::Digest gone = oci::Digest::Of("gone");
  AddMove("localhost:5000/web:1.0", gone);
  const v1::Outcome outcome = Run();
  EXPECT_EQ(outcome.kind(), v1::Outcome::KIND_FAILED);
  EXPECT_EQ(outcome.missing_manifest(), gone.ToString());
  EXPECT_THAT(outcome.tags(0).error(), HasSubstr("localhost:5000/web:1.0"));
}

TEST_F(CommitTest, OneRefusedTagDoesNotKeepTheOthers) {
  AddMove("localhost:5000/web@" + image_.manifest.digest().ToString(), image_.manifest.digest());
  AddMove("localhost:5000/web:1.0", image_.manifest.digest());
  const v1::Outcome outcome = Run();
  EXPECT_EQ(outcome.kind(), v1::Outcome::KIND_FAILED);
  EXPECT_THAT(outcome.tags(0).error(), HasSubstr("no tag"));
  EXPECT_TRUE(outcome.tags(1).moved());
  EXPECT_EQ(DigestAt("localhost:5000/web:1.0"), image_.manifest.digest().ToString());
}

TEST_F(CommitTest, MovesNothingAfterItsLease) {
  AddMove("localhost:5000/web:1.0", image_.manifest.digest());
  monitor_.ExtendLease(clock_.SinceBoot() - absl::Seconds(1));
  const v1::Outcome outcome = Run();
  EXPECT_EQ(outcome.kind(), v1::Outcome::KIND_FAILED);
  EXPECT_EQ(outcome.failure_class(), v1::FAILURE_CLASS_INFRASTRUCTURE);
  EXPECT_THAT(outcome.error(), HasSubstr("lease"));
  EXPECT_EQ(DigestAt("localhost:5000/web:1.0"), "");
}

TEST_F(CommitTest, MovesNothingAfterCancel) {
  AddMove("localhost:5000/web:1.0", image_.manifest.digest());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_EQ(Run(stop.get_token()).kind(), v1::Outcome::KIND_CANCELLED);
  EXPECT_EQ(DigestAt("localhost:5000/web:1.0"), "");
}

}  // namespace
}  // namespace stevedore::worker
