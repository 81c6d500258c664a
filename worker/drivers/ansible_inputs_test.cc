#include "worker/drivers/ansible_inputs.h"

#include <string>

#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

graph::AnsibleOptions Options() {
  graph::AnsibleOptions options;
  options.playbook = "site.yml";
  options.inventory = "localhost,";
  options.automatic.own = {{"image_name", "web"}, {"image_tag", "1.0"}};
  options.automatic.tags_name = "image_extra_tags";
  options.automatic.labels_name = "image_labels";
  options.automatic.push_name = "push_image";
  return options;
}

TEST(AnsibleInputsTest, TheFirstOneToNameAVariableWins) {
  graph::AnsibleOptions options = Options();
  options.typed_variables = {{"count", "3"}, {"list", R"(["a",{"b":true}])"}};
  options.automatic.persistent_labels = {"team", "image_name", "gone"};
  BuildRequest request;
  request.facts.tags = {"reg:5000/ns/web:stable", "reg:5000/ns/web:1"};
  request.labels = {{"team", "shop"}, {"image_name", "no"}};
  request.parent_arguments = {{"image_from_tag", "tag"}, {"image_from_name", "name"}};
  const std::map<std::string, std::string> arguments = {{"count", "3"},
                                                        {"list", "..."},
                                                        {"image_name", "other"},
                                                        {"text", "3"},
                                                        {"image_from_tag", "2@x"},
                                                        {"image_from_name", "base"},
                                                        {"push_image", "of the user"}};
  EXPECT_THAT(
      AnsibleVariables(request, options, arguments),
      IsOkAndHolds(R"({"count":3,"image_extra_tags":["stable","1"],"image_from_name":"base",)"
                   R"("image_from_tag":"2@x","image_labels":{"image_name":"no","team":"shop"},)"
                   R"("image_name":"web","image_tag":"1.0","list":["a",{"b":true}],)"
                   R"("push_image":"of the user","team":"shop","text":"3"})"));
}

TEST(AnsibleInputsTest, PushIsNamedOnlyWhenItIsNotWanted) {
  BuildRequest request;
  EXPECT_THAT(AnsibleVariables(request, Options(), {}),
              IsOkAndHolds(R"({"image_name":"web","image_tag":"1.0","push_image":false})"));
  request.facts.to_registry = true;
  EXPECT_THAT(AnsibleVariables(request, Options(), {}),
              IsOkAndHolds(R"({"image_name":"web","image_tag":"1.0"})"));
  graph::AnsibleOptions options = Options();
  options.automatic = {};
  request.facts.to_registry = false;
  request.facts.tags = {"a:b"};
  request.labels = {{"a", "b"}};
  EXPECT_THAT(AnsibleVariables(request, options, {}), IsOkAndHolds("{}"));
  EXPECT_THAT(AnsibleVariables(request, options, {{"bad", "\xff"}}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("UTF-8")));
}

TEST(AnsibleInputsTest, TheCommandLineHasNoVariables) {
  graph::AnsibleOptions options = Options();
  EXPECT_THAT(AnsibleCommand("ansible-playbook", options, "/x/v.json"),
              ElementsAre("ansible-playbook", "--extra-vars", "@/x/v.json", "--inventory",
                          "localhost,", "site.yml"));
  options.limit = "web";
  options.connection_local = true;
  EXPECT_THAT(AnsibleCommand("ansible-playbook", options, "/v"),
              ElementsAre("ansible-playbook", "--extra-vars", "@/v", "--inventory", "localhost,",
                          "--limit", "web", "--connection", "local", "site.yml"));
}

TEST(AnsibleInputsTest, EveryExitCodeHasItsAdvice) {
  EXPECT_OK(AnsibleExit(0, {"x"}));
  const struct {
    int code;
    const char* text;
  } cases[] = {{1, "outside of tasks"}, {2, "a task failed"},  {3, "unreachable"},
               {4, "--syntax-check"},   {5, "incomplete"},     {99, "interrupted"},
               {250, "inside ansible"}, {17, "exit code 17: "}};
  for (const auto& [code, text] : cases) {
    EXPECT_THAT(AnsibleExit(code, {"fatal: it", "is so"}),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         AllOf(HasSubstr(text), HasSubstr("\n  fatal: it\n  is so"))));
  }
  EXPECT_THAT(AnsibleExit(137, {}),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("killed by signal 9")));
}

}  // namespace
}  // namespace stevedore::worker
