// The messages of one SubmitBuild or PlanBuild stream, put together.

#ifndef STEVEDORE_COORDINATOR_SUBMISSION_H_
#define STEVEDORE_COORDINATOR_SUBMISSION_H_

#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::coordinator {

// What a client wants built: plain values, not yet checked.
struct Submission {
  v1::SubmitBuildRequest::Header header;
  std::vector<v1::Image> images;
};

// Puts a stream of parts together: header, image batches, commit. Not thread-safe.
class SubmissionReader {
 public:
  // INVALID_ARGUMENT: the part does not belong here (no header first, something after `commit`), or
  // the count in `commit` is not the number of images that came, or more than 256 KiB of sealed
  // credentials. RESOURCE_EXHAUSTED: more than `image_limit` images.
  absl::Status Add(v1::SubmitBuildRequest part);

  // The whole, once. ABORTED: the stream ended before `commit`.
  absl::StatusOr<Submission> Finish();

 private:
  static constexpr size_t kImageLimit =
      50'000;  // A build has at most as many tasks, and each image is one at least.
  // They travel with every run and rest in the ledger.
  static constexpr size_t kSealedLimitBytes = 256 << 10;

  Submission submission_;
  bool has_header_ = false;
  bool committed_ = false;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_SUBMISSION_H_
