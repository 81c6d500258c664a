#include "transfer/endpoint.h"

#include <array>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "transfer/ref_name.h"

namespace stevedore::transfer {
namespace {

struct KindPrefix {
  EndpointKind kind;
  absl::string_view prefix;
};

// Prefixes that begin like others come first.
constexpr std::array<KindPrefix, 7> kPrefixes = {{
    {EndpointKind::kRegistry, "docker://"},
    {EndpointKind::kLayoutArchive, "oci-archive:"},
    {EndpointKind::kLayout, "oci:"},
    {EndpointKind::kDockerArchive, "docker-archive:"},
    {EndpointKind::kDockerDaemon, "docker-daemon:"},
    {EndpointKind::kDirectory, "dir:"},
    {EndpointKind::kStatic, "static:"},
}};

constexpr char kAllowed[] =
    "allowed are [docker://]NAME[:TAG][@DIGEST], oci:PATH[:REF], oci-archive:PATH[:REF], "
    "docker-archive:PATH[:NAME:TAG], dir:PATH, static:PATH[:TAG] and docker-daemon:NAME[:TAG]";

// Paths longer than Linux takes.
constexpr size_t kMaxPath = 4096;

absl::Status Wrong(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(base::Quoted(text), " ", what));
}

bool TakesStandardStreams(EndpointKind kind) {
  return kind == EndpointKind::kLayoutArchive || kind == EndpointKind::kDockerArchive;
}

// Cuts "@sha256:…" off the end of `text`. Where it is not a digest it is an error: nobody's path
// ends so by accident.
absl::Status CutDigest(absl::string_view whole, absl::string_view* text, Endpoint* out) {
  for (const absl::string_view mark : {"@sha256:", "@sha512:"}) {
    const size_t at = text->rfind(mark);
    if (at == absl::string_view::npos) continue;
    ASSIGN_OR_RETURN(out->digest, oci::Digest::Parse(text->substr(at + 1)), base::Quoted(whole));
    *text = text->substr(0, at);
    return absl::OkStatus();
  }
  return absl::OkStatus();
}

// Where the ref begins behind the path: the first colon, but not that of a drive letter.
size_t RefColon(absl::string_view text) {
  const bool drive = text.size() > 2 && absl::ascii_isalpha(text[0]) && text[1] == ':' &&
                     (text[2] == '\\' || text[2] == '/');
  return text.find(':', drive ? 2 : 0);
}

absl::Status TakePosition(absl::string_view whole, absl::string_view ref, Endpoint* out) {
  uint64_t position = 0;
  if (out->kind == EndpointKind::kStatic || ref.empty() ||
      !absl::c_all_of(ref, absl::ascii_isdigit) || !absl::SimpleAtoi(ref, &position)) {
    return Wrong(whole, absl::StrCat("ends with @", ref,
                                     "; behind @ stands a digest or, of layouts and archives, the "
                                     "position of the image, from 0"));
  }
  out->position = position;
  return absl::OkStatus();
}

absl::Status TakeRef(absl::string_view whole, absl::string_view ref, Endpoint* out) {
  if (ref.empty()) return Wrong(whole, "ends with a colon; name the image or leave the colon out");
  if (absl::ConsumePrefix(&ref, "@")) return TakePosition(whole, ref, out);
  out->tag = std::string(ref);
  if (out->kind == EndpointKind::kDockerArchive) {
    return base::Annotate(oci::Reference::Parse(ref).status(), base::Quoted(whole));
  }
  if (out->kind != EndpointKind::kStatic) {
    return base::Annotate(CheckRefName(out->tag), base::Quoted(whole));
  }
  if (const size_t colon = ref.find(':'); colon != absl::string_view::npos) {
    out->repository = std::string(ref.substr(0, colon));
    out->tag = std::string(ref.substr(colon + 1));
    RETURN_IF_ERROR(oci::CheckRepository(out->repository), base::Quoted(whole));
  }
  return base::Annotate(oci::CheckTag(out->tag), base::Quoted(whole));
}

absl::StatusOr<Endpoint> ParsePath(absl::string_view whole, absl::string_view rest, Endpoint out) {
  if (out.kind != EndpointKind::kDirectory) {
    RETURN_IF_ERROR(CutDigest(whole, &rest, &out));
    const size_t colon = RefColon(rest);
    if (colon != absl::string_view::npos) {
      RETURN_IF_ERROR(TakeRef(whole, rest.substr(colon + 1), &out));
      if (out.position.has_value() && out.digest.has_value()) {
        return Wrong(whole, "names a position and a digest; one is enough");
      }
      rest = rest.substr(0, colon);
    }
  }
  if (rest.empty()) return Wrong(whole, "has no path");
  if (rest.size() > kMaxPath) return Wrong(whole, "has a path that is too long");
  if (absl::c_any_of(rest, [](char c) { return c == '\0'; })) {
    return Wrong(whole, "has a path with a zero byte");
  }
  if (rest == "-" && !TakesStandardStreams(out.kind)) {
    return Wrong(whole,
                 "names standard input or output, where only archives can be; a folder "
                 "called - is ./-");
  }
  out.path = std::string(rest);
  return out;
}

absl::StatusOr<Endpoint> ParseName(absl::string_view whole, absl::string_view rest, Endpoint out) {
  if (out.kind == EndpointKind::kDockerDaemon) {
    // An id of an engine's image: the digest of its config.
    if (absl::StrContains(rest, ':') && absl::StartsWith(rest, "sha256:")) {
      ASSIGN_OR_RETURN(out.digest, oci::Digest::Parse(rest), base::Quoted(whole));
      return out;
    }
    if (absl::StartsWith(rest, "//")) {
      return Wrong(whole, "has slashes behind the colon; write docker-daemon:NAME:TAG");
    }
  }
  ASSIGN_OR_RETURN(out.reference, oci::Reference::Parse(rest), base::Quoted(whole));
  return out;
}

}  // namespace

absl::string_view EndpointPrefix(EndpointKind kind) {
  for (const KindPrefix& known : kPrefixes) {
    if (known.kind == kind) return known.prefix;
  }
  return "";
}

std::string Endpoint::TagOrDigest() const {
  if (kind == EndpointKind::kRegistry || kind == EndpointKind::kDockerDaemon) {
    if (!reference.digest().empty()) return reference.digest().ToString();
    return digest.has_value() ? digest->ToString() : reference.tag();
  }
  return digest.has_value() ? digest->ToString() : tag;
}

std::string Endpoint::ToString() const {
  const absl::string_view prefix = EndpointPrefix(kind);
  if (kind == EndpointKind::kRegistry || kind == EndpointKind::kDockerDaemon) {
    return absl::StrCat(prefix, digest.has_value() ? digest->ToString() : reference.Canonical());
  }
  return absl::StrCat(prefix, path, repository.empty() ? "" : absl::StrCat(":", repository),
                      tag.empty() ? "" : absl::StrCat(":", tag),
                      position.has_value() ? absl::StrCat(":@", *position) : "",
                      digest.has_value() ? absl::StrCat("@", digest->ToString()) : "");
}

bool operator==(const Endpoint& a, const Endpoint& b) {
  return a.kind == b.kind && a.reference == b.reference && a.path == b.path &&
         a.repository == b.repository && a.tag == b.tag && a.digest == b.digest &&
         a.position == b.position;
}

absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text) {
  if (absl::StartsWith(text, "containers-storage:")) {
    return Wrong(text, absl::StrCat("is in the storage of podman and buildah, which is not "
                                    "supported: save it with `podman save --format oci-archive` "
                                    "and name the archive; ",
                                    kAllowed));
  }
  Endpoint out;
  for (const KindPrefix& known : kPrefixes) {
    absl::string_view rest = text;
    if (!absl::ConsumePrefix(&rest, known.prefix)) continue;
    out.kind = known.kind;
    const bool named =
        known.kind == EndpointKind::kRegistry || known.kind == EndpointKind::kDockerDaemon;
    return named ? ParseName(text, rest, std::move(out)) : ParsePath(text, rest, std::move(out));
  }
  if (absl::StartsWith(text, "http://") || absl::StartsWith(text, "https://")) {
    return Wrong(text,
                 "is a URL; a registry's image is written without the scheme, "
                 "registry.example:5000/name:tag");
  }
  if (absl::StrContains(text, "://")) {
    return Wrong(text, absl::StrCat("names no kind of place that is known; ", kAllowed));
  }
  return ParseName(text, text, std::move(out));
}

void InheritName(const Endpoint& from, Endpoint* to) {
  if (to->kind != EndpointKind::kStatic || !to->repository.empty()) return;
  if (from.kind == EndpointKind::kRegistry) to->repository = from.reference.repository();
}

}  // namespace stevedore::transfer
