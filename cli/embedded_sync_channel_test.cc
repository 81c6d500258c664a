#include "cli/embedded_sync_channel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "absl/time/time.h"
#include "base/testing/status_matchers.h"
#include "coordinator/memory_ledger.h"
#include "coordinator/queue.h"
#include "stevedore/v1/worker_service.pb.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;

TEST(EmbeddedSyncChannelTest, DestructionEndsWaitingCalls) {
  coordinator::QueueOptions options;
  options.takeover = absl::ZeroDuration();
  coordinator::Queue queue(options, std::make_unique<coordinator::MemoryLedger>());
  queue.Start();
  ASSERT_OK(queue.AwaitLeadership(absl::Seconds(30)));
  std::optional<absl::Status> answer;
  {
    EmbeddedSyncChannel channel(&queue);
    v1::SyncRequest request;
    request.set_worker_id("w1");
    request.set_seq(1);
    request.add_platforms("linux/amd64");
    request.set_slots(1);
    request.set_free_slots(1);
    // Nothing is to be done, so this waits for half a minute.
    channel.Sync(request, absl::Seconds(40),
                 [&](absl::StatusOr<std::unique_ptr<v1::SyncResponse>> response) {
                   answer = response.status();
                 });
  }
  ASSERT_TRUE(answer.has_value());
  EXPECT_THAT(*answer, StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace stevedore::cli
