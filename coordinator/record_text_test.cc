#include "coordinator/record_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"

namespace stevedore::coordinator {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;

TEST(RecordTextTest, KeepsEveryByteOfValues) {
  const std::string nasty("a b\\c\n\0=\x7f\xc3\xa4", 11);
  RecordText record;
  record.Add("error", nasty).AddInt("n", -3).AddDouble("s", 1.5).Add("empty", "");
  record.AddTime("at", absl::FromUnixMillis(1234)).AddTime("never", absl::InfinitePast());
  record.Add("tag", "one").Add("tag", "two");
  ASSERT_OK_AND_ASSIGN(RecordText read, RecordText::Parse(record.ToString()));
  EXPECT_EQ(read.Get("error"), nasty);
  EXPECT_EQ(read.GetInt("n"), -3);
  EXPECT_EQ(read.GetDouble("s"), 1.5);
  EXPECT_EQ(read.GetTime("at"), absl::FromUnixMillis(1234));
  EXPECT_EQ(read.GetTime("never"), absl::InfinitePast());
  EXPECT_THAT(read.GetAll("tag"), ElementsAre("one", "two"));
  EXPECT_EQ(read.ToString(), record.ToString());
}

TEST(RecordTextTest, IsReadable) {
  EXPECT_EQ(RecordText().Add("state", "failed").Add("error", "no such file").ToString(),
            "state=failed error=no\\20such\\20file");
}

TEST(RecordTextTest, RefusesOtherText) {
  for (const char* text : {"state", "=x", "a=\\2", "a=\\zz"}) {
    EXPECT_THAT(RecordText::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace stevedore::coordinator
