#include "cli/completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <CLI/CLI.hpp>

namespace stevedore::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::vector<CompletionCommand> Sample() {
  CLI::App app("tool");
  std::string config, style, hidden;
  std::vector<std::string> names;
  app.add_option("-c,--config", config, "Configuration")->type_name("FILE");
  CLI::App* get = app.add_subcommand("get", "Show what's there")->alias("list");
  CLI::App* images = get->add_subcommand("images", "Images");
  images->add_option("NAME", names, "Images");
  images->add_option("--style", style, "How [it] looks")->type_name("tree|table");
  images->add_option("--old", hidden, "Gone")->group("");
  return DescribeCommands(app);
}

TEST(CompletionTest, FollowsTheGrammar) {
  const std::vector<CompletionCommand> commands = Sample();
  ASSERT_EQ(commands.size(), 5);  // tool, get, get images, list, list images
  EXPECT_THAT(commands[0].subcommands, ElementsAre("get", "list"));
  EXPECT_THAT(commands[2].path, ElementsAre("get", "images"));
  EXPECT_TRUE(commands[2].takes_images);
  const CompletionCommand::Flag& style = commands[2].flags.back();
  EXPECT_THAT(style.names, ElementsAre("--style"));
  EXPECT_THAT(style.choices, ElementsAre("tree", "table"));
}

TEST(CompletionTest, ScriptsOfferFlagsChoicesAndImages) {
  for (const std::string& script :
       {BashCompletion("tool", Sample()), ZshCompletion("tool", Sample()),
        FishCompletion("tool", Sample())}) {
    EXPECT_THAT(script, HasSubstr("style"));
    EXPECT_THAT(script, HasSubstr("tree table"));
    EXPECT_THAT(script, HasSubstr("get images --output names"));
    EXPECT_THAT(script, Not(HasSubstr("--old")));
    EXPECT_THAT(script, Not(HasSubstr("local path")));  // zsh ties that name to PATH.
    EXPECT_THAT(script, Not(HasSubstr("what's")));
  }
}

}  // namespace
}  // namespace stevedore::cli
