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

}  // namespace
}  // namespace stevedore::cli
