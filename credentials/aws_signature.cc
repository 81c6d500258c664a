#include "credentials/aws_signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "base/hash.h"

namespace stevedore::credentials {
namespace {

constexpr char kAlgorithm[] = "AWS4-HMAC-SHA256";

std::string Hmac(absl::string_view key, absl::string_view text) {
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  // Fails only for lack of memory or of the provider.
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), mac,
           &size) == nullptr) {
    abort();
  }
  return std::string(reinterpret_cast<const char*>(mac), size);
}

// Undoes percent-encoding, and leaves alone what is none.
std::string Decode(absl::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && absl::ascii_isxdigit(text[i + 1]) &&
        absl::ascii_isxdigit(text[i + 2])) {
      out += absl::HexStringToBytes(text.substr(i + 1, 2));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// "/a%20b" as AWS wants it: each segment encoded once more, as it stands in the request.
std::string CanonicalPath(absl::string_view path) {
  if (path.empty()) return "/";
  return absl::StrJoin(
      absl::StrSplit(path, '/'), "/",
      [](std::string* out, absl::string_view part) { out->append(http::EncodeQueryValue(part)); });
}

// Sorted by encoded name and then value; a key without value gets an empty one.
std::string CanonicalQuery(absl::string_view query) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const absl::string_view part : absl::StrSplit(query, '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    pairs.emplace_back(http::EncodeQueryValue(Decode(pair.first)),
                       http::EncodeQueryValue(Decode(pair.second)));
  }
  std::sort(pairs.begin(), pairs.end());
  return absl::StrJoin(pairs, "&", absl::PairFormatter("="));
}

// Lower-case names to values with their blanks collapsed, with Host.
std::map<std::string, std::string> CanonicalHeaders(const AwsSigningInput& input) {
  std::map<std::string, std::string> headers;
  const http::Url& url = input.url;
  headers["host"] = url.Origin().substr(url.scheme.size() + 3);
  for (const auto& [name, value] : input.headers.fields()) {
    const std::vector<absl::string_view> words =
        absl::StrSplit(value, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    std::string& slot = headers[absl::AsciiStrToLower(name)];
    slot = absl::StrCat(slot, slot.empty() || absl::AsciiStrToLower(name) == "host" ? "" : ",",
                        absl::StrJoin(words, " "));
  }
  return headers;
}

std::string SignedNames(const std::map<std::string, std::string>& headers) {
  return absl::StrJoin(headers, ";",
                       [](std::string* out, const auto& header) { out->append(header.first); });
}

std::string Scope(const AwsSigningInput& input) {
  return absl::StrCat(AwsTime(input.time).substr(0, 8), "/", input.region, "/", input.service,
                      "/aws4_request");
}

}  // namespace

std::string AwsTime(absl::Time time) {
  return absl::FormatTime("%Y%m%dT%H%M%SZ", time, absl::UTCTimeZone());
}

std::string CanonicalAwsRequest(const AwsSigningInput& input) {
  const std::pair<absl::string_view, absl::string_view> target =
      absl::StrSplit(input.url.target, absl::MaxSplits('?', 1));
  const std::map<std::string, std::string> headers = CanonicalHeaders(input);
  std::string lines;
  for (const auto& [name, value] : headers) absl::StrAppend(&lines, name, ":", value, "\n");
  return absl::StrCat(input.method, "\n", CanonicalPath(target.first), "\n",
                      CanonicalQuery(target.second), "\n", lines, "\n", SignedNames(headers), "\n",
                      base::Sha256Hex(input.body));
}

std::string AwsAuthorization(const AwsSigningInput& input, const AwsKeys& keys) {
  const std::string to_sign =
      absl::StrCat(kAlgorithm, "\n", AwsTime(input.time), "\n", Scope(input), "\n",
                   base::Sha256Hex(CanonicalAwsRequest(input)));
  const std::string date = AwsTime(input.time).substr(0, 8);
  base::Secret key(absl::StrCat("AWS4", keys.secret_access_key.Reveal()));
  for (const absl::string_view part :
       {absl::string_view(date), input.region, input.service, absl::string_view("aws4_request")}) {
    key = base::Secret(Hmac(key.Reveal(), part));
  }
  return absl::StrCat(kAlgorithm, " Credential=", keys.access_key_id, "/", Scope(input),
                      ", SignedHeaders=", SignedNames(CanonicalHeaders(input)),
                      ", Signature=", absl::BytesToHexString(Hmac(key.Reveal(), to_sign)));
}

http::Headers SignAwsRequest(const AwsSigningInput& input, const AwsKeys& keys) {
  http::Headers headers = input.headers;
  headers.Set("X-Amz-Date", AwsTime(input.time));
  if (!keys.session_token.empty()) {
    headers.Set("X-Amz-Security-Token", keys.session_token.Reveal());
  }
  const AwsSigningInput complete{input.method, input.url,     headers,   input.body,
                                 input.region, input.service, input.time};
  headers.Set("Authorization", AwsAuthorization(complete, keys));
  return headers;
}

}  // namespace stevedore::credentials
