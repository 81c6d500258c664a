#include "tests/harness/faulty_proxy.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/status.h"

namespace stevedore::testing {
namespace {

using http::testing::Connection;
using http::testing::LoopbackServer;
using http::testing::ReceivedRequest;

constexpr size_t kBlockBytes = 64 << 10;

// The request's head with `Connection: close`, so that the answer ends with the connection.
std::string ClosingHead(const ReceivedRequest& request) {
  std::string head = absl::StrCat(request.method, " ", request.target, " HTTP/1.1\r\n");
  for (const auto& [name, value] : request.headers.fields()) {
    if (!absl::EqualsIgnoreCase(name, "Connection")) {
      absl::StrAppend(&head, name, ": ", value, "\r\n");
    }
  }
  return absl::StrCat(head, "Connection: close\r\n\r\n");
}

// Copies up to `size` bytes; less only if the source ends.
absl::Status Copy(Connection& from, Connection& to, uint64_t size, uint64_t bytes_per_second) {
  std::string block(kBlockBytes, '\0');
  while (size > 0) {
    size_t want = std::min<uint64_t>(size, block.size());
    if (bytes_per_second > 0) want = std::min<uint64_t>(want, bytes_per_second / 20 + 1);
    ASSIGN_OR_RETURN(const size_t read, from.Read(block.data(), want));
    if (read == 0) return absl::OkStatus();
    RETURN_IF_ERROR(to.Write(absl::string_view(block.data(), read)));
    size -= read;
    // Being slow is the point of it.
    if (bytes_per_second > 0) absl::SleepFor(absl::Milliseconds(50));
  }
  return absl::OkStatus();
}

void AwaitGoodbye(Connection& client) {
  char byte;
  (void)client.Read(&byte, 1);
}

}  // namespace

absl::StatusOr<std::unique_ptr<FaultyProxy>> FaultyProxy::Start(int server_port) {
  std::unique_ptr<FaultyProxy> proxy(new FaultyProxy(server_port));
  ASSIGN_OR_RETURN(proxy->server_, LoopbackServer::Start([self = proxy.get()](Connection& client) {
                     self->Serve(client);
                   }));
  return proxy;
}

void FaultyProxy::Add(Fault fault) {
  base::MutexLock lock(&mu_);
  faults_.push_back(std::move(fault));
}

void FaultyProxy::Release() {
  base::MutexLock lock(&mu_);
  released_ = true;
  released_changed_.SignalAll();
}

int FaultyProxy::held_count() const {
  base::MutexLock lock(&mu_);
  return held_count_;
}

void FaultyProxy::AwaitRelease() {
  base::MutexLock lock(&mu_);
  ++held_count_;
  while (!released_) released_changed_.Wait(&mu_);
}

int FaultyProxy::pending_count() const {
  base::MutexLock lock(&mu_);
  return static_cast<int>(faults_.size());
}

int FaultyProxy::RequestCount(absl::string_view text) const {
  base::MutexLock lock(&mu_);
  return static_cast<int>(std::count_if(seen_.begin(), seen_.end(), [&](const std::string& line) {
    return absl::StrContains(line, text);
  }));
}

std::optional<Fault> FaultyProxy::Take(const ReceivedRequest& request) {
  base::MutexLock lock(&mu_);
  seen_.push_back(absl::StrCat(request.method, " ", request.target));
  for (auto it = faults_.begin(); it != faults_.end(); ++it) {
    if (!it->method.empty() && it->method != request.method) continue;
    if (!absl::StrContains(request.target, it->path)) continue;
    Fault fault = *it;
    if (--it->times == 0) faults_.erase(it);
    return fault;
  }
  return std::nullopt;
}

void FaultyProxy::Serve(Connection& client) {
  const absl::StatusOr<ReceivedRequest> request = client.ReadRequest();
  if (!request.ok()) return;
  const std::optional<Fault> fault = Take(*request);
  if (fault.has_value() && fault->hang) return AwaitGoodbye(client);
  if (fault.has_value() && fault->status != 0) {
    (void)client.ReadExactly(request->ContentLength());
    http::Headers headers = fault->headers;
    headers.Set("Connection", "close");
    (void)client.Answer(fault->status, headers, fault->body);
    return;
  }
  // The test looks at what the client made of it.
  (void)Forward(*request, client, fault);
}

absl::Status FaultyProxy::Forward(const ReceivedRequest& request, Connection& client,
                                  const std::optional<Fault>& fault) {
  ASSIGN_OR_RETURN(const base::FileDescriptor fd, http::testing::ConnectLoopback(server_port_));
  Connection server(fd.get());
  RETURN_IF_ERROR(server.Write(ClosingHead(request)));
  const uint64_t length = request.ContentLength();
  if (fault.has_value() && fault->cut_request_after.has_value()) {
    RETURN_IF_ERROR(Copy(client, server, std::min(length, *fault->cut_request_after), 0));
    client.Reset();
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(Copy(client, server, length, 0));
  // An answer's head is framed as a request's.
  ASSIGN_OR_RETURN(const ReceivedRequest answer, server.ReadRequest());
  if (fault.has_value() && fault->hold_answer) AwaitRelease();
  RETURN_IF_ERROR(client.Write(answer.head));
  if (fault.has_value() && fault->cut_response_after.has_value()) {
    return Copy(server, client, *fault->cut_response_after, 0);
  }
  return Copy(server, client, UINT64_MAX, fault.has_value() ? fault->bytes_per_second : 0);
}

}  // namespace stevedore::testing
