#include "graph/spelling.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stevedore::graph {
namespace {

TEST(SpellingTest, FindsWhatWasMeant) {
  const std::vector<std::string> known = {"parents", "platforms", "persistent_vars", "tags"};
  EXPECT_EQ(DidYouMean("parent", known), "; did you mean `parents`?");
  EXPECT_EQ(DidYouMean("Parents", known), "; did you mean `parents`?");
  EXPECT_EQ(DidYouMean("tasg", known), "; did you mean `tags`?");
  EXPECT_EQ(DidYouMean("persistent-var", known), "; did you mean `persistent_vars`?");
}

TEST(SpellingTest, ProposesNothingFarFetched) {
  const std::vector<std::string> known = {"parents", "tags", "a"};
  EXPECT_EQ(DidYouMean("dockerfile", known), "");
  EXPECT_EQ(DidYouMean("x", known), "");
  EXPECT_EQ(DidYouMean("", known), "");
  EXPECT_EQ(DidYouMean(std::string(5000, 'p'), known), "");
}

}  // namespace
}  // namespace stevedore::graph
