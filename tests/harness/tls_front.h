// TLS in front of a server that speaks plain HTTP, for tests.

#ifndef STEVEDORE_TESTS_HARNESS_TLS_FRONT_H_
#define STEVEDORE_TESTS_HARNESS_TLS_FRONT_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "base/file.h"
#include "tests/harness/process.h"

namespace stevedore::testing {

// A lighttpd that hands all requests on to a port of this machine. Not thread-safe.
class TlsFront {
 public:
  // `certificate` and `key` are PEM files, `port` is where the server listens on 127.0.0.1. Returns
  // when the front answers.
  static absl::StatusOr<std::unique_ptr<TlsFront>> Start(const std::string& certificate,
                                                         const std::string& key, int port);

  // "https://127.0.0.1:34567".
  const std::string& url() const { return url_; }

 private:
  explicit TlsFront(base::TemporaryDirectory directory) : directory_(std::move(directory)) {}

  const base::TemporaryDirectory directory_;
  std::string url_;
  std::unique_ptr<Process> process_;
};

}  // namespace stevedore::testing

#endif  // STEVEDORE_TESTS_HARNESS_TLS_FRONT_H_
