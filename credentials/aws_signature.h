// AWS Signature Version 4.

#ifndef STEVEDORE_CREDENTIALS_AWS_SIGNATURE_H_
#define STEVEDORE_CREDENTIALS_AWS_SIGNATURE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/secret.h"
#include "http/headers.h"
#include "http/url.h"

namespace stevedore::credentials {

// What proves an identity to AWS. A value.
struct AwsKeys {
  std::string access_key_id;
  base::Secret secret_access_key;
  // Of temporary keys; empty for others.
  base::Secret session_token = {};
  absl::Time expires_at = absl::InfiniteFuture();
  // Where they were found, for messages: "profile `ci` of ~/.aws/config".
  std::string origin = "";
};

// A request before it is signed; borrows what it names.
struct AwsSigningInput {
  absl::string_view method;
  const http::Url& url;
  // All are signed, and Host with them.
  const http::Headers& headers;
  absl::string_view body;
  absl::string_view region;
  absl::string_view service;  // "ecr"
  absl::Time time;
};

// "20150830T123600Z". Thread-safe.
std::string AwsTime(absl::Time time);

// The canonical request of `input`: what the signature is over. For tests and for finding out why
// a signature is refused. Thread-safe.
std::string CanonicalAwsRequest(const AwsSigningInput& input);

// The value of Authorization for `input`, whose headers must hold X-Amz-Date (and, for temporary
// keys, X-Amz-Security-Token) already. Thread-safe.
std::string AwsAuthorization(const AwsSigningInput& input, const AwsKeys& keys);

// `headers` with X-Amz-Date, X-Amz-Security-Token and Authorization added: what is sent.
// Thread-safe.
http::Headers SignAwsRequest(const AwsSigningInput& input, const AwsKeys& keys);

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_AWS_SIGNATURE_H_
