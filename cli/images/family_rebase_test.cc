#include "cli/images/family_rebase.h"

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "cli/images/family.h"
#include "cli/images/family_image.h"
#include "cli/images/testing/small_images.h"
#include "oci/image/image.h"
#include "oci/image/reference.h"
#include "transfer/image_sink.h"
#include "transfer/memory_images.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using testing::AsFamilyImage;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::MakeSmallImage;
using testing::PutSmallImage;
using ::testing::SizeIs;
using testing::SmallMember;

// A repository in memory that writes down in which order tags move, and does what a test wants
// before they do.
class WatchedImages final : public transfer::ImageSink {
 public:
  WatchedImages(transfer::MemoryImages* images, std::function<absl::Status(std::string)> on_tag)
      : images_(images), on_tag_(std::move(on_tag)) {}

  absl::StatusOr<bool> HasBlob(const oci::Digest& digest, std::stop_token stop) override {
    return images_->HasBlob(digest, stop);
  }
  absl::Status PutBlob(const oci::Descriptor& blob, const transfer::BlobOpener& opener,
                       std::stop_token stop) override {
    return images_->PutBlob(blob, opener, stop);
  }
  absl::StatusOr<bool> MountBlob(const oci::Digest& digest, const std::string& from,
                                 std::stop_token stop) override {
    return images_->MountBlob(digest, from, stop);
  }
  absl::StatusOr<std::unique_ptr<transfer::BlobUpload>> StartBlob(std::stop_token stop) override {
    return images_->StartBlob(stop);
  }
  absl::Status AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                             std::stop_token stop) override {
    return images_->AdoptBlobFile(blob, path, stop);
  }
  absl::StatusOr<oci::Digest> PutManifest(const std::string& name, absl::string_view bytes,
                                          const std::string& type, std::stop_token stop) override {
    if (name.rfind("sha256:", 0) != 0) {
      absl::Status status = on_tag_(name);
      if (!status.ok()) return status;
    }
    return images_->PutManifest(name, bytes, type, stop);
  }
  transfer::ImageSource* Readable() override { return images_; }
  std::string Describe() const override { return images_->Describe(); }

 private:
  transfer::MemoryImages* const images_;
  const std::function<absl::Status(std::string)> on_tag_;
};

// Repositories by name.
class MemoryPlaces final : public FamilyPlaces {
 public:
  absl::StatusOr<FamilyPlace> Open(const oci::Reference& image) override {
    const std::string name = image.Name();
    const std::shared_ptr<transfer::MemoryImages> images = At(name);
    return FamilyPlace{
        images, std::make_shared<WatchedImages>(images.get(), [this, name](const std::string& tag) {
          base::MutexLock lock(&mu_);
          tags_.push_back(absl::StrCat(name, ":", tag));
          return tag_error_;
        })};
  }

  std::shared_ptr<transfer::MemoryImages> At(const std::string& name) {
    base::MutexLock lock(&mu_);
    std::shared_ptr<transfer::MemoryImages>& images = places_[name];
    if (images == nullptr) images = std::make_shared<transfer::MemoryImages>(name);
    return images;
  }

  std::vector<std::string> TakeTags() {
    base::MutexLock lock(&mu_);
    return std::exchange(tags_, {});
  }
  void FailTags(absl::Status error) {
    base::MutexLock lock(&mu_);
    tag_error_ = std::move(error);
  }

 private:
  base::Mutex mu_;
  std::map<std::string, std::shared_ptr<transfer::MemoryImages>> places_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> tags_ ABSL_GUARDED_BY(mu_);
  absl::Status tag_error_ ABSL_GUARDED_BY(mu_);
};

class FamilyRebaseTest : public ::testing::Test {
 protected:
  FamilyRebaseTest() {
    old_ = MakeSmallImage({.layers = {"debian", "ssl 1"}});
    new_ = MakeSmallImage({.layers = {"debian", "ssl 2"}});
    app_ = MakeSmallImage({.base = old_, .layers = {"app"}});
    site_ = MakeSmallImage({.base = app_, .layers = {"site"}});
    Put("base:1", old_);
    Put("base:1", new_);
    Put("app:1", app_);
    Put("app:latest", app_);
    Put("site:1", site_);
    request_.base_id = "base:1";
    request_.base_definition = Ref("base:1");
    request_.new_base = Ref("base:1");
    request_.jobs = 2;
    FamilyMember app = SmallMember("app:1", {"base:1"});
    app.tags = {"latest", "1.0"};
    request_.family.members = {app, SmallMember("site:1", {"app:1"}, 1)};
  }

  static oci::Reference Ref(const std::string& name) {
    return *oci::Reference::Parse("localhost:5000/" + name);
  }
  void Put(const std::string& name, const oci::Image& image) {
    PutSmallImage(AsFamilyImage({image}), Ref(name).tag(), *places_.At(Ref(name).Name()));
  }
  // What a tag names.
  oci::Digest At(const std::string& name) {
    return places_.At(Ref(name).Name())->GetManifest(Ref(name).tag())->digest;
  }
  absl::StatusOr<FamilyRebaseReport> Run() { return RebaseFamily(request_, places_, {}); }

  oci::Image old_, new_, app_, site_;
  MemoryPlaces places_;
  FamilyRebaseRequest request_;
};

TEST_F(FamilyRebaseTest, TagsMoveInTheEndAndChildrenFirst) {
  const oci::Image new_app = MakeSmallImage({.base = new_, .layers = {"app"}});
  const oci::Image new_site = MakeSmallImage({.base = new_app, .layers = {"site"}});
  ASSERT_OK_AND_ASSIGN(const FamilyRebaseReport report, Run());
  EXPECT_EQ(report.Count(RebaseOutcome::kRebased), 2);
  EXPECT_THAT(places_.TakeTags(), ElementsAre("localhost:5000/site:1", "localhost:5000/app:1",
                                              "localhost:5000/app:latest"));
  EXPECT_EQ(At("app:1"), new_app.manifest.digest());
  EXPECT_EQ(At("app:latest"), new_app.manifest.digest());
  EXPECT_EQ(At("site:1"), new_site.manifest.digest());
  EXPECT_EQ(report.images[0].old_digest, app_.manifest.digest());
  EXPECT_EQ(report.images[0].new_digest, new_app.manifest.digest());
  ASSERT_THAT(report.images[0].tags, SizeIs(3));
  EXPECT_EQ(report.images[0].tags[2].why, "there is no such tag");
  // Every layer is there.
  for (const oci::Descriptor& layer : new_site.manifest.layers()) {
    EXPECT_THAT(places_.At("localhost:5000/site")->HasBlob(layer.digest),
                base::testing::IsOkAndHolds(true));
  }
}

TEST_F(FamilyRebaseTest, ASecondRunHasNothingToDo) {
  ASSERT_OK(Run());
  places_.TakeTags();
  ASSERT_OK_AND_ASSIGN(const FamilyRebaseReport again, Run());
  EXPECT_EQ(again.Count(RebaseOutcome::kUnchanged), 2);
  EXPECT_THAT(places_.TakeTags(), IsEmpty());
}

TEST_F(FamilyRebaseTest, ARunThatWasCutOffGoesOn) {
  places_.FailTags(absl::UnavailableError("gone"));
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kUnavailable,
                              HasSubstr("some tags may have moved, all to whole images")));
  EXPECT_EQ(At("site:1"), site_.manifest.digest());
  // As if it had ended between the children's tags and the parent's.
  places_.FailTags(absl::OkStatus());
  const oci::Image new_app = MakeSmallImage({.base = new_, .layers = {"app"}});
  const oci::Image new_site = MakeSmallImage({.base = new_app, .layers = {"site"}});
  Put("site:1", new_site);
  ASSERT_OK_AND_ASSIGN(const FamilyRebaseReport report, Run());
  EXPECT_EQ(report.images[0].plan.outcome, RebaseOutcome::kRebased);
  EXPECT_EQ(report.images[1].plan.outcome, RebaseOutcome::kUnchanged) << report.images[1].plan.why;
  EXPECT_EQ(At("app:1"), new_app.manifest.digest());
  EXPECT_EQ(At("site:1"), new_site.manifest.digest());
}

TEST_F(FamilyRebaseTest, DryRunsWriteNothing) {
  request_.dry_run = true;
  ASSERT_OK_AND_ASSIGN(const FamilyRebaseReport report, Run());
  EXPECT_EQ(report.Count(RebaseOutcome::kRebased), 2);
  EXPECT_THAT(places_.TakeTags(), IsEmpty());
  EXPECT_EQ(At("app:1"), app_.manifest.digest());
  const oci::Digest planned = report.images[1].new_digest;
  EXPECT_THAT(places_.At("localhost:5000/site")->HeadManifest(planned.ToString()),
              base::testing::IsOkAndHolds(std::nullopt));
  request_.dry_run = false;
  ASSERT_OK(Run());
  EXPECT_EQ(At("site:1"), planned) << "what was shown is what is made";
}

TEST_F(FamilyRebaseTest, WithASuffixOldTagsStay) {
  request_.tag_suffix = "-patched";
  ASSERT_OK_AND_ASSIGN(const FamilyRebaseReport report, Run());
  EXPECT_EQ(At("app:1"), app_.manifest.digest());
  EXPECT_EQ(At("app:1-patched"), report.images[0].new_digest);
  EXPECT_EQ(At("app:latest-patched"), report.images[0].new_digest);
  EXPECT_EQ(At("site:1-patched"), report.images[1].new_digest);
  request_.tag_suffix = "+x";
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("image app:1")));
}

TEST_F(FamilyRebaseTest, TagsOfOthersStay) {
  Put("app:latest", old_);
  ASSERT_OK_AND_ASSIGN(const FamilyRebaseReport report, Run());
  EXPECT_EQ(At("app:latest"), old_.manifest.digest());
  EXPECT_FALSE(report.images[0].tags[1].moved);
  EXPECT_THAT(report.images[0].tags[1].why, HasSubstr("it names another image"));
}

TEST_F(FamilyRebaseTest, OneThatCannotBeDoesNotStopTheOthers) {
  const oci::Image alien = MakeSmallImage({.layers = {"alpine", "app"}});
  Put("alien:1", alien);
  const oci::Image child = MakeSmallImage({.base = alien, .layers = {"child"}});
  Put("child:1", child);
  request_.family.members.push_back(SmallMember("alien:1", {"base:1"}));
  request_.family.members.push_back(SmallMember("child:1", {"alien:1"}, 1));
  ASSERT_OK_AND_ASSIGN(const FamilyRebaseReport report, Run());
  EXPECT_EQ(report.Count(RebaseOutcome::kRebased), 2);
  EXPECT_EQ(report.Count(RebaseOutcome::kCannot), 1);
  EXPECT_EQ(report.Count(RebaseOutcome::kSkipped), 1);
  EXPECT_EQ(At("alien:1"), alien.manifest.digest());
  EXPECT_EQ(At("child:1"), child.manifest.digest());
  EXPECT_NE(At("site:1"), site_.manifest.digest());
}

TEST_F(FamilyRebaseTest, TheNewBaseMayBeInAnotherRegistry) {
  request_.new_base = *oci::Reference::Parse("registry.test/base:2");
  PutSmallImage(AsFamilyImage({new_}), "2", *places_.At("registry.test/base"));
  request_.old_base = request_.base_definition;
  Put("base:1", old_);
  ASSERT_OK_AND_ASSIGN(const FamilyRebaseReport report, Run());
  EXPECT_EQ(report.Count(RebaseOutcome::kRebased), 2);
  EXPECT_EQ(report.new_base_digest, new_.manifest.digest());
}

TEST_F(FamilyRebaseTest, BasesMustBeThere) {
  request_.new_base = Ref("base:9");
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kNotFound,
                              HasSubstr("the new base localhost:5000/base:9")));
  request_.new_base = Ref("base:1");
  request_.old_base = Ref("base:8");
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("the old base")));
}

TEST_F(FamilyRebaseTest, StopsBeforeAnythingMoves) {
  std::stop_source source;
  source.request_stop();
  EXPECT_THAT(RebaseFamily(request_, places_, source.get_token()),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("")));
  EXPECT_THAT(places_.TakeTags(), IsEmpty());
}

}  // namespace
}  // namespace stevedore::cli
