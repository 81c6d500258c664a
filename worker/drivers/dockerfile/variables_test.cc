#include "worker/drivers/dockerfile/variables.h"

#include <gtest/gtest.h>

#include <string>

#include "base/testing/status_matchers.h"
#include "worker/drivers/dockerfile/dockerfile.h"

namespace stevedore::worker::dockerfile {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

BuildArguments Given() {
  BuildArguments arguments;
  arguments.values = {{"GIVEN", "g"}, {"OVER", "o"}};
  arguments.target_platform = oci::Platform::Parse("linux/arm/v7").value();
  arguments.build_platform = oci::Platform::Parse("linux/amd64").value();
  return arguments;
}

class VariablesTest : public ::testing::Test {
 protected:
  // The word with what is known at the end of the file's first stage.
  absl::StatusOr<std::string> InStage(const std::string& text, const std::string& word) {
    absl::StatusOr<Dockerfile> file = Dockerfile::Parse(text, "df");
    if (!file.ok()) return file.status();
    absl::StatusOr<GlobalVariables> global = GlobalVariables::Create(*file, Given());
    if (!global.ok()) return global.status();
    StageVariables stage;
    for (const Instruction& in : file->stages()[0].instructions) {
      if (in.kind == Instruction::Kind::kArg) {
        if (absl::Status s = stage.Declare(in, *global, '\\'); !s.ok()) return s;
      }
    }
    return stage.Expand(word, '\\');
  }
};

TEST_F(VariablesTest, GlobalOnes) {
  ASSERT_OK_AND_ASSIGN(const Dockerfile file,
                       Dockerfile::Parse("ARG A=1\nARG B=${A}2 OVER=no GIVEN\nFROM x", "df"));
  ASSERT_OK_AND_ASSIGN(const GlobalVariables global, GlobalVariables::Create(file, Given()));
  EXPECT_THAT(global.Expand("$A-$B-$OVER-$GIVEN", '\\'), IsOkAndHolds(std::string("1-12-o-g")));
  EXPECT_THAT(global.Expand("$TARGETPLATFORM $TARGETOS $TARGETARCH $TARGETVARIANT", '\\'),
              IsOkAndHolds(std::string("linux/arm/v7 linux arm v7")));
  EXPECT_THAT(global.Expand("$BUILDPLATFORM $BUILDVARIANT. $TARGETSTAGE", '\\'),
              IsOkAndHolds(std::string("linux/amd64 . default")));
}

TEST_F(VariablesTest, StagesSeeWhatTheyDeclare) {
  const std::string global = "ARG A=1\nARG OVER=x\nFROM x\n";
  EXPECT_THAT(InStage(global, "[$A][$OVER][$GIVEN][$TARGETARCH]"),
              IsOkAndHolds(std::string("[][][][]")));
  EXPECT_THAT(InStage(global + "ARG A\nARG OVER=d GIVEN TARGETARCH", "$A$OVER$GIVEN$TARGETARCH"),
              IsOkAndHolds(std::string("1ogarm")));
  EXPECT_THAT(InStage(global + "ARG A=2\nARG C=$A$A", "$A$C"), IsOkAndHolds(std::string("222")));
  EXPECT_THAT(InStage(global + "ARG NONE", "${NONE-unset}"), IsOkAndHolds(std::string("unset")));
}

TEST_F(VariablesTest, SaysWhichLine) {
  EXPECT_THAT(InStage("\nARG A=${\nFROM x", ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("df:2: ARG A: ")));
}

}  // namespace
}  // namespace stevedore::worker::dockerfile
