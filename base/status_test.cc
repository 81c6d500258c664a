#include "base/status.h"

#include <cerrno>

#include "absl/strings/cord.h"
#include "base/testing/status_matchers.h"

namespace stevedore::base {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

absl::Status Outer(const absl::Status& inner, int* evaluated) {
  RETURN_IF_ERROR(inner, "step ", ++*evaluated);
  return absl::OkStatus();
}

absl::StatusOr<int> Half(int n) {
  if (n % 2 != 0) return absl::InvalidArgumentError("odd");
  return n / 2;
}

absl::StatusOr<int> Quarter(int n) {
  ASSIGN_OR_RETURN(const int half, Half(n), "first half of ", n);
  ASSIGN_OR_RETURN(const int quarter, Half(half));
  return quarter;
}

TEST(StatusTest, MessagesReadFromGoalToCause) {
  int evaluated = 0;
  EXPECT_EQ(Outer(absl::NotFoundError("gone"), &evaluated).message(), "step 1: gone");
}

TEST(StatusTest, PrefixIsOnlyEvaluatedOnFailure) {
  int evaluated = 0;
  EXPECT_OK(Outer(absl::OkStatus(), &evaluated));
  EXPECT_EQ(evaluated, 0);
}

TEST(StatusTest, AnnotateKeepsCodeAndPayload) {
  absl::Status status = absl::UnavailableError("down");
  status.SetPayload("retry", absl::Cord("5s"));
  const absl::Status annotated = Annotate(status, "push");
  EXPECT_THAT(annotated, StatusIs(absl::StatusCode::kUnavailable, "push: down"));
  EXPECT_EQ(annotated.GetPayload("retry"), absl::Cord("5s"));
}

TEST(StatusTest, AssignOrReturnUnwrapsOrReturns) {
  EXPECT_EQ(*Quarter(12), 3);
  EXPECT_THAT(Quarter(5), StatusIs(absl::StatusCode::kInvalidArgument, "first half of 5: odd"));
  EXPECT_THAT(Quarter(6), StatusIs(absl::StatusCode::kInvalidArgument, "odd"));
}

TEST(StatusTest, ErrnoDecidesTheCode) {
  EXPECT_THAT(ErrnoStatus(ENOENT, "open x"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("open x: No such file")));
  EXPECT_THAT(ErrnoStatus(EACCES, "open x"), StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(ErrnoStatus(ENOSPC, "write x"), StatusIs(absl::StatusCode::kResourceExhausted));
  EXPECT_THAT(ErrnoStatus(ENOTDIR, "open x"), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST(StatusTest, QuotedTextIsEscapedAndCutShort) {
  EXPECT_EQ(Quoted("plain"), "`plain`");
  EXPECT_EQ(Quoted("a\nb\x1b[0m"), "`a\\nb\\x1b[0m`");
  EXPECT_EQ(Quoted("abcdef", 3), "`abc...`");
}

}  // namespace
}  // namespace stevedore::base
