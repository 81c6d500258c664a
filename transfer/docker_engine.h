// Client of a Docker engine's HTTP API.

#ifndef STEVEDORE_TRANSFER_DOCKER_ENGINE_H_
#define STEVEDORE_TRANSFER_DOCKER_ENGINE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/mutex.h"
#include "credentials/credential.h"
#include "http/client.h"
#include "http/headers.h"
#include "transfer/docker_engine_address.h"
#include "transfer/docker_engine_messages.h"

namespace stevedore::transfer {

// What an engine says about itself. A value.
struct EngineVersion {
  std::string version;          // "20.10.24".
  std::string api_version;      // Newest that it speaks: "1.41".
  std::string min_api_version;  // Oldest.
  std::string os;               // "linux".
  std::string architecture;     // "amd64".
};

// One image of an engine. A value.
struct EngineImage {
  std::string id;  // "sha256:…": the digest of its config.
  std::vector<std::string> tags;
  std::vector<std::string> repo_digests;  // "name@sha256:…".
  std::vector<std::string> diff_ids;      // "sha256:…", bottom first.
  std::string parent;                     // Id of the image it was built on here; may be empty.
};

// One container of an engine. A value.
struct EngineContainer {
  std::string id;
  std::string image_id;  // "sha256:…".
  std::string command;
  std::string state;  // "running", "created", "exited", ...
};

// Parameters of a URL's query, in order.
using EngineQuery = std::vector<std::pair<std::string, std::string>>;

// Speaks to one engine. The API version is negotiated at first use. Thread-safe.
//
// Errors name the engine's address. UNAVAILABLE, with the remedy: no socket, no permission on it,
// nobody listens, TLS does not fit, no API version in common, the engine went away in the middle.
// RESOURCE_EXHAUSTED: its disk is full. NOT_FOUND, INVALID_ARGUMENT, FAILED_PRECONDITION,
// PERMISSION_DENIED, UNAUTHENTICATED: what it answered. CANCELLED when stopped.
class DockerEngine {
 public:
  // The API versions that this client can speak; others are refused.
  static constexpr absl::string_view kOldestApi = "1.38";
  static constexpr absl::string_view kNewestApi = "1.47";

  // What is called for each message of a stream; an error ends it and is returned.
  using OnMessage = absl::FunctionRef<absl::Status(const EngineMessage& message)>;

  // `http` must outlive this.
  DockerEngine(http::Client* http, DockerEngineAddress address)
      : http_(*http), address_(std::move(address)) {}
  DockerEngine(const DockerEngine&) = delete;
  DockerEngine& operator=(const DockerEngine&) = delete;

  const DockerEngineAddress& address() const { return address_; }

  // Whether it answers: the API version that both sides will speak, "1.41".
  absl::StatusOr<std::string> Negotiate(std::stop_token stop = {}) ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<EngineVersion> Version(std::stop_token stop = {});

  // What a build sends. `size` bytes of `context`, a tar; http::kUnknownSize: until it ends.
  struct BuildInput {
    EngineQuery query;
    std::map<std::string, credentials::Credential> logins;  // By registry; see RegistryConfig.
    base::ByteSource* context = nullptr;
    uint64_t size = http::kUnknownSize;
    absl::Duration timeout = absl::InfiniteDuration();  // Of the whole build; DEADLINE_EXCEEDED.
  };
  // Builds with the classic builder. OK when the stream has ended: an error inside it is for
  // `on_message` to return.
  absl::Status Build(const BuildInput& input, OnMessage on_message, std::stop_token stop = {});

  // nullopt if there is no such image. `reference` is a name or an id.
  absl::StatusOr<std::optional<EngineImage>> InspectImage(const std::string& reference,
                                                          std::stop_token stop = {});
  // Loads a docker archive. Fails if the engine says so in its stream.
  absl::Status LoadImages(base::ByteSource& archive, std::stop_token stop = {});
  // The docker archive of one image. The stream must not outlive the engine.
  absl::StatusOr<std::unique_ptr<base::ByteSource>> ExportImage(const std::string& reference,
                                                                std::stop_token stop = {});
  // Names image `id` "`repository`:`tag`" too.
  absl::Status TagImage(const std::string& id, const std::string& repository,
                        const std::string& tag, std::stop_token stop = {});

  // How to remove an image.
  struct Removal {
    bool force = false;        // Even if several tags name it, or a stopped container uses it.
    bool with_parents = true;  // Also the images without a name that it was built on.
  };
  // One that is not there is a success.
  absl::Status RemoveImage(const std::string& reference, Removal removal,
                           std::stop_token stop = {});

  // Pulls "name:tag" or "name@digest" for `platform` (empty: the engine's own). Fails if the engine
  // says so in its stream. `login` may be null, `on_message` may return OK for everything.
  absl::Status PullImage(const std::string& reference, const std::string& platform,
                         const credentials::Credential* login, OnMessage on_message,
                         std::stop_token stop = {});
  // Pushes "name:tag"; as PullImage.
  absl::Status PushImage(const std::string& reference, const credentials::Credential* login,
                         OnMessage on_message, std::stop_token stop = {});

  // Containers, stopped ones too. `filters` as the API has them: {"ancestor": ["sha256:…"]}.
  absl::StatusOr<std::vector<EngineContainer>> ListContainers(
      const std::map<std::string, std::vector<std::string>>& filters, std::stop_token stop = {});
  // Whether there is a container `id`, running or not.
  absl::StatusOr<bool> HasContainer(const std::string& id, std::stop_token stop = {});
  // Kills and removes. One that is not there is a success.
  absl::Status RemoveContainer(const std::string& id, std::stop_token stop = {});

  // Drops BuildKit's cache and the images without a name that no build uses. Returns bytes freed.
  absl::StatusOr<uint64_t> PruneBuildLeftovers(std::stop_token stop = {});

  // A connection of its own, on which the engine has changed from HTTP to `protocol`: POST `path`
  // ("/grpc", "/session") with "Connection: Upgrade". `headers` are sent along. From the first byte
  // on it belongs to the caller. The descriptor is blocking. FAILED_PRECONDITION if the engine is
  // reached by TLS: then there is no descriptor that carries plain bytes.
  absl::StatusOr<base::FileDescriptor> Upgrade(const std::string& path, const std::string& protocol,
                                               const http::Headers& headers = {},
                                               std::stop_token stop = {});

  // The value of the header X-Registry-Config: all logins by registry, with Docker Hub under the
  // name by which engines look it up.
  static std::string RegistryConfig(const std::map<std::string, credentials::Credential>& logins);

 private:
  // One call of the API. `path` begins with a slash and has no version.
  struct Call {
    std::string method = "GET";
    std::string path;
    EngineQuery query = {};
    http::Headers headers = {};
    base::ByteSource* body = nullptr;
    uint64_t body_size = http::kUnknownSize;
    absl::Duration timeout = absl::InfiniteDuration();
    // The engine may work for a long time without a word.
    absl::Duration idle_timeout = absl::InfiniteDuration();
    std::stop_token stop = {};
  };

  http::Request RequestFor(const Call& call, absl::string_view version) const;
  // An answer with a status below 400, or the error.
  absl::StatusOr<std::unique_ptr<http::Exchange>> Start(const Call& call);
  absl::StatusOr<std::string> Fetch(const Call& call);
  absl::Status ReadMessages(http::Exchange& exchange, OnMessage on_message) const;
  absl::Status RunStream(const Call& call, OnMessage on_message);
  // What a transport's error means here, with the remedy.
  absl::Status Explain(const absl::Status& status) const;
  // What the answer `exchange` says went wrong.
  absl::Status AnswerError(const Call& call, http::Exchange& exchange) const;
  std::string HostName() const;

  http::Client& http_;
  const DockerEngineAddress address_;
  base::Mutex mu_;
  std::string version_ ABSL_GUARDED_BY(mu_);  // Empty: not negotiated yet.
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_DOCKER_ENGINE_H_
