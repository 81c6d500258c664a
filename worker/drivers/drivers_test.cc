#include "worker/drivers/drivers.h"

#include "base/testing/status_matchers.h"

namespace stevedore::worker {
namespace {

TEST(DriversTest, EachIsFoundByItsOwnName) {
  base::MemoryBudget budget(1 << 20);
  const DriverSet drivers = CreateDrivers({.budget = &budget});
  for (const char* name : {"assemble", "docker", "native", "none", "sleep"}) {
    const auto it = drivers.find(name);
    ASSERT_NE(it, drivers.end()) << name;
    EXPECT_EQ(it->second->name(), name);
  }
}

}  // namespace
}  // namespace stevedore::worker
