#include "cli/images/reference_completion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace stevedore::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class ReferenceCompletionTest : public ::testing::Test {
 protected:
  std::vector<std::string> Complete(const std::string& word) {
    return CompleteReference(word, {.tags =
                                        [this](const oci::Reference& repository) {
                                          asked_.push_back(repository.Name());
                                          return tags_;
                                        },
                                    .repositories =
                                        [this](const std::string& registry) {
                                          asked_.push_back(registry);
                                          return repositories_;
                                        }});
  }
  std::vector<std::string> asked_;
  absl::StatusOr<std::vector<std::string>> tags_ =
      std::vector<std::string>{"1.1", "2.0", "1.0", "bad $(tag)"};
  absl::StatusOr<std::vector<std::string>> repositories_ =
      std::vector<std::string>{"shop/web", "shop/api", "tools"};
};

TEST_F(ReferenceCompletionTest, TagsBehindTheLastColon) {
  EXPECT_THAT(Complete("localhost:5000/shop/web:1"),
              ElementsAre("localhost:5000/shop/web:1.0", "localhost:5000/shop/web:1.1"));
  EXPECT_THAT(Complete("docker://localhost:5000/shop/web:2"),
              ElementsAre("docker://localhost:5000/shop/web:2.0"));
  EXPECT_THAT(asked_, ElementsAre("localhost:5000/shop/web", "localhost:5000/shop/web"));
}

TEST_F(ReferenceCompletionTest, RepositoriesBehindAHost) {
  EXPECT_THAT(Complete("localhost:5000/sh"),
              ElementsAre("localhost:5000/shop/api", "localhost:5000/shop/web"));
  EXPECT_THAT(Complete("localhost:5000/shop/w"), ElementsAre("localhost:5000/shop/web"));
  EXPECT_THAT(asked_, ElementsAre("localhost:5000", "localhost:5000"));
}

TEST_F(ReferenceCompletionTest, WhatIsNoReferenceAsksNobody) {
  for (const char* word : {"", "localhost", "user/ap", "oci:path", "UP:", "a@sha256:1", ":x"}) {
    (void)Complete(word);
  }
  // "oci:path" may be the tag of an image called oci.
  EXPECT_THAT(asked_, ElementsAre("docker.io/library/oci"));
}

TEST_F(ReferenceCompletionTest, NobodyAnsweringIsNothing) {
  tags_ = absl::UnavailableError("down");
  EXPECT_THAT(Complete("localhost:5000/shop/web:"), IsEmpty());
}

}  // namespace
}  // namespace stevedore::cli
