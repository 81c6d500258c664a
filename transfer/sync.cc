#include "transfer/sync.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "transfer/sync_deletion.h"
#include "transfer/sync_plan.h"

namespace stevedore::transfer {
namespace {

absl::Status NotBegun(bool cancelled) {
  return absl::CancelledError(cancelled ? "cancelled" : "not begun, as something failed before");
}

// Whether trying again later may help, without any change of job or images.
bool IsPassing(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return true;
    default:
      return false;
  }
}

// What is there may be asked while it is written, except that a new repository has no tags.
absl::StatusOr<std::vector<std::string>> TagsOf(ImageSource* images, std::stop_token stop) {
  if (images == nullptr) return std::vector<std::string>();
  absl::StatusOr<std::vector<std::string>> tags = images->ListTags(stop);
  if (absl::IsNotFound(tags.status())) return std::vector<std::string>();
  return tags;
}

// One run. All work is done by the threads of one pool; a job's last copy makes its deletions.
class Run {
 public:
  Run(const SyncSettings& settings, Copier* copier, const SyncPlaces& places,
      const SyncOptions& options, std::stop_token stop)
      : settings_(settings),
        copier_(*copier),
        places_(places),
        options_(options),
        stop_(std::move(stop)) {}

  SyncReport Go() {
    SyncReport report;
    for (const SyncJob& job : settings_.jobs) {
      SyncJobResult& result = report.jobs.emplace_back();
      result.name = job.name;
      result.source = job.source.ToString();
      result.destination = job.destination.ToString();
    }
    std::vector<Work> work(settings_.jobs.size());
    {
      base::ThreadPool pool("sync", std::max(1, settings_.parallel));
      for (size_t i = 0; i < work.size(); ++i) {
        work[i].job = &settings_.jobs[i];
        work[i].result = &report.jobs[i];
        pool.Schedule([this, &pool, work = &work[i]] { Begin(pool, *work); });
      }
    }  // Everything is done here.
    return report;
  }

 private:
  // A job on its way.
  struct Work {
    const SyncJob* job = nullptr;
    SyncJobResult* result = nullptr;
    SyncSource source;
    SyncPlan plan;
    size_t copies = 0;                  // The first so many of result->tags.
    std::atomic<size_t> remaining = 0;  // Of them.
    std::vector<std::string> staying;   // Tags of the destination that are no copies.
  };

  bool Ended() const { return stop_.stop_requested() || (failed_ && !options_.keep_going); }

  void Begin(base::ThreadPool& pool, Work& work) {
    absl::Status status = Ended() ? NotBegun(stop_.stop_requested()) : Plan(work);
    if (!status.ok()) {
      Fail(work, std::move(status));
      return;
    }
    if (work.copies == 0) Finish(work);
    work.remaining = work.copies;
    for (size_t i = 0; i < work.copies; ++i) {
      pool.Schedule([this, &work, i] {
        SyncTagResult& tag = work.result->tags[i];
        Copy(work, tag);
        Tell(work, tag);
        if (--work.remaining == 0) Finish(work);
      });
    }
  }

  absl::Status Plan(Work& work) {
    const SyncJob& job = *work.job;
    ASSIGN_OR_RETURN(work.source, places_.source(job, stop_));
    std::vector<std::string> there;
    if (job.tags.NeedsListing()) {
      ASSIGN_OR_RETURN(there, work.source.images->ListTags(stop_));
    }
    std::vector<std::string> destination;
    if (job.delete_extraneous) {
      ASSIGN_OR_RETURN(const std::shared_ptr<ImageSink> sink, places_.sink(job, "", stop_));
      ASSIGN_OR_RETURN(destination, TagsOf(sink->Readable(), stop_));
    }
    work.plan = PlanSync(job, there, destination);
    for (const std::string& tag : work.plan.wanted) {
      work.result->tags.push_back({.source = tag, .tag = absl::StrCat(tag, job.tag_suffix)});
    }
    for (const oci::Digest& digest : job.digests) {
      work.result->tags.push_back({.source = digest.ToString()});
    }
    work.copies = work.result->tags.size();
    for (const std::string& tag : work.plan.extraneous) {
      work.result->tags.push_back({.tag = tag, .action = SyncAction::kKept});
    }
    const absl::flat_hash_set<std::string> going(work.plan.extraneous.begin(),
                                                 work.plan.extraneous.end());
    for (std::string& tag : destination) {
      if (!going.contains(tag)) work.staying.push_back(std::move(tag));
    }
    return absl::OkStatus();
  }

  void Copy(Work& work, SyncTagResult& tag) {
    if (Ended()) {
      tag.status = NotBegun(stop_.stop_requested());
      return;
    }
    tag.status = TryCopy(work, tag);
    if (!tag.status.ok()) failed_ = true;
  }

  absl::Status TryCopy(Work& work, SyncTagResult& tag) {
    const SyncJob& job = *work.job;
    ASSIGN_OR_RETURN(const std::shared_ptr<ImageSink> sink,
                     places_.sink(job, tag.tag.empty() ? tag.source : tag.tag, stop_));
    const std::string& wanted = work.source.only.empty() ? tag.source : work.source.only;
    CopyOptions options;
    options.platforms = job.platforms;
    options.referrers = job.referrers;
    options.artifact_types = job.artifact_types;
    options.dry_run = options_.dry_run;
    // Tags beside each other share the connections of a host.
    if (settings_.parallel > 1) options.parallel_blobs = kBlobsBesideOtherTags;
    ASSIGN_OR_RETURN(const CopyResult copied,
                     copier_.Copy(*work.source.images, wanted, *sink, tag.tag, options, stop_));
    tag.digest = copied.digest;
    tag.bytes_copied = copied.bytes_copied;
    tag.action = copied.unchanged ? SyncAction::kUnchanged : SyncAction::kCopied;
    return absl::OkStatus();
  }

  // After the last copy of a job.
  void Finish(Work& work) {
    if (work.plan.extraneous.empty()) return;
    absl::Status status = MayDelete(work);
    if (status.ok()) status = DeleteExtraneous(work);
    if (!status.ok()) Fail(work, std::move(status));
    for (size_t i = work.copies; i < work.result->tags.size(); ++i)
      Tell(work, work.result->tags[i]);
  }

  absl::Status MayDelete(const Work& work) const {
    size_t failed = 0;
    for (size_t i = 0; i < work.copies; ++i) failed += !work.result->tags[i].status.ok();
    if (failed > 0) {
      return absl::CancelledError(absl::StrCat("nothing was deleted, as ", failed, " of ",
                                               work.copies, " tags could not be copied"));
    }
    return work.plan.deletion;
  }

  absl::Status DeleteExtraneous(Work& work) {
    ASSIGN_OR_RETURN(const std::shared_ptr<ImageSink> sink, places_.sink(*work.job, "", stop_));
    std::vector<std::string> staying = std::move(work.staying);
    for (size_t i = 0; i < work.copies; ++i) {
      const SyncTagResult& tag = work.result->tags[i];
      staying.push_back(tag.tag.empty() ? tag.source : tag.tag);
    }
    TagDeletion deletion(sink.get(), sink->Readable(), std::move(staying));
    for (size_t i = work.copies; i < work.result->tags.size(); ++i) {
      SyncTagResult& tag = work.result->tags[i];
      if (Ended()) return NotBegun(stop_.stop_requested());
      if (!options_.dry_run) tag.status = deletion.Delete(tag.tag, stop_);
      if (tag.status.ok()) tag.action = SyncAction::kDeleted;
      // Kept for a good reason is no failure.
      if (tag.status.ok() || absl::IsFailedPrecondition(tag.status)) continue;
      tag.action = SyncAction::kFailed;
      failed_ = true;
    }
    return absl::OkStatus();
  }

  void Fail(Work& work, absl::Status status) {
    work.result->status = std::move(status);
    failed_ = true;
  }

  void Tell(const Work& work, const SyncTagResult& tag) {
    if (options_.on_tag == nullptr) return;
    base::MutexLock lock(&telling_);
    options_.on_tag(*work.result, tag);
  }

  static constexpr int kBlobsBesideOtherTags = 3;

  const SyncSettings& settings_;
  Copier& copier_;
  const SyncPlaces& places_;
  const SyncOptions& options_;
  const std::stop_token stop_;
  std::atomic<bool> failed_ = false;
  base::Mutex telling_;
};

}  // namespace

absl::string_view SyncActionName(SyncAction action) {
  switch (action) {
    case SyncAction::kCopied:
      return "copied";
    case SyncAction::kUnchanged:
      return "unchanged";
    case SyncAction::kDeleted:
      return "deleted";
    case SyncAction::kKept:
      return "kept";
    case SyncAction::kFailed:
      return "failed";
  }
  return "";
}

size_t SyncReport::Count(SyncAction action) const {
  size_t count = 0;
  for (const SyncJobResult& job : jobs) {
    for (const SyncTagResult& tag : job.tags) count += tag.action == action;
  }
  return count;
}

absl::Status SyncReport::Overall() const {
  size_t failed_jobs = 0, failed_tags = 0, tags = 0;
  bool cancelled = false, passing = true;
  const auto look = [&](const absl::Status& status) {
    cancelled = cancelled || absl::IsCancelled(status);
    passing = passing && (IsPassing(status) || absl::IsCancelled(status));
  };
  for (const SyncJobResult& job : jobs) {
    bool failed = !job.status.ok();
    if (failed) look(job.status);
    for (const SyncTagResult& tag : job.tags) {
      ++tags;
      if (tag.action != SyncAction::kFailed) continue;
      ++failed_tags;
      failed = true;
      look(tag.status);
    }
    failed_jobs += failed;
  }
  if (failed_jobs == 0) return absl::OkStatus();
  const std::string text = absl::StrCat(failed_jobs, " of ", jobs.size(),
                                        " jobs failed: ", failed_tags, " of ", tags, " tags");
  if (!passing) return absl::AbortedError(text);
  bool only_cancelled = cancelled;
  for (const SyncJobResult& job : jobs) {
    if (IsPassing(job.status)) only_cancelled = false;
    for (const SyncTagResult& tag : job.tags) {
      if (tag.action == SyncAction::kFailed && IsPassing(tag.status)) only_cancelled = false;
    }
  }
  return only_cancelled ? absl::CancelledError(text) : absl::UnavailableError(text);
}

SyncReport RunSync(const SyncSettings& settings, Copier* copier, const SyncPlaces& places,
                   const SyncOptions& options, std::stop_token stop) {
  return Run(settings, copier, places, options, std::move(stop)).Go();
}

}  // namespace stevedore::transfer
