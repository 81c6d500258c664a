#include "http/testing/loopback_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::http::testing {
namespace {

TEST(LoopbackServerTest, HandsOverRequestsAndBodies) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<LoopbackServer> server,
                       LoopbackServer::Start([](Connection& connection) {
                         const auto request = connection.ReadRequest();
                         if (!request.ok()) return;
                         const auto body = connection.ReadExactly(request->ContentLength());
                         (void)connection.Answer(200, {{"X", request->target}}, *body);
                       }));
  ASSERT_OK_AND_ASSIGN(base::FileDescriptor fd, ConnectLoopback(server->port()));
  ASSERT_OK(base::WriteFully(fd.get(), "PUT /a HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", "peer"));
  base::FileSource source(std::move(fd), "peer");
  EXPECT_THAT(
      base::ReadAll(source, 1000),
      base::testing::IsOkAndHolds("HTTP/1.1 200 Answer\r\nX: /a\r\nContent-Length: 2\r\n\r\nhi"));
  EXPECT_EQ(server->connection_count(), 1);
}

}  // namespace
}  // namespace stevedore::http::testing
