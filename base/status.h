// Error plumbing for absl::Status: annotate-and-return macros. Errors read from goal to cause:
// `push layer 2 of shop/web:1.4: PATCH /v2/shop/web/blobs/uploads/9f: disk full`.

#ifndef STEVEDORE_BASE_STATUS_H_
#define STEVEDORE_BASE_STATUS_H_

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace stevedore::base {

// Returns `status` with "`prefix`: " before its message; code and payloads are kept. An OK status
// and an empty prefix change nothing. Thread-safe.
absl::Status Annotate(const absl::Status& status, absl::string_view prefix);

// The message for errno value `error_number` after a failed system call: code by kind (ENOENT →
// NOT_FOUND, EACCES → PERMISSION_DENIED, ENOSPC → RESOURCE_EXHAUSTED, ...), text "`doing`:
// <strerror>". Thread-safe.
absl::Status ErrnoStatus(int error_number, absl::string_view doing);

// Quotes foreign text for a message: wrapped in backticks, control bytes and non-UTF-8 escaped, cut
// to `limit` bytes with "..." after them.
std::string Quoted(absl::string_view text, size_t limit = 120);

}  // namespace stevedore::base

// Returns from the enclosing function if `expr` is not OK. Further arguments are absl::StrCat'ed
// into a prefix, and only evaluated on failure:
//   RETURN_IF_ERROR(sink.Write(block), "write tar entry ", entry.path);
#define RETURN_IF_ERROR(expr, ...)                                        \
  do {                                                                    \
    if (absl::Status status_ = (expr); ABSL_PREDICT_FALSE(!status_.ok())) \
      return BASE_STATUS_ANNOTATED_(status_ __VA_OPT__(, ) __VA_ARGS__);  \
  } while (false)

// Declares or assigns `lhs` from a StatusOr expression, or returns its error with the prefix:
//   ASSIGN_OR_RETURN(Digest digest, Digest::Parse(text), "layer ", i);
#define ASSIGN_OR_RETURN(lhs, expr, ...) \
  BASE_ASSIGN_OR_RETURN_(BASE_CONCAT_(status_or_, __LINE__), lhs, expr __VA_OPT__(, ) __VA_ARGS__)

#define BASE_ASSIGN_OR_RETURN_(result, lhs, expr, ...)                         \
  auto result = (expr);                                                        \
  if (ABSL_PREDICT_FALSE(!result.ok()))                                        \
    return BASE_STATUS_ANNOTATED_(result.status() __VA_OPT__(, ) __VA_ARGS__); \
  lhs = *std::move(result)
#define BASE_CONCAT_INNER_(a, b) a##b
#define BASE_CONCAT_(a, b) BASE_CONCAT_INNER_(a, b)
#define BASE_STATUS_ANNOTATED_(status, ...) \
  __VA_OPT__(::stevedore::base::Annotate)(status __VA_OPT__(, absl::StrCat(__VA_ARGS__)))

#endif  // STEVEDORE_BASE_STATUS_H_
