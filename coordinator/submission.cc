#include "coordinator/submission.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace stevedore::coordinator {

absl::Status SubmissionReader::Add(v1::SubmitBuildRequest part) {
  if (committed_) {
    return absl::InvalidArgumentError("submission: a part came after `commit`, which must be last");
  }
  if (!has_header_ && !part.has_header()) {
    return absl::InvalidArgumentError("submission: the first part must be `header`");
  }
  switch (part.part_case()) {
    case v1::SubmitBuildRequest::kHeader:
      if (has_header_) return absl::InvalidArgumentError("submission: a second `header` came");
      has_header_ = true;
      submission_.header = std::move(*part.mutable_header());
      if (submission_.header.sealed_credentials().size() > kSealedLimitBytes) {
        return absl::InvalidArgumentError(
            absl::StrCat("submission: ", submission_.header.sealed_credentials().size(),
                         " bytes of sealed credentials; at most 256 KiB are taken"));
      }
      return absl::OkStatus();
    case v1::SubmitBuildRequest::kImages:
      for (v1::Image& image : *part.mutable_images()->mutable_images()) {
        submission_.images.push_back(std::move(image));
      }
      if (submission_.images.size() > kImageLimit) {
        return absl::ResourceExhaustedError(absl::StrCat("submission: more than ", kImageLimit,
                                                         " images; submit parts of the graph"));
      }
      return absl::OkStatus();
    case v1::SubmitBuildRequest::kCommit:
      if (part.commit().image_count() != static_cast<int>(submission_.images.size())) {
        return absl::InvalidArgumentError(absl::StrCat("submission: `commit` announces ",
                                                       part.commit().image_count(), " images, but ",
                                                       submission_.images.size(), " came"));
      }
      committed_ = true;
      return absl::OkStatus();
    case v1::SubmitBuildRequest::PART_NOT_SET:
      break;
  }
  return absl::InvalidArgumentError("submission: a part is empty; send header, images or commit");
}

absl::StatusOr<Submission> SubmissionReader::Finish() {
  if (!committed_) return absl::AbortedError("submission: the stream ended before `commit`");
  return std::move(submission_);
}

}  // namespace stevedore::coordinator
