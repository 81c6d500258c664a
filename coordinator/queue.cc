#include "coordinator/queue.h"

#include <utility>

#include "coordinator/queue_body.h"

namespace stevedore::coordinator {

Queue::Queue(QueueOptions options, std::unique_ptr<Ledger> ledger, const base::Clock* clock)
    : body_(std::make_unique<Body>(std::move(options), std::move(ledger), clock)) {}
Queue::~Queue() { body_->Stop(); }

void Queue::Start(std::string address) { body_->Start(std::move(address)); }
absl::Status Queue::AwaitLeadership(absl::Duration timeout) {
  return body_->AwaitLeadership(timeout);
}
void Queue::Stop() { body_->Stop(); }
bool Queue::ready() const { return body_->ready(); }
v1::GetServerResponse Queue::GetServer() const { return body_->GetServer(); }
absl::StatusOr<v1::PlanBuildResponse> Queue::PlanBuild(const Submission& submission) {
  return body_->PlanBuild(submission);
}
void Queue::SubmitBuild(Submission submission, Deliver<v1::SubmitBuildResponse> deliver) {
  body_->SubmitBuild(std::move(submission), std::move(deliver));
}
Queue::WaitId Queue::WatchBuild(v1::WatchBuildRequest request, Deliver<WatchAnswer> deliver) {
  return body_->WatchBuild(std::move(request), std::move(deliver));
}
void Queue::GetBuild(const v1::GetBuildRequest& request, Deliver<v1::GetBuildResponse> deliver) {
  body_->GetBuild(request, std::move(deliver));
}
void Queue::ListBuilds(const v1::ListBuildsRequest& request,
                       Deliver<v1::ListBuildsResponse> deliver) {
  body_->ListBuilds(request, std::move(deliver));
}
void Queue::CancelBuild(const v1::CancelBuildRequest& request,
                        Deliver<v1::CancelBuildResponse> deliver) {
  body_->CancelBuild(request, std::move(deliver));
}
Queue::WaitId Queue::TailLog(v1::TailLogRequest request, Deliver<v1::TailLogResponse> deliver) {
  return body_->TailLog(std::move(request), std::move(deliver));
}
Queue::WaitId Queue::Sync(v1::SyncRequest request, Deliver<v1::SyncResponse> deliver) {
  return body_->Sync(std::move(request), std::move(deliver));
}
absl::Status Queue::AppendLog(const v1::AppendLogRequest& request) {
  return body_->AppendLog(request);
}
void Queue::Abandon(WaitId id) { body_->Abandon(id); }

}  // namespace stevedore::coordinator
