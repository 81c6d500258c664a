// A registry that answers what a test says, and the client side to talk to it.

#ifndef STEVEDORE_TRANSFER_TESTING_SCRIPTED_REGISTRY_H_
#define STEVEDORE_TRANSFER_TESTING_SCRIPTED_REGISTRY_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "credentials/credential_store.h"
#include "http/client.h"
#include "http/testing/loopback_server.h"
#include "oci/image/reference.h"
#include "transfer/registry_options.h"

namespace stevedore::transfer::testing {

// What a scripted registry answers. Plain data.
struct ScriptedAnswer {
  int status = 200;
  http::Headers headers = {};
  std::string body = "";
  // Close the connection after so many bytes of the body, though Content-Length says more.
  size_t cut_after = SIZE_MAX;
};

// Serves `script`, one request after the other; thread-safe as far as the script is.
class ScriptedRegistry {
 public:
  using Script = std::function<ScriptedAnswer(const http::testing::ReceivedRequest& request,
                                              const std::string& body)>;

  explicit ScriptedRegistry(Script script) : script_(std::move(script)) {
    auto server = http::testing::LoopbackServer::Start(
        [this](http::testing::Connection& connection) { Serve(connection); });
    if (!server.ok()) abort();
    server_ = *std::move(server);
  }

  const http::testing::LoopbackServer& server() const { return *server_; }
  // "repository" at this registry.
  oci::Reference Repository(const std::string& name) const {
    const auto reference = oci::Reference::Parse(absl::StrCat(server_->host(), "/", name));
    if (!reference.ok()) abort();
    return *reference;
  }
  // "METHOD target" of all requests so far.
  std::vector<std::string> requests() const {
    base::MutexLock lock(&mu_);
    return requests_;
  }

 private:
  void Serve(http::testing::Connection& connection) {
    while (true) {
      const auto request = connection.ReadRequest();
      if (!request.ok()) return;
      const auto body = connection.ReadExactly(request->ContentLength());
      if (!body.ok()) return;
      {
        base::MutexLock lock(&mu_);
        requests_.push_back(absl::StrCat(request->method, " ", request->target));
      }
      const ScriptedAnswer answer = script_(*request, *body);
      if (answer.cut_after < answer.body.size()) {
        std::string head = absl::StrCat("HTTP/1.1 ", answer.status, " Answer\r\n");
        for (const auto& [name, value] : answer.headers.fields()) {
          absl::StrAppend(&head, name, ": ", value, "\r\n");
        }
        (void)connection.Write(absl::StrCat(head, "Content-Length: ", answer.body.size(),
                                            "\r\n\r\n", answer.body.substr(0, answer.cut_after)));
        return;
      }
      const bool head_only = request->method == "HEAD" || answer.status == 204;
      if (head_only) {
        std::string head = absl::StrCat("HTTP/1.1 ", answer.status, " Answer\r\n");
        for (const auto& [name, value] : answer.headers.fields()) {
          absl::StrAppend(&head, name, ": ", value, "\r\n");
        }
        if (!connection.Write(absl::StrCat(head, "\r\n")).ok()) return;
      } else if (!connection.Answer(answer.status, answer.headers, answer.body).ok()) {
        return;
      }
    }
  }

  const Script script_;
  mutable base::Mutex mu_;
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<http::testing::LoopbackServer> server_;
};

// Options whose waits return at once and are remembered in `waits`, which must outlive them.
inline RegistryClientOptions WithoutWaiting(std::vector<absl::Duration>* waits) {
  RegistryClientOptions options;
  options.wait = [waits](absl::Duration wait, std::stop_token) { waits->push_back(wait); };
  return options;
}

}  // namespace stevedore::transfer::testing

#endif  // STEVEDORE_TRANSFER_TESTING_SCRIPTED_REGISTRY_H_
