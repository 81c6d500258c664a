// GoogleTest matchers for absl::Status and absl::StatusOr.

#ifndef STEVEDORE_BASE_TESTING_STATUS_MATCHERS_H_
#define STEVEDORE_BASE_TESTING_STATUS_MATCHERS_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/status.h"

namespace stevedore::base::testing {

inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <typename T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

// Matches a Status or StatusOr that is OK.
MATCHER(IsOk, "is OK") {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).ok();
}

// Matches a Status or StatusOr with this code and a message that `message` matches:
//   EXPECT_THAT(Digest::Parse("md5:00"), StatusIs(absl::StatusCode::kInvalidArgument,
//   HasSubstr("sha256 or sha512")));
MATCHER_P2(StatusIs, code, message,
           "has code " + absl::StatusCodeToString(code) + " and a message that " +
               ::testing::DescribeMatcher<std::string>(message, negation)) {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code &&
         ::testing::ExplainMatchResult(message, std::string(StatusOf(arg).message()),
                                       result_listener);
}
MATCHER_P(StatusIs, code, "has code " + absl::StatusCodeToString(code)) {
  *result_listener << StatusOf(arg).ToString();
  return StatusOf(arg).code() == code;
}

// Matches a StatusOr that is OK and whose value `inner` matches.
MATCHER_P(IsOkAndHolds, inner, "is OK and holds what is expected") {
  if (!arg.ok()) {
    *result_listener << arg.status().ToString();
    return false;
  }
  return ::testing::ExplainMatchResult(inner, *arg, result_listener);
}

}  // namespace stevedore::base::testing

#define EXPECT_OK(expr) EXPECT_THAT(expr, ::stevedore::base::testing::IsOk())
#define ASSERT_OK(expr) ASSERT_THAT(expr, ::stevedore::base::testing::IsOk())
// Declares or assigns `lhs` from a StatusOr, or fails the test and returns from the function.
#define ASSERT_OK_AND_ASSIGN(lhs, expr) \
  TESTING_ASSERT_OK_AND_ASSIGN_(BASE_CONCAT_(test_result_, __LINE__), lhs, expr)
#define TESTING_ASSERT_OK_AND_ASSIGN_(result, lhs, expr) \
  auto result = (expr);                                  \
  ASSERT_TRUE(result.ok()) << result.status();           \
  lhs = *std::move(result)

#endif  // STEVEDORE_BASE_TESTING_STATUS_MATCHERS_H_
