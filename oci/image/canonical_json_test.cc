#include "oci/image/canonical_json.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"

namespace stevedore::oci {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(CanonicalJsonTest, SortsMembersAndWritesNothingThatIsNotNeeded) {
  ASSERT_OK_AND_ASSIGN(const nlohmann::json json,
                       ParseJson(" {\"b\": [3, 1, 2], \"a\": \"<&>/\\u00fc\",\n \"Z\": {}} "));
  EXPECT_THAT(CanonicalJson(json),
              IsOkAndHolds(std::string("{\"Z\":{},\"a\":\"<&>/ü\",\"b\":[3,1,2]}")));
}

TEST(CanonicalJsonTest, SortsMoreMembersThanASmallMapHolds) {
  nlohmann::json json;
  for (int i = 99; i >= 10; --i) json[absl::StrCat("k", i)] = i;
  ASSERT_OK_AND_ASSIGN(const std::string text, CanonicalJson(json));
  EXPECT_THAT(text, testing::StartsWith("{\"k10\":10,\"k11\":11,"));
}

TEST(CanonicalJsonTest, RefusesWhatIsNotOneDocument) {
  for (const char* bad :
       {"", "{", "{}{}", "{} x", "nul", "\xff", "\"\xff\"", "[1e999]", "{'a':1}"}) {
    EXPECT_THAT(ParseJson(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
  EXPECT_THAT(CanonicalJson(nlohmann::json("\xff")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
}

TEST(CanonicalJsonTest, BoundsDepthAndSize) {
  const auto nested = [](int depth) {
    return absl::StrCat(std::string(depth, '['), std::string(depth, ']'));
  };
  EXPECT_OK(ParseJson(nested(kMaxJsonDepth)));
  EXPECT_THAT(ParseJson(nested(kMaxJsonDepth + 1)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("64 levels")));
  EXPECT_THAT(ParseJson(nested(1000000)), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseJson(std::string(1000001, '[')), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(ParseJson("[1,2]", 4), StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace stevedore::oci
