#include "http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/byte_source.h"
#include "base/testing/status_matchers.h"
#include "http/testing/loopback_server.h"

namespace stevedore::http {
namespace {

using base::testing::StatusIs;
using testing::Connection;
using ::testing::HasSubstr;
using testing::LoopbackServer;
using ::testing::Not;
using ::testing::Optional;
using testing::ReceivedRequest;

// Answers each request with its method, target and body, for as long as the connection stands.
void Echo(Connection& connection) {
  while (true) {
    const absl::StatusOr<ReceivedRequest> request = connection.ReadRequest();
    if (!request.ok()) return;
    const auto body = connection.ReadExactly(request->ContentLength());
    if (!body.ok()) return;
    const std::string text = absl::StrCat(request->method, " ", request->target, " ", *body);
    if (!connection
             .Answer(request->method == "HEAD" ? 204 : 200,
                     {{"X-Authorization", request->headers.Find("Authorization").value_or("-")},
                      {"X-Expect", request->headers.Find("Expect").value_or("-")},
                      {"X-Length", request->headers.Find("Content-Length").value_or("-")}},
                     request->method == "HEAD" ? "" : text)
             .ok()) {
      return;
    }
  }
}

std::unique_ptr<LoopbackServer> Serve(LoopbackServer::Handler handler) {
  auto server = LoopbackServer::Start(std::move(handler));
  return server.ok() ? *std::move(server) : nullptr;
}

TEST(ClientTest, SendsEveryMethodOverOneConnection) {
  const auto server = Serve(Echo);
  Client client;
  for (const std::string method : {"GET", "PUT", "POST", "PATCH", "DELETE", "HEAD"}) {
    const bool with_body = method[0] == 'P';
    ASSERT_OK_AND_ASSIGN(const Response answer,
                         client.Send({.method = method,
                                      .url = server->url() + "/v2/x?a=b",
                                      .headers = {{"Authorization", "secret"}},
                                      .body = with_body ? "bytes" : ""}));
    if (method == "HEAD") continue;
    EXPECT_EQ(answer.body, absl::StrCat(method, " /v2/x?a=b ", with_body ? "bytes" : ""));
    EXPECT_THAT(answer.headers.Find("x-authorization"), Optional(std::string("secret")));
    EXPECT_THAT(answer.headers.Find("x-expect"), Optional(std::string("-")));
  }
  EXPECT_EQ(server->connection_count(), 1);
}

TEST(ClientTest, AnEmptyPostSaysItsLength) {
  const auto server = Serve(Echo);
  Client client;
  ASSERT_OK_AND_ASSIGN(const Response answer,
                       client.Send({.method = "POST", .url = server->url() + "/"}));
  EXPECT_THAT(answer.headers.Find("x-length"), Optional(std::string("0")));
}

TEST(ClientTest, StreamsABodyUp) {
  const auto server = Serve(Echo);
  Client client;
  std::string body(3 << 20, 'x');
  base::StringSource source(body);
  ASSERT_OK_AND_ASSIGN(const Response answer, client.Send({.method = "PUT",
                                                           .url = server->url() + "/b",
                                                           .body_source = &source,
                                                           .body_size = body.size()}));
  EXPECT_EQ(answer.body.size(), body.size() + 7);
}

TEST(ClientTest, StreamsABodyOfUnknownSizeInChunks) {
  std::string head, body;
  const auto server = Serve([&](Connection& connection) {
    const absl::StatusOr<ReceivedRequest> request = connection.ReadRequest();
    if (!request.ok()) return;
    head = request->head;
    while (!absl::EndsWith(body, "0\r\n\r\n")) {
      const absl::StatusOr<std::string> more = connection.ReadExactly(1);
      if (!more.ok()) return;
      body += *more;
    }
    (void)connection.Answer(200, {}, "");
  });
  Client client;
  base::StringSource source("no size");
  ASSERT_OK(client
                .Send({.method = "POST",
                       .url = server->url() + "/b",
                       .body_source = &source,
                       .body_size = kUnknownSize})
                .status());
  EXPECT_THAT(head, HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_THAT(body, HasSubstr("7\r\nno size\r\n"));
}

TEST(ClientTest, SaysWhenTheContentToSendIsTooShort) {
  const auto server = Serve(Echo);
  Client client;
  base::StringSource source("short");
  EXPECT_THAT(
      client.Send(
          {.method = "PUT", .url = server->url() + "/b", .body_source = &source, .body_size = 9}),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("4 bytes early")));
}

TEST(ClientTest, ReadsABodyNoFasterThanAsked) {
  std::atomic<uint64_t> sent = 0;
  constexpr uint64_t kSize = 64 << 20;
  const auto server = Serve([&](Connection& connection) {
    if (!connection.ReadRequest().ok()) return;
    (void)connection.Write(absl::StrCat("HTTP/1.1 200 OK\r\nContent-Length: ", kSize, "\r\n\r\n"));
    const std::string block(1 << 20, 'b');
    while (sent < kSize && connection.Write(block).ok()) sent += block.size();
  });
  Client client;
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<Exchange> exchange, client.Start({.url = server->url()}));
  char byte;
  ASSERT_OK(exchange->Read(&byte, 1));
  // What the kernel's buffers hold may be ahead of us, but not the body.
  EXPECT_LT(sent, kSize / 2);
  base::StringSource nothing("");
  std::string rest;
  base::StringSink sink(&rest);
  EXPECT_THAT(base::CopyAll(*exchange, sink), base::testing::IsOkAndHolds(kSize - 1));
  EXPECT_EQ(sent, kSize);
}

TEST(ClientTest, DoesNotFollowRedirects) {
  const auto server = Serve([](Connection& connection) {
    if (connection.ReadRequest().ok()) {
      (void)connection.Answer(307, {{"Location", "http://elsewhere/"}}, "");
    }
  });
  Client client;
  ASSERT_OK_AND_ASSIGN(const Response answer, client.Send({.url = server->url()}));
  EXPECT_EQ(answer.status, 307);
  EXPECT_THAT(answer.headers.Find("location"), Optional(std::string("http://elsewhere/")));
}

TEST(ClientTest, ABrokenBodyIsUnavailable) {
  const auto server = Serve([](Connection& connection) {
    if (!connection.ReadRequest().ok()) return;
    (void)connection.Write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
  });
  Client client;
  EXPECT_THAT(
      client.Send({.url = server->url() + "/x?token=secret"}),
      StatusIs(absl::StatusCode::kUnavailable,
               ::testing::AllOf(HasSubstr("GET http://127.0.0.1"), Not(HasSubstr("secret")))));
}

TEST(ClientTest, NobodyListeningIsUnavailable) {
  int port;
  {
    const auto server = Serve(Echo);
    port = server->port();
  }
  Client client;
  EXPECT_THAT(client.Send({.url = absl::StrCat("http://127.0.0.1:", port)}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("Connection refused")));
}

TEST(ClientTest, LimitsHeadersAndBodies) {
  const auto server = Serve([](Connection& connection) {
    const auto request = connection.ReadRequest();
    if (!request.ok()) return;
    if (request->target == "/body") {
      (void)connection.Answer(200, {}, std::string(1001, 'x'));
      return;
    }
    std::string head = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 100; ++i)
      absl::StrAppend(&head, "X-", i, ": ", std::string(100, 'y'), "\r\n");
    (void)connection.Write(head + "\r\n");
  });
  Client client({.header_limit_bytes = 5000});
  EXPECT_THAT(client.Send({.url = server->url() + "/head"}),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("5000 bytes")));
  EXPECT_THAT(client.Send({.url = server->url() + "/body"}, 1000),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

// Accepts and says nothing until the peer goes.
void Hang(Connection& connection) {
  char byte;
  if (connection.ReadRequest().ok()) (void)connection.Read(&byte, 1);
}

TEST(ClientTest, ASilentServerIsGivenUp) {
  const auto server = Serve(Hang);
  Client client;
  EXPECT_THAT(client.Send({.url = server->url(), .idle_timeout = absl::Milliseconds(20)}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("moved no byte for 20ms")));
  EXPECT_THAT(client.Send({.url = server->url(), .total_timeout = absl::Milliseconds(20)}),
              StatusIs(absl::StatusCode::kDeadlineExceeded, HasSubstr("20ms")));
}

TEST(ClientTest, AServerThatSendsHeadersWithoutEndIsGivenUp) {
  const auto server = Serve([](Connection& connection) {
    if (!connection.ReadRequest().ok()) return;
    if (!connection.Write("HTTP/1.1 200 OK\r\n").ok()) return;
    // Something moves all the time, so it is not idle.
    while (connection.Write("a: b\r\n").ok()) absl::SleepFor(absl::Milliseconds(20));
  });
  Client client;
  EXPECT_THAT(client.Send({.url = server->url() + "/", .head_timeout = absl::Milliseconds(200)}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("did not answer within 200ms")));
}

TEST(ClientTest, AStrangerMayNotNameThisMachine) {
  const auto server = Serve(Echo);
  Client client;
  EXPECT_THAT(client.Send({.url = server->url() + "/", .stranger_named_it = true}),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       HasSubstr("127.0.0.1 is an address of this machine")));
  EXPECT_EQ(server->connection_count(), 0);
}

TEST(ClientTest, StoppingEndsAWaitingRequest) {
  std::stop_source stop;
  const auto server = Serve([&](Connection& connection) {
    if (!connection.ReadRequest().ok()) return;
    stop.request_stop();  // Now the client certainly waits, or is about to.
    char byte;
    (void)connection.Read(&byte, 1);
  });
  Client client;
  EXPECT_THAT(client.Send({.url = server->url(), .stop = stop.get_token()}),
              StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(client.Send({.url = server->url(), .stop = stop.get_token()}),
              StatusIs(absl::StatusCode::kCancelled));
}

TEST(ClientTest, AnEarlyRefusalIsSeenThoughTheBodyWasNotRead) {
  const auto server = Serve([](Connection& connection) {
    if (!connection.ReadRequest().ok()) return;
    (void)connection.Answer(401, {{"Connection", "close"}}, "no");
    std::string buffer(1 << 16, '\0');  // Takes what still comes, so that no reset eats the answer.
    while (true) {
      const auto n = connection.Read(buffer.data(), buffer.size());
      if (!n.ok() || *n == 0) return;
    }
  });
  Client client;
  std::string body(8 << 20, 'x');
  base::StringSource source(body);
  ASSERT_OK_AND_ASSIGN(const Response answer, client.Send({.method = "PUT",
                                                           .url = server->url(),
                                                           .body_source = &source,
                                                           .body_size = body.size()}));
  EXPECT_EQ(answer.status, 401);
}

TEST(ClientTest, RefusesLineBreaksInHeaders) {
  Client client;
  EXPECT_THAT(client.Send({.url = "http://127.0.0.1:1/", .headers = {{"A", "b\r\nC: d"}}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("line break")));
}

TEST(ClientTest, ManyThreadsShareOneClient) {
  const auto server = Serve(Echo);
  Client client;
  std::atomic<int> good = 0;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        for (int i = 0; i < 25; ++i) {
          const auto answer = client.Send({.url = server->url() + "/t"});
          if (answer.ok() && answer->body == "GET /t ") ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, 100);
  EXPECT_LE(server->connection_count(), 4);
}

TEST(ClientTest, PlainHttpIsGuessedForThisMachineOnly) {
  for (const char* host : {"localhost:8080", "127.0.0.1", "127.0.0.1:1234", "::1", "[::1]:5000"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  // Private networks have to be asked for; the rest only looks like this machine, or is so on some
  // machines only (names below localhost).
  for (const char* host :
       {"10.2.3.4:5000", "172.16.3.4:3000", "192.168.3.4", "registry.local", "foo.svc.local:1234",
        "foo.svc.localhost:1234", "127.0.0.1.evil.com", "my127.0.0.1registry.io",
        "[2001:db8::1]:5000", "8.8.8.8", "10.256.0.0:5000", "gcr.io", "index.docker.io",
        "notlocalhost", "localhost.evil.com"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
}

TEST(ClientTest, KnowsLoopbackNames) {
  for (const char* host : {"localhost", "localhost:5000", "127.0.0.1:80", "127.3.2.1", "[::1]:5000",
                           "::1", "LOCALHOST"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const char* host : {"127.evil.example", "localhost.evil", "10.0.0.1", "[::2]", "example"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
}

}  // namespace
}  // namespace stevedore::http
