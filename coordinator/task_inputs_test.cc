#include "coordinator/task_inputs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"
#include "coordinator/testing/scheduler_bench.h"

namespace stevedore::coordinator {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::SubmissionOf;

std::string KeyOf(const Submission& submission) {
  auto build = Build::Create(submission, 100);
  EXPECT_OK(build);
  auto inputs = InputsOf(**build, (*build)->tasks.back());
  EXPECT_OK(inputs);
  return inputs->Key();
}

TEST(TaskInputsTest, TagsAndVolatileValuesAreNotInTheKey) {
  Submission submission = SubmissionOf("r", "a");
  (*submission.images[0].mutable_arguments())["DATE"] = "today";
  submission.images[0].add_volatile_names("arg DATE");
  const std::string key = KeyOf(submission);
  (*submission.images[0].mutable_arguments())["DATE"] = "tomorrow";
  submission.images[0].set_reference("r/a:2");
  submission.images[0].add_tags("r/a:latest");
  EXPECT_EQ(KeyOf(submission), key);
  submission.images[0].set_reference("other/a:1");
  EXPECT_NE(KeyOf(submission), key) << "another repository has to get the image too";
}

TEST(TaskInputsTest, WhatChangesBytesIsInTheKey) {
  const Submission submission = SubmissionOf("r", "a");
  const std::string key = KeyOf(submission);
  const auto changed = [&](auto change) {
    Submission other = submission;
    change(other.images[0]);
    return KeyOf(other) != key;
  };
  EXPECT_TRUE(changed([](v1::Image& image) { image.set_driver("assemble"); }));
  EXPECT_TRUE(changed([](v1::Image& image) { image.set_options_json(R"({"x":1})"); }));
  EXPECT_TRUE(changed([](v1::Image& image) { (*image.mutable_labels())["l"] = "1"; }));
  EXPECT_TRUE(changed([](v1::Image& image) { image.set_platforms(0, "linux/arm64"); }));
  EXPECT_TRUE(changed([](v1::Image& image) { image.set_source_date_epoch(0); }));
  EXPECT_TRUE(changed([](v1::Image& image) { image.add_contexts()->set_tree_digest("sha256:1"); }));
}

TEST(TaskInputsTest, CausesAddChangedFiles) {
  Submission submission = SubmissionOf("r", "a");
  v1::BuildContext* context = submission.images[0].add_contexts();
  context->set_path("src");
  context->set_tree_digest("sha256:1");
  ASSERT_OK_AND_ASSIGN(auto before, Build::Create(submission, 100));
  context->set_tree_digest("sha256:2");
  context->add_changed_files("main.c");
  context->add_changed_files("main.h");
  ASSERT_OK_AND_ASSIGN(auto now, Build::Create(submission, 100));
  const auto old_inputs = InputsOf(*before, before->tasks[0]);
  const auto inputs = InputsOf(*now, now->tasks[0]);
  EXPECT_THAT(CausesOf(old_inputs->Serialize(), *inputs, now->images[0]),
              ElementsAre("context src: main.c, main.h"));
  EXPECT_THAT(CausesOf(inputs->Serialize(), *inputs, now->images[0]), IsEmpty());
  EXPECT_THAT(CausesOf("", *inputs, now->images[0]), ElementsAre("new"));
  EXPECT_THAT(CausesOf("not inputs", *inputs, now->images[0]), ElementsAre("new"));
}

}  // namespace
}  // namespace stevedore::coordinator
