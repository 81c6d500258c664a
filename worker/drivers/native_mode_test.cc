#include "worker/drivers/native_mode.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::worker::native {
namespace {

struct Vector {
  const char* change;
  uint32_t mode;
  bool directory;
  uint32_t want;
};

TEST(NativeModeTest, AsChmodDoesIt) {
  const std::vector<Vector> vectors = {
      {"755", 0600, false, 0755},         {"0", 0777, false, 0},
      {"4711", 0, false, 04711},          {"u=rwX,go=rX", 0600, false, 0644},
      {"u=rwX,go=rX", 0700, false, 0755}, {"u=rwX,go=rX", 0600, true, 0755},
      {"+x", 0644, false, 0755},          {"a-w", 0777, false, 0555},
      {"g=u", 0740, false, 0770},         {"o=", 0777, false, 0770},
      {"u+s,g+s", 0755, false, 06755},    {"+t", 0777, true, 01777},
      {"g-rw,o=r", 0666, false, 0604},
  };
  for (const Vector& v : vectors) {
    ASSERT_OK_AND_ASSIGN(const ModeChange change, ModeChange::Parse(v.change));
    EXPECT_EQ(change.Apply(v.mode, v.directory), v.want) << v.change;
  }
}

TEST(NativeModeTest, Refuses) {
  for (const char* text : {"", "8", "77777", "x", "u", "u=q", "=r,", "755,+x", "000000000755"}) {
    EXPECT_FALSE(ModeChange::Parse(text).ok()) << text;
  }
}

}  // namespace
}  // namespace stevedore::worker::native
