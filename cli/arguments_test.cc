#include "cli/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace stevedore::cli {
namespace {

using ::testing::ElementsAre;

TEST(ArgumentsTest, EmptyValuesStayValues) {
  const char* argv[] = {"program", "build", "--registry=", "--tag=a=", "--", "--x="};
  EXPECT_THAT(ReadArguments(6, argv),
              ElementsAre("build", "--registry", "", "--tag=a=", "--", "--x="));
}

TEST(ArgumentsTest, HelpIsACommandToo) {
  const char* alone[] = {"program", "help"};
  EXPECT_THAT(ReadArguments(2, alone), ElementsAre("--help"));
  const char* of[] = {"program", "help", "get", "images"};
  EXPECT_THAT(ReadArguments(4, of), ElementsAre("get", "images", "--help"));
}

}  // namespace
}  // namespace stevedore::cli
