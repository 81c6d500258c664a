#include "graph/registry_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "base/testing/status_matchers.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::map<std::string, RegistrySettings> Read(const std::string& yaml, Findings* findings) {
  const auto document = YamlDocument::Parse("s.yaml", yaml);
  if (!document.ok()) abort();
  return ReadRegistries(*(*document)->root(), findings);
}

TEST(RegistrySettingsTest, ReadsEveryKey) {
  Findings findings(false);
  const auto registries = Read(R"(
docker.io:
  mirrors: [mirror.example.com:5000, cache.example.com/hub]
reg.example.com:5000:
  ca_file: ca.pem
  client_certificate_file: me.pem
  client_key_file: me.key
  token_hosts: auth.example.org
old.example.com: {blocked: true}
10.0.0.7: {insecure: true}
quiet.example.com:
)",
                               &findings);
  ASSERT_OK(findings.ToStatus());
  ASSERT_THAT(registries, SizeIs(5));
  EXPECT_THAT(registries.at("docker.io").mirrors,
              ElementsAre("mirror.example.com:5000", "cache.example.com/hub"));
  EXPECT_EQ(registries.at("docker.io").where.ToString(), "s.yaml:2:1");
  const RegistrySettings& settings = registries.at("reg.example.com:5000");
  EXPECT_EQ(settings.ca_file, "ca.pem");
  EXPECT_EQ(settings.client_certificate_file, "me.pem");
  EXPECT_EQ(settings.client_key_file, "me.key");
  EXPECT_THAT(settings.token_hosts, ElementsAre("auth.example.org"));
  EXPECT_TRUE(registries.at("old.example.com").blocked);
  EXPECT_TRUE(registries.at("10.0.0.7").insecure);
}

TEST(RegistrySettingsTest, SaysWhatIsWrongAndWhere) {
  Findings findings(false);
  Read(R"(
"no host": {}
a.example.com: {mirrors: [/x, "ok.example.com", "b.example.com/UP"], block: true}
b.example.com: {client_key_file: k, insecure: perhaps}
c.example.com: text
)",
       &findings);
  EXPECT_THAT(
      findings.ToStatus(),
      StatusIs(absl::StatusCode::kInvalidArgument,
               AllOf(HasSubstr("s.yaml:2:1: `registries`"), HasSubstr("s.yaml:3:27"),
                     HasSubstr("must begin with a registry's host"), HasSubstr("b.example.com/UP"),
                     HasSubstr("unknown key `block` in a registry; did you mean `blocked`?"),
                     HasSubstr("s.yaml:4:1: `registries.b.example.com`"),
                     HasSubstr("`registries.b.example.com.insecure`"), HasSubstr("s.yaml:5:16"))));
}

}  // namespace
}  // namespace stevedore::graph
