#include "proto/image_convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"
#include "stevedore/v1/image.pb.h"

namespace stevedore::proto {
namespace {

using ::testing::HasSubstr;

graph::ResolvedImage Web() {
  graph::ResolvedImage image;
  image.id = "web:1.0";
  image.reference = "localhost:5000/shop/web:1.0";
  image.tags = {"localhost:5000/shop/web:latest"};
  image.platforms = {"linux/amd64"};
  image.parents = {"base:2.4", "lib:1"};
  image.driver = "assemble";
  image.options_json = R"({"compression":"gzip"})";
  image.arguments = {{"A", "1"}};
  image.labels = {{"team", "shop"}};
  image.parent_arguments = {{"image_from_tag", "tag"}};
  image.volatile_names = {"label built"};
  image.source_date_epoch = 0;
  graph::ContextSpec context;
  context.path = "services/web";
  context.resolved_path = "project/services/web";
  image.contexts = {context};
  return image;
}

TEST(ImageConvertTest, WhatTravelsComesBack) {
  ASSERT_OK_AND_ASSIGN(const v1::Image message, ToMessage(Web()));
  EXPECT_EQ(message.contexts(0).path(), "project/services/web");
  const graph::ResolvedImage image = FromMessage(message);
  EXPECT_EQ(image.id, Web().id);
  EXPECT_EQ(image.reference, Web().reference);
  EXPECT_EQ(image.tags, Web().tags);
  EXPECT_EQ(image.platforms, Web().platforms);
  EXPECT_EQ(image.parents, Web().parents);
  EXPECT_EQ(image.driver, Web().driver);
  EXPECT_EQ(image.options_json, Web().options_json);
  EXPECT_EQ(image.arguments, Web().arguments);
  EXPECT_EQ(image.labels, Web().labels);
  EXPECT_EQ(image.parent_arguments, Web().parent_arguments);
  EXPECT_EQ(image.volatile_names, Web().volatile_names);
  EXPECT_EQ(image.source_date_epoch, Web().source_date_epoch);
}

TEST(ImageConvertTest, NoEpochIsNotZero) {
  graph::ResolvedImage image = Web();
  image.source_date_epoch.reset();
  ASSERT_OK_AND_ASSIGN(const v1::Image message, ToMessage(image));
  EXPECT_FALSE(FromMessage(message).source_date_epoch.has_value());
}

TEST(ImageConvertTest, GitContextsTravelWithoutSecrets) {
  graph::ResolvedImage image = Web();
  image.contexts[0] = {};
  graph::GitContext& git = image.contexts[0].git.emplace();
  git.repository = "https://user:hush1@git.example.com/web";
  git.reference = "v1";
  git.path = "app";
  git.credentials_id = "git.example.com";
  git.username = "user";
  git.password = "hush2";
  git.private_key_password = "hush3";
  git.ssh_user = "deploy";
  ASSERT_OK_AND_ASSIGN(v1::Image message, ToMessage(image));
  EXPECT_EQ(message.contexts(0).path(), "https://git.example.com/web#v1:app");
  EXPECT_THAT(message.SerializeAsString(), ::testing::Not(HasSubstr("hush")));
  message.mutable_contexts(0)->mutable_git()->set_url("https://git.example.com/web");
  const graph::ResolvedImage back = FromMessage(message);
  ASSERT_TRUE(back.contexts[0].git.has_value());
  EXPECT_EQ(back.contexts[0].git->repository, "https://git.example.com/web");
  EXPECT_EQ(back.contexts[0].git->reference, "v1");
  EXPECT_EQ(back.contexts[0].git->path, "app");
  EXPECT_EQ(back.contexts[0].git->credentials_id, "git.example.com");
  EXPECT_EQ(back.contexts[0].git->ssh_user, "deploy");
}

}  // namespace
}  // namespace stevedore::proto
