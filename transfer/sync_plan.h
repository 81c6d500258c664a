// Which tags a job copies and deletes: decided from what there is, without asking anybody.

#ifndef STEVEDORE_TRANSFER_SYNC_PLAN_H_
#define STEVEDORE_TRANSFER_SYNC_PLAN_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "transfer/sync_job.h"

namespace stevedore::transfer {

// What one job has to do. A value.
struct SyncPlan {
  // Tags of the source, in the order of SelectTags. At the destination they have the job's suffix.
  std::vector<std::string> wanted;
  // Tags of the destination that are to be deleted, sorted; empty if the job deletes nothing.
  std::vector<std::string> extraneous;
  // FAILED_PRECONDITION if `extraneous` is more than the job's limit: then none may be deleted.
  absl::Status deletion = absl::OkStatus();
};

// The plan of `job`. `source_tags` matters if the job's rules need a listing, `destination_tags` if
// it deletes. With a suffix only tags that end in it are the job's; names that registries and
// signing tools give to what belongs to an image (IsReferrersTag) are never extraneous. Pure.
SyncPlan PlanSync(const SyncJob& job, const std::vector<std::string>& source_tags,
                  const std::vector<std::string>& destination_tags);

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_SYNC_PLAN_H_
