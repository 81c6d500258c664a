#include "graph/image_instance.h"

#include <gtest/gtest.h>

namespace stevedore::graph {
namespace {

TEST(ImageInstanceTest, ReferenceLeavesEmptyPartsOut) {
  ImageInstance image;
  image.name = "web";
  image.version = "1.0";
  EXPECT_EQ(image.Reference(), "web:1.0");
  image.name_space = "team/shop";
  EXPECT_EQ(image.Reference(), "team/shop/web:1.0");
  image.registry = "localhost:5000";
  EXPECT_EQ(image.Reference(), "localhost:5000/team/shop/web:1.0");
  EXPECT_EQ(image.ReferenceWithTag("latest"), "localhost:5000/team/shop/web:latest");
}

TEST(ImageInstanceTest, PlusBecomesUnderscoreInTags) {
  ImageInstance image;
  image.name = "web";
  image.version = "1.0+b7";
  EXPECT_EQ(image.VersionTag(), "1.0_b7");
  EXPECT_EQ(image.Reference(), "web:1.0_b7");
}

}  // namespace
}  // namespace stevedore::graph
