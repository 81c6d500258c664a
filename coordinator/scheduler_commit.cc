// Commits: how the tags of a build move.

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "coordinator/image_index.h"
#include "coordinator/scheduler.h"

namespace stevedore::coordinator {
namespace {

// One commit run moves at most so many references: its assignment and its outcome stay far below
// gRPC's 4 MiB.
constexpr size_t kMovesPerRun = 1000;

}  // namespace

std::vector<v1::CommitRun::Move> Scheduler::MovesOf(Build& build) const {
  std::vector<std::vector<v1::ManifestResult>> manifests(build.images.size());
  for (const Task& task : build.tasks) {
    v1::ManifestResult manifest = task.result;
    manifest.set_platform(task.platform);
    manifests[task.image].push_back(std::move(manifest));
  }
  std::vector<v1::CommitRun::Move> moves;
  for (size_t i = 0; i < build.images.size(); ++i) {
    const v1::Image& image = build.images[i];
    v1::CommitRun::Move move;
    if (manifests[i].size() == 1) {
      move.set_digest(manifests[i][0].digest());
      move.set_media_type(manifests[i][0].media_type());
    } else {
      move.set_index(MakeImageIndex(manifests[i]));
      move.set_digest(absl::StrCat("sha256:", base::Sha256Hex(move.index())));
      move.set_media_type(kImageIndexType);
    }
    std::vector<std::string> references = {image.tags().begin(), image.tags().end()};
    // The main reference last: who sees it sees the others too.
    references.push_back(image.reference());
    for (const std::string& reference : references) {
      if (reference.empty()) continue;
      move.set_reference(reference);
      moves.push_back(move);
    }
  }
  return moves;
}

void Scheduler::Commit(Build& build, absl::Time now) {
  std::vector<v1::CommitRun::Move> moves;
  if (build.header.push_tags()) moves = MovesOf(build);
  std::vector<v1::TagStatus> superseded;
  std::erase_if(moves, [&](const v1::CommitRun::Move& move) {
    const TagOwner* owner = knowledge_.FindTag(move.reference());
    if (owner == nullptr || owner->submission <= build.submission) return false;
    v1::TagStatus& tag = superseded.emplace_back();
    tag.set_reference(move.reference());
    tag.set_digest(move.digest());
    tag.set_superseded(true);
    tag.set_error(absl::StrCat("superseded by build ", owner->build_id));
    return true;
  });
  for (const v1::CommitRun::Move& move : moves) {
    if (committing_.contains(move.reference())) {  // One live commit per reference.
      waiting_commits_.push_back(build.id);
      return;
    }
  }
  build.tags = std::move(superseded);
  if (moves.empty()) {
    EndBuild(build, v1::BUILD_STATE_SUCCEEDED, now);
    return;
  }
  // Tags before the head: who loads them without it commits again, with the same result.
  for (const v1::CommitRun::Move& move : moves) {
    knowledge_.PutTag(move.reference(), {move.digest(), build.submission, build.id, now}, now);
  }
  build.state = v1::BUILD_STATE_COMMITTING;
  build.Touch(-1);
  WriteHead(build);
  build.open_commits = 0;
  for (size_t begin = 0; begin < moves.size(); begin += kMovesPerRun) {
    const size_t end = std::min(moves.size(), begin + kMovesPerRun);
    Run* const run = CreateRun(absl::StrCat("commit.", build.id, ".", build.open_commits++));
    run->moves.assign(moves.begin() + begin, moves.begin() + end);
    run->owner = &build;
    run->shared = false;
    for (const v1::CommitRun::Move& move : run->moves) committing_[move.reference()] = run->id;
    if (const auto loaded = loaded_runs_.find(run->id); loaded != loaded_runs_.end()) {
      Restore(run, loaded->second, now);
    } else {
      MakeReady(run);
    }
  }
}

void Scheduler::CompleteCommit(Run* run, const v1::Outcome& outcome, absl::Time now) {
  for (const v1::CommitRun::Move& move : run->moves) committing_.erase(move.reference());
  if (run->repair) {
    RemoveRun(run);
    RetryWaitingCommits(now);
    return;
  }
  Build& build = *run->owner;
  for (const v1::TagStatus& tag : outcome.tags()) build.tags.push_back(tag);
  if (outcome.kind() != v1::Outcome::KIND_SUCCEEDED && outcome.kind() != v1::Outcome::KIND_REUSED) {
    build.error = absl::StrCat(
        "moving tags: ", outcome.error().empty() ? "the worker gave no reason" : outcome.error());
    build.failure_class = outcome.failure_class() == v1::FAILURE_CLASS_USER
                              ? v1::FAILURE_CLASS_USER
                              : v1::FAILURE_CLASS_INFRASTRUCTURE;
    for (const v1::CommitRun::Move& move : run->moves) {
      const bool told = std::any_of(
          outcome.tags().begin(), outcome.tags().end(),
          [&](const v1::TagStatus& tag) { return tag.reference() == move.reference(); });
      if (told) continue;
      v1::TagStatus& tag = build.tags.emplace_back();
      tag.set_reference(move.reference());
      tag.set_digest(move.digest());
      tag.set_error("not moved, as far as is known");
    }
  }
  RemoveRun(run);
  if (--build.open_commits == 0) {
    EndBuild(build, build.error.empty() ? v1::BUILD_STATE_SUCCEEDED : v1::BUILD_STATE_FAILED, now);
  }
  RetryWaitingCommits(now);
}

void Scheduler::RetryWaitingCommits(absl::Time now) {
  for (const std::string& id : std::exchange(waiting_commits_, {})) {
    if (const auto it = builds_.find(id); it != builds_.end()) CheckBuildOver(*it->second, now);
  }
}

void Scheduler::RepairTags(const v1::Outcome& late) {
  std::vector<v1::CommitRun::Move> moves;
  for (const v1::TagStatus& tag : late.tags()) {
    const TagOwner* owner = knowledge_.FindTag(tag.reference());
    // A commit that is live puts it right by itself: it looks at every tag at its end.
    if (owner == nullptr || !tag.moved() || tag.digest() == owner->digest ||
        committing_.contains(tag.reference())) {
      continue;
    }
    v1::CommitRun::Move& move = moves.emplace_back();
    move.set_reference(tag.reference());
    move.set_digest(owner->digest);
  }
  if (moves.empty()) return;
  Run* const run = CreateRun(absl::StrCat("repair.", term_, ".", run_sequence_ + 1));
  run->moves = std::move(moves);
  run->repair = true;
  run->shared = false;
  for (const v1::CommitRun::Move& move : run->moves) committing_[move.reference()] = run->id;
  MakeReady(run);
}

bool Scheduler::RebuildMissing(Build& build, const std::string& digest, absl::Time now) {
  std::vector<int> missing;
  for (int t = 0; t < static_cast<int>(build.tasks.size()); ++t) {
    if (build.tasks[t].result.digest() != digest) continue;
    if (build.tasks[t].rebuilt) return false;  // Twice is no accident.
    missing.push_back(t);
  }
  if (missing.empty()) return false;
  // Every part of the commit starts again when the tasks are done: moving a tag twice does no harm.
  std::vector<Run*> parts;
  for (const auto& [id, run] : runs_) {
    if (run->is_commit() && run->owner == &build) parts.push_back(run.get());
  }
  for (Run* run : parts) {
    for (const v1::CommitRun::Move& move : run->moves) committing_.erase(move.reference());
    RemoveRun(run);
  }
  build.open_commits = 0;
  build.tags.clear();
  build.state = v1::BUILD_STATE_RUNNING;
  WriteHead(build);
  for (const int t : missing) {
    Task& task = build.tasks[t];
    --build.over_count[task.state];
    --build.over;
    ++unfinished_tasks_;
    task.rebuilt = true;
    task.state = v1::TASK_STATE_WAITING;
    task.end = absl::InfinitePast();
    task.result.Clear();
    knowledge_.DropResult(task.build_key);
    becoming_ready_.push_back({&build, t});
  }
  Settle(now);
  return true;
}

}  // namespace stevedore::coordinator
