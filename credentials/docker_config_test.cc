#include "credentials/docker_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/testing/status_matchers.h"

namespace stevedore::credentials {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::HasSubstr;

TEST(ParseLoginServerTest, TakesWhatPeopleType) {
  EXPECT_THAT(ParseLoginServer(""), IsOkAndHolds("docker.io"));
  EXPECT_THAT(ParseLoginServer("https://index.docker.io/v1/"), IsOkAndHolds("docker.io"));
  EXPECT_THAT(ParseLoginServer("registry-1.docker.io"), IsOkAndHolds("docker.io"));
  EXPECT_THAT(ParseLoginServer("https://Reg.Example.com:5000/v2/"),
              IsOkAndHolds("reg.example.com:5000"));
  EXPECT_THAT(ParseLoginServer("reg/team/web"), IsOkAndHolds("reg/team/web"));
  for (const char* bad : {" ", "a b", "-u", "/x", "https://", "u@host", "a//b"}) {
    EXPECT_THAT(ParseLoginServer(bad),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no registry")))
        << bad;
  }
}

TEST(DockerConfigTest, KeepsEverythingElseAndItsOrder) {
  const std::string text =
      "{\n\t\"zebra\": [\n\t\t1,\n\t\t2.5,\n\t\tnull\n\t],\n\t\"auths\": {\n\t\t\"b\": {\n\t\t\t"
      "\"auth\": \"dTpw\"\n\t\t},\n\t\t\"a\": {}\n\t},\n\t\"detachKeys\": \"ctrl-ä\"\n}";
  ASSERT_OK_AND_ASSIGN(DockerConfig config, DockerConfig::Parse(text, "f"));
  EXPECT_EQ(config.ToText(), text);
  ASSERT_OK(config.Set("c", Credential{"alice", base::Secret("pa:ss"), ""}));
  EXPECT_TRUE(config.Remove("b"));
  EXPECT_FALSE(config.Remove("b"));
  EXPECT_EQ(config.ToText(),
            "{\n\t\"zebra\": [\n\t\t1,\n\t\t2.5,\n\t\tnull\n\t],\n\t\"auths\": {\n\t\t\"a\": {},"
            "\n\t\t\"c\": {\n\t\t\t\"auth\": \"YWxpY2U6cGE6c3M=\"\n\t\t}\n\t},\n\t\"detachKeys\": "
            "\"ctrl-ä\"\n}");
}

TEST(DockerConfigTest, EqualNamesAreOneEntry) {
  ASSERT_OK_AND_ASSIGN(
      DockerConfig config,
      DockerConfig::Parse(R"({"auths": {"https://reg/v1/": {"auth": "dTpw"}, "x": {}}})", "f"));
  ASSERT_OK(config.Set("reg", std::nullopt));
  EXPECT_EQ(config.ToText(), "{\n\t\"auths\": {\n\t\t\"x\": {},\n\t\t\"reg\": {}\n\t}\n}");
}

TEST(DockerConfigTest, DockerHubIsWrittenByItsOldName) {
  ASSERT_OK_AND_ASSIGN(DockerConfig config, DockerConfig::Parse(" \n", "f"));
  ASSERT_OK(config.Set("docker.io", std::nullopt));
  EXPECT_THAT(config.ToText(), HasSubstr("https://index.docker.io/v1/"));
}

TEST(DockerConfigTest, ANameWithAColonCannotBeKept) {
  ASSERT_OK_AND_ASSIGN(DockerConfig config, DockerConfig::Parse("{}", "f"));
  EXPECT_THAT(config.Set("reg", Credential{"a:b", base::Secret("p"), ""}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("colon")));
}

TEST(DockerConfigTest, BadTextNamesItsPlace) {
  EXPECT_THAT(DockerConfig::Parse("{\n  \"auths\": {,\n}", "f"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("f:2:13: ")));
  EXPECT_THAT(DockerConfig::Parse(std::string(100, '[') + std::string(100, ']'), "f"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("16 levels")));
}

}  // namespace
}  // namespace stevedore::credentials
