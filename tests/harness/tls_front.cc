#include "tests/harness/tls_front.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"

namespace stevedore::testing {

absl::StatusOr<std::unique_ptr<TlsFront>> TlsFront::Start(const std::string& certificate,
                                                          const std::string& key, int port) {
  ASSIGN_OR_RETURN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
  std::unique_ptr<TlsFront> front(new TlsFront(std::move(directory)));
  const std::string& path = front->directory_.path();
  const int own_port = FreePort();
  front->url_ = absl::StrCat("https://127.0.0.1:", own_port);
  const std::string configuration = base::JoinPath(path, "lighttpd.conf");
  RETURN_IF_ERROR(base::WriteFileAtomically(
      configuration,
      absl::StrCat(
          "server.modules = (\"mod_proxy\", \"mod_openssl\")\nserver.document-root = \"", path,
          "\"\nserver.bind = \"127.0.0.1\"\nserver.port = ", own_port,
          "\nssl.engine = \"enable\"\nssl.pemfile = \"", certificate, "\"\nssl.privkey = \"", key,
          "\"\nproxy.server = (\"\" => ((\"host\" => \"127.0.0.1\", \"port\" => ", port, ")))\n")));
  ASSIGN_OR_RETURN(front->process_,
                   Process::Start({.argv = {"lighttpd", "-D", "-f", configuration}}));
  RETURN_IF_ERROR(WaitForPort(own_port), front->process_->output());
  return front;
}

}  // namespace stevedore::testing
