#include "worker/drivers/buildkit/address.h"

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(BuildkitAddressTest, SocketsPortsAndTls) {
  auto address = BuildkitAddress::FromEnvironment({{"BUILDKIT_HOST", "unix:///run/b.sock"}});
  ASSERT_OK(address);
  ASSERT_TRUE(address->has_value());
  EXPECT_EQ((*address)->target, "unix:/run/b.sock");
  EXPECT_FALSE((*address)->tls);

  address = BuildkitAddress::FromEnvironment(
      {{"BUILDKIT_HOST", "tcp://[::1]:1234"}, {"BUILDKIT_CERT_PATH", "/certs"}});
  ASSERT_OK(address);
  EXPECT_EQ((*address)->target, "[::1]:1234");
  EXPECT_TRUE((*address)->tls);
  EXPECT_EQ((*address)->key_file, "/certs/key.pem");
}

TEST(BuildkitAddressTest, NothingSaidIsNoAddress) {
  const auto address = BuildkitAddress::FromEnvironment({{"BUILDKIT_CERT_PATH", "/x"}});
  ASSERT_OK(address);
  EXPECT_FALSE(address->has_value());
}

TEST(BuildkitAddressTest, ErrorsSayWhatIsAllowed) {
  for (const std::string text : {"buildkitd.sock", "unix://run/x", "tcp://host", "tcp://host:0",
                                 "tcp://:12", "http://host:12", "tcp://h:99999"}) {
    const auto address = BuildkitAddress::FromEnvironment({{"BUILDKIT_HOST", text}});
    EXPECT_EQ(address.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(address.status().message()),
                AllOf(HasSubstr("BUILDKIT_HOST=`" + text), HasSubstr("tcp://HOST:PORT")));
  }
}

}  // namespace
}  // namespace stevedore::worker
