#include "cli/live_logs.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "cli/testing/string_console.h"
#include "coordinator/submission.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

// Answers TailLog with pieces by image; other calls are not made here. Thread-safe once filled.
class LogClient final : public BuildClient {
 public:
  std::map<std::string, std::vector<std::pair<int64_t, std::string>>> logs;

  std::string name() const override { return "fake"; }
  absl::StatusOr<v1::GetServerResponse> GetServer() override { return No(); }
  absl::StatusOr<v1::PlanBuildResponse> PlanBuild(const coordinator::Submission&) override {
    return No();
  }
  absl::StatusOr<v1::SubmitBuildResponse> SubmitBuild(const coordinator::Submission&) override {
    return No();
  }
  absl::Status WatchBuild(const std::string&, const std::string&,
                          absl::FunctionRef<void(const v1::WatchBuildResponse&)>,
                          std::stop_token) override {
    return No();
  }
  absl::StatusOr<v1::GetBuildResponse> GetBuild(const std::string&) override { return No(); }
  absl::StatusOr<std::vector<v1::BuildStatus>> ListBuilds(int) override { return No(); }
  absl::StatusOr<v1::CancelBuildResponse> CancelBuild(const std::string&,
                                                      const std::string&) override {
    return No();
  }
  absl::Status TailLog(const std::string&, const std::string& image, const std::string&, int64_t,
                       absl::FunctionRef<void(const v1::TailLogResponse&)> receive,
                       std::stop_token) override {
    for (const auto& [offset, text] : logs.at(image)) {
      v1::TailLogResponse piece;
      piece.set_offset(offset);
      piece.set_data(text);
      receive(piece);
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status No() { return absl::UnimplementedError("not part of this test"); }
};

TEST(LiveLogsTest, EveryLineOfEveryTaskOnceAndInOrder) {
  LogClient client;
  client.logs["web:1"] = {{0, "one\ntw"}, {6, "o\n"}, {100, "late"}};
  testing::StringConsole console;
  {
    LiveLogs logs(&client, &console);
    logs.Show("b", "web:1", "linux/amd64");
    logs.Show("b", "web:1", "linux/amd64");
  }
  EXPECT_EQ(
      console.TakeErr(),
      "web:1 | one\nweb:1 | two\nweb:1 | (92 bytes before this are not kept)\nweb:1 | late\n");
}

}  // namespace
}  // namespace stevedore::cli
