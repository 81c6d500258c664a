#include "http/client.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/c_handle.h"
#include "base/mutex.h"
#include "base/status.h"
#include "http/url.h"

namespace stevedore::http {
namespace {

using EasyHandle = base::CHandle<CURL, curl_easy_cleanup>;
using MultiHandle = base::CHandle<CURLM, curl_multi_cleanup>;
using HeaderList = base::CHandle<curl_slist, curl_slist_free_all>;

// What libcurl may hand over while the reader has not asked: then the transfer pauses.
constexpr size_t kReadAheadBytes = 64 << 10;
constexpr long kReceiveBufferBytes = 128 << 10;  // NOLINT: libcurl takes long.
constexpr long kSendBufferBytes = 256 << 10;     // NOLINT: libcurl takes long.

using Steady = std::chrono::steady_clock;

// One libcurl transfer with the connections it has open. The multi handle owns the connections, so
// that an easy handle that is used again finds them. `multi` goes last: destroyed in reverse order.
struct Engine {
  MultiHandle multi;
  EasyHandle easy;
  std::string origin;  // Where its connection leads.
};

absl::Status CurlStatus(CURLcode code, absl::string_view doing, absl::string_view detail) {
  const std::string text =
      absl::StrCat(doing, ": ", detail.empty() ? curl_easy_strerror(code) : detail);
  switch (code) {
    case CURLE_URL_MALFORMAT:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return absl::InvalidArgumentError(text);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
      return absl::FailedPreconditionError(absl::StrCat(
          text, "; install the certificate authority that signed it, or name its file"));
    case CURLE_SSL_CONNECT_ERROR:
      return absl::FailedPreconditionError(absl::StrCat(
          text, "; the server may speak plain HTTP, ask for a client certificate, or be too old"));
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
      return absl::FailedPreconditionError(text);
    case CURLE_OUT_OF_MEMORY:
      return absl::ResourceExhaustedError(text);
    default:
      return absl::UnavailableError(text);
  }
}

bool UsesProxies() {
  for (const char* name : {"http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"}) {
    const char* const value = getenv(name);
    if (value != nullptr && *value != '\0') return true;
  }
  return false;
}

bool IsMachineAddress(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in in;
    memcpy(&in, &address, sizeof in);
    const uint32_t host = ntohl(in.sin_addr.s_addr);
    return host >> 24 == 127 || host >> 24 == 0 || host >> 16 == 0xa9fe;
  }
  if (address.sa_family != AF_INET6) return false;
  sockaddr_in6 in6;
  memcpy(&in6, &address, sizeof in6);
  const in6_addr& host = in6.sin6_addr;
  static constexpr unsigned char kCloud[] = {0xfd, 0x00, 0x0e, 0xc2};
  return IN6_IS_ADDR_LOOPBACK(&host) || IN6_IS_ADDR_UNSPECIFIED(&host) ||
         IN6_IS_ADDR_LINKLOCAL(&host) || IN6_IS_ADDR_V4MAPPED(&host) ||
         memcmp(host.s6_addr, kCloud, sizeof kCloud) == 0;
}

}  // namespace

// Idle engines. Thread-safe.
class Client::Pool {
 public:
  explicit Pool(int limit) : limit_(limit) {
    static std::once_flag once;
    std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  }

  std::unique_ptr<Engine> Take(const std::string& origin) ABSL_LOCKS_EXCLUDED(mu_) {
    {
      base::MutexLock lock(&mu_);
      // The latest first: its connection is the least likely to have been closed by the server.
      for (auto it = idle_.rbegin(); it != idle_.rend(); ++it) {
        if ((*it)->origin != origin) continue;
        std::unique_ptr<Engine> engine = std::move(*it);
        idle_.erase(std::next(it).base());
        return engine;
      }
    }
    auto engine = std::make_unique<Engine>();
    engine->multi.reset(curl_multi_init());
    engine->easy.reset(curl_easy_init());
    engine->origin = origin;
    if (engine->multi != nullptr) {
      curl_multi_setopt(engine->multi.get(), CURLMOPT_MAXCONNECTS, 1L);
    }
    return engine;
  }

  void Return(std::unique_ptr<Engine> engine) ABSL_LOCKS_EXCLUDED(mu_) {
    std::unique_ptr<Engine> dropped;  // Closed without the lock.
    base::MutexLock lock(&mu_);
    idle_.push_back(std::move(engine));
    if (idle_.size() > limit_) {
      dropped = std::move(idle_.front());
      idle_.pop_front();
    }
  }

 private:
  const size_t limit_;
  base::Mutex mu_;
  std::deque<std::unique_ptr<Engine>> idle_ ABSL_GUARDED_BY(mu_);  // Oldest first.
};

namespace {

// The exchange itself: drives libcurl on the caller's thread, only while the caller waits.
class CurlExchange final : public Exchange {
 public:
  using GiveBack = std::function<void(std::unique_ptr<Engine>)>;

  CurlExchange(const Request& request, Url url, const ClientOptions& options,
               std::unique_ptr<Engine> engine, GiveBack give_back)
      : doing_(absl::StrCat(request.method, " ", url.WithoutQuery())),
        host_(url.host),
        url_(url.ToString()),
        request_(request),
        header_limit_bytes_(options.header_limit_bytes),
        give_back_(std::move(give_back)),
        engine_(std::move(engine)),
        deadline_(After(request.total_timeout)),
        head_deadline_(After(request.head_timeout)) {
    error_text_[0] = '\0';
    Configure(options);
  }

  ~CurlExchange() override {
    wake_.reset();  // No wake-up may arrive at a handle that is going.
    curl_multi_remove_handle(engine_->multi.get(), engine_->easy.get());
    if (!done_) return;  // The connection is in the middle of an answer.
    curl_easy_reset(engine_->easy.get());
    give_back_(std::move(engine_));
  }

  // Sends and receives until the answer's headers are complete.
  absl::Status Begin() {
    if (const CURLMcode code = curl_multi_add_handle(engine_->multi.get(), engine_->easy.get());
        code != CURLM_OK) {
      return absl::InternalError(absl::StrCat(doing_, ": ", curl_multi_strerror(code)));
    }
    wake_.emplace(request_.stop, Waker{engine_->multi.get()});
    failure_ = Drive([this] { return head_complete_; });
    // An answer that broke after its head is an answer; reading it will say so.
    if (head_complete_) return absl::OkStatus();
    RETURN_IF_ERROR(failure_);
    return absl::UnavailableError(absl::StrCat(doing_, ": no answer"));
  }

  int status() const override { return status_; }
  const Headers& headers() const override { return headers_; }

  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    if (taken_ == ahead_.size()) {
      ahead_.clear();
      taken_ = 0;
      if (paused_) {
        paused_ = false;
        curl_easy_pause(engine_->easy.get(), CURLPAUSE_CONT);
      }
      // Bytes that came before a failure are handed out before it: whoever resumes must get on.
      if (failure_.ok()) failure_ = Drive([this] { return !ahead_.empty(); });
      if (ahead_.empty()) RETURN_IF_ERROR(failure_);
    }
    const size_t count = std::min(size, ahead_.size() - taken_);
    memcpy(buffer, ahead_.data() + taken_, count);
    taken_ += count;
    return count;
  }

 private:
  struct Waker {
    void operator()() const { curl_multi_wakeup(multi); }
    CURLM* multi;
  };

  static Steady::time_point After(absl::Duration duration) {
    if (duration > absl::Hours(24 * 365)) return Steady::time_point::max();
    return Steady::now() + absl::ToChronoMilliseconds(duration);
  }

  template <typename T>
  void Set(CURLoption option, T value) {
    curl_easy_setopt(engine_->easy.get(), option, value);
  }

  void Configure(const ClientOptions& options) {
    Set(CURLOPT_URL, url_.c_str());
    Set(CURLOPT_PATH_AS_IS, 1L);
    Set(CURLOPT_NOSIGNAL, 1L);
    Set(CURLOPT_PROTOCOLS_STR, "http,https");
    Set(CURLOPT_FOLLOWLOCATION, 0L);
    Set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));  // NOLINT
    Set(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
    // A name lookup that hangs must not hold up whoever cancelled.
    Set(CURLOPT_QUICK_EXIT, 1L);
    Set(CURLOPT_USERAGENT, options.user_agent.c_str());
    Set(CURLOPT_BUFFERSIZE, kReceiveBufferBytes);
    Set(CURLOPT_UPLOAD_BUFFERSIZE, kSendBufferBytes);
    Set(CURLOPT_ERRORBUFFER, error_text_);
    Set(CURLOPT_CONNECTTIMEOUT_MS,
        static_cast<long>(absl::ToInt64Milliseconds(request_.connect_timeout)));  // NOLINT
    if (IsLoopbackHost(host_) || request_.direct) Set(CURLOPT_PROXY, "");
    if (!request_.unix_socket.empty()) {
      Set(CURLOPT_UNIX_SOCKET_PATH, request_.unix_socket.c_str());
    }
    if (request_.stranger_named_it && !UsesProxies()) {
      Set(CURLOPT_OPENSOCKETFUNCTION, &OnOpenSocket);
      Set(CURLOPT_OPENSOCKETDATA, this);
    }
    ConfigureTls();
    ConfigureBody();
    Set(CURLOPT_HEADERFUNCTION, &OnHeader);
    Set(CURLOPT_HEADERDATA, this);
    Set(CURLOPT_WRITEFUNCTION, &OnBody);
    Set(CURLOPT_WRITEDATA, this);
  }

  void ConfigureTls() {
    const TlsOptions& tls = request_.tls;
    // libcurl itself does not look at the variables that OpenSSL's and Go's programs know.
    const char* const file = tls.ca_file.empty() ? std::getenv("SSL_CERT_FILE") : nullptr;
    const char* const folder = tls.ca_file.empty() ? std::getenv("SSL_CERT_DIR") : nullptr;
    if (!tls.ca_file.empty()) Set(CURLOPT_CAINFO, tls.ca_file.c_str());
    if (file != nullptr && *file != '\0') Set(CURLOPT_CAINFO, file);
    if (folder != nullptr && *folder != '\0') Set(CURLOPT_CAPATH, folder);
    if (!tls.ca_pem.empty()) {
      curl_blob blob{const_cast<char*>(tls.ca_pem.data()), tls.ca_pem.size(), CURL_BLOB_COPY};
      Set(CURLOPT_CAINFO_BLOB, &blob);
    }
    if (!tls.client_certificate_file.empty()) {
      Set(CURLOPT_SSLCERT, tls.client_certificate_file.c_str());
      Set(CURLOPT_SSLKEY, tls.client_key_file.c_str());
    }
    Set(CURLOPT_SSL_VERIFYPEER, tls.verify_server ? 1L : 0L);
    Set(CURLOPT_SSL_VERIFYHOST, tls.verify_server ? 2L : 0L);
    Set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));  // NOLINT
  }

  void ConfigureBody() {
    curl_slist* list = nullptr;
    for (const auto& [name, value] : request_.headers.fields()) {
      // libcurl takes "Name;" for a field without value.
      list = curl_slist_append(list, value.empty() ? absl::StrCat(name, ";").c_str()
                                                   : absl::StrCat(name, ": ", value).c_str());
    }
    // libcurl would wait a second for servers that do not know it.
    list = curl_slist_append(list, "Expect:");
    if (!request_.headers.Find("Content-Type").has_value()) {
      list = curl_slist_append(list, "Content-Type:");
    }
    header_list_.reset(list);
    Set(CURLOPT_HTTPHEADER, list);
    if (request_.body_source != nullptr) {
      Set(CURLOPT_UPLOAD, 1L);
      // Of unknown size, libcurl sends chunks.
      Set(CURLOPT_INFILESIZE_LARGE, request_.body_size == kUnknownSize
                                        ? curl_off_t{-1}
                                        : static_cast<curl_off_t>(request_.body_size));
      Set(CURLOPT_READFUNCTION, &OnSend);
      Set(CURLOPT_READDATA, this);
      left_to_send_ = request_.body_size;
    } else if (!request_.body.empty() || (request_.method != "GET" && request_.method != "HEAD" &&
                                          request_.method != "DELETE")) {
      Set(CURLOPT_POSTFIELDS, request_.body.data());
      Set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request_.body.size()));
    } else if (request_.method == "HEAD") {
      Set(CURLOPT_NOBODY, 1L);
    }
    Set(CURLOPT_CUSTOMREQUEST, request_.method.c_str());
  }

  // Runs the transfer until `enough` says so or it is over.
  template <typename Enough>
  absl::Status Drive(Enough enough) {
    last_moved_ = Steady::now();
    while (!enough() && !done_) {
      if (request_.stop.stop_requested()) {
        return absl::CancelledError(absl::StrCat(doing_, ": cancelled"));
      }
      int running = 0;
      curl_multi_perform(engine_->multi.get(), &running);
      RETURN_IF_ERROR(own_failure_);
      RETURN_IF_ERROR(CheckEnd());
      if (enough() || done_) break;
      RETURN_IF_ERROR(AwaitMovement());
    }
    return absl::OkStatus();
  }

  // Sets `done_`, or returns what ended the transfer.
  absl::Status CheckEnd() {
    int queued = 0;
    while (const CURLMsg* message = curl_multi_info_read(engine_->multi.get(), &queued)) {
      if (message->msg != CURLMSG_DONE) continue;
      if (message->data.result != CURLE_OK) {
        return CurlStatus(message->data.result, doing_, ErrorText(message->data.result));
      }
      done_ = true;
    }
    return absl::OkStatus();
  }

  // libcurl's text says that a connection failed, the system's why.
  std::string ErrorText(CURLcode code) const {
    long error_number = 0;  // NOLINT: libcurl takes long.
    curl_easy_getinfo(engine_->easy.get(), CURLINFO_OS_ERRNO, &error_number);
    if (code != CURLE_COULDNT_CONNECT || error_number == 0) return error_text_;
    return absl::StrCat(error_text_, " (", strerror(static_cast<int>(error_number)), ")");
  }

  absl::Status AwaitMovement() {
    const Steady::time_point now = Steady::now();
    if (now >= deadline_) {
      return absl::DeadlineExceededError(
          absl::StrCat(doing_, ": not over after ", absl::FormatDuration(request_.total_timeout)));
    }
    if (!head_complete_ && now >= head_deadline_) {
      return absl::UnavailableError(absl::StrCat(doing_, ": the server did not answer within ",
                                                 absl::FormatDuration(request_.head_timeout)));
    }
    const auto idle = absl::FromChrono(now - last_moved_);
    if (connected_ && idle >= request_.idle_timeout) {
      return absl::UnavailableError(absl::StrCat(doing_, ": the server moved no byte for ",
                                                 absl::FormatDuration(request_.idle_timeout)));
    }
    absl::Duration wait = absl::Seconds(1);
    if (connected_) wait = std::min(wait, request_.idle_timeout - idle);
    for (const Steady::time_point end : {deadline_, head_deadline_}) {
      if (end > now && end != Steady::time_point::max()) {
        wait = std::min(wait, absl::FromChrono(end - now));
      }
    }
    const int timeout = static_cast<int>(absl::ToInt64Milliseconds(wait)) + 1;
    curl_multi_poll(engine_->multi.get(), nullptr, 0, timeout, nullptr);
    if (!connected_) NoteConnection();
    return absl::OkStatus();
  }

  // Until the connection stands, only the connect time-out counts.
  void NoteConnection() {
    curl_off_t connected = 0;
    curl_easy_getinfo(engine_->easy.get(), CURLINFO_PRETRANSFER_TIME_T, &connected);
    if (connected == 0) return;
    connected_ = true;
    last_moved_ = Steady::now();
  }

  static curl_socket_t OnOpenSocket(void* self, curlsocktype, curl_sockaddr* address) {
    if (IsMachineAddress(address->addr)) {
      auto* const exchange = static_cast<CurlExchange*>(self);
      exchange->own_failure_ = absl::PermissionDeniedError(
          absl::StrCat(exchange->doing_, ": ", exchange->host_,
                       " is an address of this machine or its link, which no server may name"));
      return CURL_SOCKET_BAD;
    }
    return ::socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  }
  static size_t OnHeader(char* text, size_t one, size_t size, void* self) {
    return static_cast<CurlExchange*>(self)->TakeHeader(absl::string_view(text, one * size));
  }
  static size_t OnBody(char* bytes, size_t one, size_t size, void* self) {
    return static_cast<CurlExchange*>(self)->TakeBody(absl::string_view(bytes, one * size));
  }
  static size_t OnSend(char* buffer, size_t one, size_t size, void* self) {
    return static_cast<CurlExchange*>(self)->GiveBody(buffer, one * size);
  }

  size_t TakeHeader(absl::string_view line) {
    last_moved_ = Steady::now();
    const size_t size = line.size();
    header_bytes_ += size;
    if (header_bytes_ > header_limit_bytes_) {
      own_failure_ = absl::ResourceExhaustedError(absl::StrCat(
          doing_, ": the answer's header section exceeds ", header_limit_bytes_, " bytes"));
      return 0;
    }
    if (head_complete_) return size;  // A trailer.
    line = absl::StripAsciiWhitespace(line);
    if (absl::StartsWith(line, "HTTP/")) {
      headers_.Clear();
      const absl::string_view code = line.substr(std::min(line.find(' ') + 1, line.size()));
      if (!absl::SimpleAtoi(code.substr(0, 3), &status_)) status_ = 0;
    } else if (line.empty()) {
      head_complete_ = status_ >= 200;
    } else if (const size_t colon = line.find(':'); colon != absl::string_view::npos) {
      headers_.Add(line.substr(0, colon), absl::StripAsciiWhitespace(line.substr(colon + 1)));
    }
    return size;
  }

  size_t TakeBody(absl::string_view bytes) {
    last_moved_ = Steady::now();
    if (ahead_.size() - taken_ + bytes.size() > kReadAheadBytes && ahead_.size() > taken_) {
      paused_ = true;
      return CURL_WRITEFUNC_PAUSE;
    }
    ahead_.append(bytes.data(), bytes.size());
    return bytes.size();
  }

  size_t GiveBody(char* buffer, size_t size) {
    size = std::min<uint64_t>(size, left_to_send_);
    if (size == 0) return 0;
    absl::StatusOr<size_t> read = request_.body_source->Read(buffer, size);
    if (read.ok() && *read == 0) {
      if (left_to_send_ == kUnknownSize) return 0;
      read = absl::DataLossError(
          absl::StrCat(doing_, ": the content to send ended ", left_to_send_, " bytes early"));
    }
    last_moved_ = Steady::now();
    if (!read.ok()) {
      own_failure_ = read.status();
      return CURL_READFUNC_ABORT;
    }
    if (left_to_send_ != kUnknownSize) left_to_send_ -= *read;
    return *read;
  }

  const std::string doing_, host_, url_;
  const Request request_;
  const uint64_t header_limit_bytes_;
  const GiveBack give_back_;
  std::unique_ptr<Engine> engine_;
  const Steady::time_point deadline_, head_deadline_;
  HeaderList header_list_;
  char error_text_[CURL_ERROR_SIZE];
  std::optional<std::stop_callback<Waker>> wake_;

  int status_ = 0;
  Headers headers_;
  uint64_t header_bytes_ = 0;
  bool head_complete_ = false, done_ = false, paused_ = false, connected_ = false;
  std::string ahead_;  // Body bytes that came before they were asked for.
  size_t taken_ = 0;   // How many of them were read.
  uint64_t left_to_send_ = 0;
  absl::Status own_failure_;  // Why a callback ended the transfer.
  absl::Status failure_;      // What ended reading.
  Steady::time_point last_moved_;
};

}  // namespace

Client::Client(ClientOptions options)
    : options_(std::move(options)), pool_(std::make_unique<Pool>(options_.idle_connections)) {}
Client::~Client() = default;

absl::StatusOr<std::unique_ptr<Exchange>> Client::Start(const Request& request) {
  ASSIGN_OR_RETURN(Url url, Url::Parse(request.url), request.method);
  if (request.stop.stop_requested()) {
    return absl::CancelledError(
        absl::StrCat(request.method, " ", url.WithoutQuery(), ": cancelled"));
  }
  for (const auto& [name, value] : request.headers.fields()) {
    if (value.find_first_of("\r\n") != std::string::npos) {
      return absl::InvalidArgumentError(
          absl::StrCat("value of header `", name, "` contains a line break"));
    }
  }
  std::unique_ptr<Engine> engine = pool_->Take(absl::StrCat(request.unix_socket, url.Origin()));
  if (engine->multi == nullptr || engine->easy == nullptr) {
    return absl::ResourceExhaustedError("no memory for an HTTP request");
  }
  auto exchange = std::make_unique<CurlExchange>(
      request, std::move(url), options_, std::move(engine),
      [pool = pool_.get()](std::unique_ptr<Engine> idle) { pool->Return(std::move(idle)); });
  RETURN_IF_ERROR(exchange->Begin());
  return exchange;
}

absl::StatusOr<Response> Client::Send(const Request& request, uint64_t body_limit_bytes) {
  ASSIGN_OR_RETURN(const std::unique_ptr<Exchange> exchange, Start(request));
  ASSIGN_OR_RETURN(std::string body, base::ReadAll(*exchange, body_limit_bytes), request.method,
                   " ", request.url.substr(0, request.url.find('?')), ": body of the answer");
  return Response{exchange->status(), exchange->headers(), std::move(body)};
}

bool IsLoopbackHost(absl::string_view host) {
  if (absl::StartsWith(host, "[")) return absl::StartsWith(host, "[::1]");
  if (host == "::1") return true;
  host = host.substr(0, host.find(':'));
  if (absl::EqualsIgnoreCase(host, "localhost")) return true;
  if (!absl::StartsWith(host, "127.")) return false;
  return host.find_first_not_of("0123456789.") == absl::string_view::npos;
}

}  // namespace stevedore::http
