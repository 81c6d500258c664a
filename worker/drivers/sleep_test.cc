#include "worker/drivers/sleep.h"

#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/testing/status_matchers.h"

namespace stevedore::worker {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

BuildRequest Request(const char* options) {
  BuildRequest request;
  request.id = "a:1";
  request.source = "a.yaml:3";
  request.platform = *oci::Platform::Parse("linux/amd64");
  request.options_json = options;
  request.labels = {{"k", "v"}};
  return request;
}

TEST(SleepDriverTest, MakesTheSameTinyImageWhateverTheTime) {
  SleepDriver driver;
  ASSERT_OK_AND_ASSIGN(const BuiltImage zero, driver.Build(Request("{}"), {}));
  ASSERT_OK_AND_ASSIGN(const BuiltImage some, driver.Build(Request("{\"duration\": 0.001}"), {}));
  EXPECT_EQ(zero.image.manifest.digest(), some.image.manifest.digest());
  EXPECT_TRUE(zero.image.manifest.layers().empty());
  EXPECT_EQ(zero.image.config.labels().at("k"), "v");
}

TEST(SleepDriverTest, StopsWhenTold) {
  SleepDriver driver;
  std::stop_source stop;
  const absl::Time start = absl::Now();
  std::jthread stopper([&stop] { stop.request_stop(); });
  EXPECT_THAT(driver.Build(Request("{\"duration\": 3600}"), stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_LT(absl::Now() - start, absl::Minutes(1));
}

TEST(SleepDriverTest, NamesTheDefinitionInErrors) {
  SleepDriver driver;
  EXPECT_THAT(driver.Build(Request("{\"duration\": \"long\"}"), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a.yaml:3: image a:1")));
}

}  // namespace
}  // namespace stevedore::worker
