#include "worker/drivers/none.h"

#include "base/testing/status_matchers.h"

namespace stevedore::worker {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(NoneDriverTest, SaysWhatToDo) {
  NoneDriver driver;
  BuildRequest request;
  request.id = "base:1";
  request.reference = "localhost:5000/shop/base:1";
  request.source = "base.yaml:7";
  EXPECT_THAT(driver.Build(request, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("base.yaml:7: image base:1 has no builder")));
}

}  // namespace
}  // namespace stevedore::worker
