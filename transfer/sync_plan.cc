#include "transfer/sync_plan.h"

#include <algorithm>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace stevedore::transfer {

SyncPlan PlanSync(const SyncJob& job, const std::vector<std::string>& source_tags,
                  const std::vector<std::string>& destination_tags) {
  SyncPlan plan;
  plan.wanted = SelectTags(job.tags, source_tags);
  if (!job.delete_extraneous) return plan;
  absl::flat_hash_set<std::string> kept;
  for (const std::string& tag : plan.wanted) kept.insert(absl::StrCat(tag, job.tag_suffix));
  size_t own = 0;
  for (const std::string& tag : destination_tags) {
    if (!absl::EndsWith(tag, job.tag_suffix) || IsReferrersTag(tag)) continue;
    ++own;
    if (!kept.contains(tag)) plan.extraneous.push_back(tag);
  }
  std::sort(plan.extraneous.begin(), plan.extraneous.end());
  const size_t count = plan.extraneous.size();
  const DeleteLimit& limit = job.delete_limit;
  if (count > static_cast<size_t>(limit.tags) || count * 100 > own * limit.percent) {
    plan.deletion = absl::FailedPreconditionError(absl::StrCat(
        count, " of ", own, " tags of ", job.destination.ToString(), " are not selected by job ",
        job.name, "; its delete_limit allows ", limit.tags, " tags and ", limit.percent,
        " percent, so none is deleted; look at them with --dry-run, "
        "then correct the job or raise its delete_limit"));
  }
  return plan;
}

}  // namespace stevedore::transfer
