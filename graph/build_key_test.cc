#include "graph/build_key.h"

#include <string>
#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Ne;

BuildKeyInputs Web() {
  BuildKeyInputs inputs;
  inputs.SetRepository("localhost:5000/shop/web");
  inputs.SetDriver("assemble", "1 gzip:libdeflate-1.14");
  inputs.SetPlatform("linux/amd64");
  EXPECT_OK(inputs.SetOptions(R"({"layers": [{"from": "public", "to": "/srv"}]})"));
  inputs.SetArguments({{"VERSION", "1.0"}});
  inputs.SetLabels({{"team", "shop"}});
  inputs.AddParent("base:2.4", "sha256:3f0e1c2d99");
  inputs.AddContext("services/web", "sha256:aa");
  return inputs;
}

TEST(BuildKeyTest, KeyIsAKnownAnswer) {
  // Recorded: a change here makes everybody rebuild everything, so it must be meant.
  EXPECT_EQ(Web().Key(), "aa3dc618a27e475549ce5afa72a65afab32361e56eb6e4950bb400fcbcf52440");
}

TEST(BuildKeyTest, OrderOfOptionsAndCallsDoesNotCount) {
  BuildKeyInputs a, b;
  EXPECT_OK(a.SetOptions(R"({"x": 1, "y": {"b": 2, "a": 1}})"));
  a.SetPlatform("linux/amd64");
  b.SetPlatform("linux/amd64");
  EXPECT_OK(b.SetOptions(R"({"y":{"a":1,"b":2},"x":1})"));
  EXPECT_EQ(a.Key(), b.Key());
}

TEST(BuildKeyTest, OrderOfParentsAndContextsCounts) {
  BuildKeyInputs a, b;
  a.AddParent("x:1", "sha256:1");
  a.AddParent("y:1", "sha256:2");
  b.AddParent("y:1", "sha256:2");
  b.AddParent("x:1", "sha256:1");
  EXPECT_THAT(a.Key(), Ne(b.Key()));
}

TEST(BuildKeyTest, WhereAContextIsDoesNotCount) {
  BuildKeyInputs a, b;
  a.AddContext("services/web", "sha256:1");
  b.AddContext("/checkout/7/services/web", "sha256:1");
  EXPECT_EQ(a.Key(), b.Key());
}

TEST(BuildKeyTest, PartsCannotPretendToBeOthers) {
  BuildKeyInputs a, b;
  a.AddArgument("a", "1\n5 1 0\narg b2");
  b.AddArgument("a", "1");
  b.AddArgument("b", "2");
  EXPECT_THAT(a.Key(), Ne(b.Key()));
}

TEST(BuildKeyTest, VolatileValuesAreNotInTheKey) {
  const std::vector<std::string> volatile_names = {"arg BUILT", "label created"};
  BuildKeyInputs a, b;
  a.SetArguments({{"BUILT", "monday"}, {"created", "1"}}, volatile_names);
  a.SetLabels({{"created", "monday"}}, volatile_names);
  b.SetArguments({{"BUILT", "tuesday"}, {"created", "1"}}, volatile_names);
  b.SetLabels({{"created", "tuesday"}}, volatile_names);
  EXPECT_EQ(a.Key(), b.Key());
  // The argument of the same name as the volatile label still counts.
  BuildKeyInputs c;
  c.SetArguments({{"BUILT", "tuesday"}, {"created", "2"}}, volatile_names);
  EXPECT_THAT(c.Key(), Ne(b.Key()));
}

TEST(BuildKeyTest, OptionsMustBeAnObject) {
  BuildKeyInputs inputs;
  EXPECT_THAT(inputs.SetOptions("[1]"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("found `[1]`")));
}

TEST(DescribeChangesTest, NamesEveryCause) {
  BuildKeyInputs now;
  now.SetRepository("localhost:5000/shop/web");
  now.SetDriver("assemble", "1 gzip:libdeflate-1.14");
  now.SetPlatform("linux/amd64");
  EXPECT_OK(now.SetOptions(R"({"layers": [{"from": "static", "to": "/srv"}]})"));
  now.SetArguments({{"VERSION", "1.1"}, {"DEBUG", "1"}});
  now.AddParent("base:2.4", "sha256:9a41bb0711");
  now.AddContext("services/web", "sha256:bb");
  const BuildKeyInputs before = Web();
  EXPECT_THAT(
      DescribeChanges(&before, now),
      ElementsAre("parent base:2.4 sha256:3f0e1c2d -> sha256:9a41bb07", "context services/web",
                  "arg DEBUG (added)", "arg VERSION", "option layers", "label team (removed)"));
}

TEST(DescribeChangesTest, FirstBuildIsNew) {
  EXPECT_THAT(DescribeChanges(nullptr, Web()), ElementsAre("new"));
}

TEST(DescribeChangesTest, StoredInputsCompareEqual) {
  BuildKeyInputs now = Web();
  now.AddArgument("LONG", std::string(500, 'x'));
  ASSERT_OK_AND_ASSIGN(const BuildKeyInputs before, BuildKeyInputs::Parse(now.Serialize()));
  EXPECT_THAT(DescribeChanges(&before, now), IsEmpty());
  now.AddArgument("LONG", std::string(501, 'x'));
  EXPECT_THAT(DescribeChanges(&before, now), ElementsAre("arg LONG"));
}

TEST(DescribeChangesTest, DamagedStoredInputsAreRefused) {
  for (const char* text : {"", "{}", "[1]", "[[\"a\"]]", "[[\"a\",1]]"}) {
    EXPECT_THAT(BuildKeyInputs::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
}

}  // namespace
}  // namespace stevedore::graph
