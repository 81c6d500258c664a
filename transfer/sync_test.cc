#include "transfer/sync.h"

#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "oci/image/media_type.h"
#include "transfer/memory_images.h"

namespace stevedore::transfer {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// Forwards to a place in memory; some requests fail, and all are counted by kind.
class Place final : public ImageSource, public ImageSink {
 public:
  explicit Place(std::string name) : memory(std::move(name)) {}

  absl::StatusOr<RawManifest> GetManifest(const std::string& name, std::stop_token stop) override {
    RETURN_IF_ERROR(Count("get"));
    RETURN_IF_ERROR(Broken(name));
    return memory.GetManifest(name, stop);
  }
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(const std::string& name,
                                                              std::stop_token stop) override {
    RETURN_IF_ERROR(Count("head"));
    RETURN_IF_ERROR(Broken(name));
    return memory.HeadManifest(name, stop);
  }
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                             std::stop_token stop) override {
    return memory.OpenBlob(blob, stop);
  }
  absl::StatusOr<std::vector<std::string>> ListTags(std::stop_token stop) override {
    RETURN_IF_ERROR(Count("list"));
    RETURN_IF_ERROR(list_error);
    return memory.ListTags(stop);
  }
  absl::StatusOr<bool> HasBlob(const oci::Digest& digest, std::stop_token stop) override {
    return memory.HasBlob(digest, stop);
  }
  absl::Status PutBlob(const oci::Descriptor& blob, const BlobOpener& opener,
                       std::stop_token stop) override {
    return memory.PutBlob(blob, opener, stop);
  }
  absl::StatusOr<bool> MountBlob(const oci::Digest& digest, const std::string& from,
                                 std::stop_token stop) override {
    return memory.MountBlob(digest, from, stop);
  }
  absl::StatusOr<std::unique_ptr<BlobUpload>> StartBlob(std::stop_token stop) override {
    return memory.StartBlob(stop);
  }
  absl::Status AdoptBlobFile(const oci::Descriptor& blob, const std::string& path,
                             std::stop_token stop) override {
    return memory.AdoptBlobFile(blob, path, stop);
  }
  absl::StatusOr<oci::Digest> PutManifest(const std::string& name, absl::string_view bytes,
                                          const std::string& type, std::stop_token stop) override {
    RETURN_IF_ERROR(Count("put"));
    return memory.PutManifest(name, bytes, type, stop);
  }
  absl::Status DeleteManifest(const std::string& name, std::stop_token stop) override {
    RETURN_IF_ERROR(Count("delete"));
    const bool digest = absl::StartsWith(name, "sha256:");
    if (!digest && !deletes_tags) return absl::InvalidArgumentError("tags cannot be deleted here");
    return memory.DeleteManifest(name, stop);
  }
  ImageSource* Readable() override { return this; }
  std::string Describe() const override { return memory.Describe(); }

  int Counted(const std::string& what) {
    base::MutexLock lock(&mu);
    return counts[what];
  }

  MemoryImages memory;
  std::map<std::string, absl::Status> broken;  // By tag.
  absl::Status list_error;
  bool deletes_tags = true;

 private:
  absl::Status Count(const std::string& what) {
    base::MutexLock lock(&mu);
    ++counts[what];
    return absl::OkStatus();
  }
  absl::Status Broken(const std::string& name) const {
    const auto found = broken.find(name);
    return found == broken.end() ? absl::OkStatus() : found->second;
  }

  base::Mutex mu;
  std::map<std::string, int> counts;
};

// Two places and what is needed to run jobs between them.
class SyncTest : public ::testing::Test {
 protected:
  // Makes the image `content` of `from` under `tag`; its digest.
  oci::Digest Add(Place& place, const std::string& tag, const std::string& content) {
    const oci::Descriptor config = place.memory.AddBlob(
        R"({"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}})");
    const oci::Descriptor layer = place.memory.AddBlob(content);
    const std::string bytes = absl::StrCat(
        R"({"schemaVersion":2,"mediaType":")", oci::kOciManifest, R"(","config":{"mediaType":")",
        oci::kOciConfig, R"(","digest":")", config.digest.ToString(), R"(","size":)", config.size,
        R"(},"layers":[{"mediaType":")", oci::kOciLayer, R"(","digest":")", layer.digest.ToString(),
        R"(","size":)", layer.size, "}]}");
    return *place.memory.PutManifest(tag, bytes, oci::kOciManifest);
  }

  // Puts an index of `child` under `tag`.
  void AddIndex(Place& place, const std::string& tag, const oci::Digest& child) {
    const auto head = *place.memory.HeadManifest(child.ToString());
    const std::string bytes = absl::StrCat(
        R"({"schemaVersion":2,"mediaType":")", oci::kOciIndex, R"(","manifests":[{"mediaType":")",
        oci::kOciManifest, R"(","digest":")", child.ToString(), R"(","size":)", head->size,
        R"(,"platform":{"os":"linux","architecture":"amd64"}}]})");
    ASSERT_OK(place.memory.PutManifest(tag, bytes, oci::kOciIndex).status());
  }

  SyncJob& AddJob(const std::string& name, TagRules rules) {
    SyncJob job;
    job.name = name;
    job.source = *ParseEndpoint("oci:from-" + name);
    job.destination = *ParseEndpoint("oci:to-" + name);
    job.tags = std::move(rules);
    return settings.jobs.emplace_back(std::move(job));
  }

  SyncReport Run(const SyncOptions& options = {}, std::stop_token stop = {}) {
    SyncPlaces places;
    places.source = [this](const SyncJob& job, std::stop_token) -> absl::StatusOr<SyncSource> {
      if (job.name == "down") return absl::UnavailableError("connection refused");
      return SyncSource{std::shared_ptr<ImageSource>(std::shared_ptr<void>(), &from), only};
    };
    places.sink = [this](const SyncJob&, const std::string&,
                         std::stop_token) -> absl::StatusOr<std::shared_ptr<ImageSink>> {
      return std::shared_ptr<ImageSink>(std::shared_ptr<void>(), &to);
    };
    return RunSync(settings, &copier, places, options, stop);
  }

  // "a copied", "b failed", ... of one job.
  static std::vector<std::string> Actions(const SyncJobResult& job) {
    std::vector<std::string> actions;
    for (const SyncTagResult& tag : job.tags) {
      actions.push_back(
          absl::StrCat(tag.tag.empty() ? "by digest" : tag.tag, " ", SyncActionName(tag.action)));
    }
    return actions;
  }

  Place from{"from"}, to{"to"};
  std::string only;  // Of SyncSource.
  Copier copier;
  SyncSettings settings;
};

TEST_F(SyncTest, CopiesOnceAndThenAsksOnlyForHeads) {
  for (int i = 0; i < 5; ++i) Add(from, absl::StrCat("1.", i), absl::StrCat("layer", i));
  Add(from, "edge", "other");
  AddJob("web", {.versions = {*VersionRange::Parse("^1")}});
  SyncReport report = Run();
  EXPECT_OK(report.Overall());
  EXPECT_THAT(Actions(report.jobs[0]),
              ElementsAre("1.4 copied", "1.3 copied", "1.2 copied", "1.1 copied", "1.0 copied"));
  EXPECT_EQ(report.jobs[0].source, "oci:from-web");
  EXPECT_THAT(to.memory.ListTags(), IsOkAndHolds(SizeIs(5)));
  EXPECT_EQ(report.jobs[0].tags[0].digest, (*from.memory.HeadManifest("1.4"))->digest);
  const int heads = from.Counted("head"), other_heads = to.Counted("head"),
            gets = from.Counted("get") + to.Counted("get");
  report = Run();
  EXPECT_EQ(report.Count(SyncAction::kUnchanged), 5);
  EXPECT_EQ(from.Counted("head") - heads, 5);
  EXPECT_EQ(to.Counted("head") - other_heads, 5);
  EXPECT_EQ(from.Counted("get") + to.Counted("get"), gets);
  EXPECT_EQ(from.Counted("list"), 2);
  EXPECT_EQ(to.Counted("list"), 0);
}

TEST_F(SyncTest, ABrokenTagStopsNeitherOthersNorOtherJobs) {
  for (const char* tag : {"a", "b", "c"}) Add(from, tag, tag);
  from.broken["b"] = absl::DataLossError("not what its digest says");
  AddJob("web", {.tags = {"a", "b", "c", "missing"}});
  AddJob("down", {.tags = {"a"}});
  AddJob("last", {.tags = {"c"}}).tag_suffix = "-copy";
  const SyncReport report = Run();
  EXPECT_THAT(Actions(report.jobs[0]),
              ElementsAre("a copied", "b failed", "c copied", "missing failed"));
  EXPECT_THAT(report.jobs[0].tags[1].status,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("digest")));
  EXPECT_THAT(report.jobs[0].tags[3].status, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(report.jobs[1].status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(Actions(report.jobs[2]), ElementsAre("c-copy copied"));
  EXPECT_THAT(report.Overall(),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("2 of 3 jobs failed: 2 of 5 tags")));
}

TEST_F(SyncTest, OnlyUnreachableIsSaidAsSuch) {
  AddJob("down", {.tags = {"a"}});
  EXPECT_THAT(Run().Overall(), StatusIs(absl::StatusCode::kUnavailable));
  from.broken["a"] = absl::UnavailableError("gone");
  AddJob("web", {.tags = {"a"}});
  EXPECT_THAT(Run().Overall(), StatusIs(absl::StatusCode::kUnavailable));
}

TEST_F(SyncTest, FailFastBeginsNothingElse) {
  for (const char* tag : {"a", "b"}) Add(from, tag, tag);
  from.broken["a"] = absl::DataLossError("bad");
  settings.parallel = 1;
  AddJob("web", {.tags = {"a", "b"}});
  AddJob("second", {.tags = {"b"}});
  const SyncReport report = Run({.keep_going = false});
  EXPECT_THAT(report.jobs[0].tags[1].status, StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(report.Overall(), StatusIs(absl::StatusCode::kAborted));
}

TEST_F(SyncTest, ACancelledRunSaysSo) {
  Add(from, "a", "a");
  AddJob("web", {.tags = {"a"}});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(Run({}, stop.get_token()).Overall(), StatusIs(absl::StatusCode::kCancelled));
}

TEST_F(SyncTest, DigestsNeedNoTag) {
  const oci::Digest digest = Add(from, "a", "a");
  AddJob("web", {}).digests = {digest};
  EXPECT_THAT(Actions(Run().jobs[0]), ElementsAre("by digest copied"));
  EXPECT_THAT(Actions(Run().jobs[0]), ElementsAre("by digest unchanged"));
  ASSERT_OK_AND_ASSIGN(const auto head, to.memory.HeadManifest(digest.ToString()));
  EXPECT_TRUE(head.has_value());
}

TEST_F(SyncTest, DryRunsChangeNothing) {
  Add(from, "a", "a");
  Add(to, "old", "old");
  AddJob("web", {.all = true}).delete_extraneous = true;
  settings.jobs[0].delete_limit.percent = 100;
  const SyncReport report = Run({.dry_run = true});
  EXPECT_THAT(Actions(report.jobs[0]), ElementsAre("a copied", "old deleted"));
  EXPECT_THAT(to.memory.ListTags(), IsOkAndHolds(ElementsAre("old")));
  EXPECT_EQ(to.Counted("delete"), 0);
}

TEST_F(SyncTest, ExtraneousTagsGoWithinTheLimit) {
  for (const char* tag : {"a", "b", "c"}) Add(from, tag, tag);
  for (const char* tag : {"old", "older"}) Add(to, tag, tag);
  AddJob("web", {.all = true}).delete_extraneous = true;
  // At first the destination has nothing but what is to go: all of it is more than half.
  SyncReport report = Run();
  EXPECT_THAT(report.jobs[0].status,
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("2 of 2 tags")));
  EXPECT_THAT(Actions(report.jobs[0]),
              ElementsAre("a copied", "b copied", "c copied", "old kept", "older kept"));
  report = Run();
  EXPECT_OK(report.Overall());
  EXPECT_EQ(report.Count(SyncAction::kDeleted), 2);
  EXPECT_THAT(to.memory.ListTags(), IsOkAndHolds(::testing::UnorderedElementsAre("a", "b", "c")));
}

TEST_F(SyncTest, NothingIsDeletedAfterAFailure) {
  for (const char* tag : {"a", "b"}) Add(from, tag, tag);
  for (const char* tag : {"a", "b", "old"}) Add(to, tag, tag);
  from.broken["b"] = absl::DataLossError("bad");
  AddJob("web", {.all = true}).delete_extraneous = true;
  const SyncReport report = Run();
  EXPECT_THAT(Actions(report.jobs[0]), ElementsAre("a unchanged", "b failed", "old kept"));
  EXPECT_THAT(report.jobs[0].status.message(), HasSubstr("1 of 2 tags could not be copied"));
  EXPECT_EQ(to.Counted("delete"), 0);
}

TEST_F(SyncTest, WhereOnlyManifestsCanBeDeletedWhatIsNeededStays) {
  to.deletes_tags = false;
  const oci::Digest shared = Add(from, "a", "a");
  AddIndex(from, "multi", Add(from, "child", "child"));
  Add(to, "alias-of-a", "a");
  Add(to, "alias-of-child", "child");
  Add(to, "old", "old");
  SyncJob& job = AddJob("web", {.tags = {"a", "multi"}});
  job.delete_extraneous = true;
  job.delete_limit.percent = 100;
  const SyncReport report = Run();
  EXPECT_THAT(Actions(report.jobs[0]), ElementsAre("a copied", "multi copied", "alias-of-a kept",
                                                   "alias-of-child kept", "old deleted"));
  EXPECT_OK(report.Overall());
  EXPECT_THAT(report.jobs[0].tags[2].status,
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(shared.ToString()), HasSubstr("needed by a tag"))));
  EXPECT_THAT(to.memory.ListTags(), IsOkAndHolds(::testing::UnorderedElementsAre(
                                        "a", "multi", "alias-of-a", "alias-of-child")));
}

TEST_F(SyncTest, ASourceThatCannotBeListedDeletesNothing) {
  Add(to, "old", "old");
  from.list_error = absl::UnavailableError("no");
  AddJob("web", {.all = true}).delete_extraneous = true;
  const SyncReport report = Run();
  EXPECT_THAT(report.jobs[0].status, StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(to.memory.ListTags(), IsOkAndHolds(ElementsAre("old")));
}

TEST_F(SyncTest, APlaceOfOneImageKnowsNoTags) {
  only = Add(from, "a", "a").ToString();
  AddJob("web", {.tags = {"1.0"}});
  EXPECT_THAT(Actions(Run().jobs[0]), ElementsAre("1.0 copied"));
  EXPECT_THAT(to.memory.ListTags(), IsOkAndHolds(ElementsAre("1.0")));
}

TEST_F(SyncTest, EachTagIsToldOnce) {
  for (const char* tag : {"a", "b", "c"}) Add(from, tag, tag);
  AddJob("web", {.tags = {"a", "b", "c"}});
  std::multiset<std::string> told;
  SyncOptions options;
  options.on_tag = [&](const SyncJobResult& job, const SyncTagResult& tag) {
    told.insert(absl::StrCat(job.name, ":", tag.tag, " ", SyncActionName(tag.action)));
  };
  Run(options);
  EXPECT_THAT(told, ElementsAre("web:a copied", "web:b copied", "web:c copied"));
}

}  // namespace
}  // namespace stevedore::transfer
