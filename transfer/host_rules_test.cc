#include "transfer/host_rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::transfer {
namespace {

struct Case {
  std::string from, to;
  bool target, anonymous, password;  // What is allowed.
};

TEST(HostRulesTest, Table) {
  for (const Case& test : std::vector<Case>{
           {"https://registry-1.docker.io", "https://auth.docker.io", true, true, true},
           {"https://registry.gitlab.com", "https://gitlab.com", true, true, true},
           {"https://example.com", "https://auth.example.com", true, true, true},
           {"https://ghcr.io", "https://ghcr.io", true, true, true},
           {"https://ghcr.io", "https://evil.io", true, true, false},
           {"https://a.co.uk", "https://b.co.uk", true, true, false},
           {"https://reg.example", "http://reg.example", false, false, false},
           {"http://127.0.0.1:5000", "http://127.0.0.1:6000", true, true, true},
           {"http://localhost:5000", "http://127.0.0.1:6000", true, true, true},
           {"http://127.0.0.1:5000", "http://auth.example.com", true, false, false},
           {"http://reg.lan", "http://reg.lan:81", true, true, true},
           {"https://reg.example", "https://127.0.0.1", false, false, false},
           {"https://reg.example", "https://169.254.169.254", false, false, false},
           {"https://reg.example", "https://[fe80::1]", false, false, false},
           {"https://reg.example", "https://metadata.google.internal", false, false, false},
           {"https://reg.example", "https://2852039166", false, false, false},
           {"https://10.0.0.1", "https://10.0.0.2", true, true, false},
           {"https://docker.io.evil.example", "https://auth.docker.io", true, true, false}}) {
    ASSERT_OK_AND_ASSIGN(const http::Url from, http::Url::Parse(test.from));
    ASSERT_OK_AND_ASSIGN(const http::Url to, http::Url::Parse(test.to));
    EXPECT_EQ(CheckTarget(from, to).ok(), test.target) << test.from << " " << test.to;
    EXPECT_EQ(CheckTokenService(from, to, false, {}).ok(), test.anonymous)
        << test.from << " " << test.to;
    EXPECT_EQ(CheckTokenService(from, to, true, {}).ok(), test.password)
        << test.from << " " << test.to;
  }
}

TEST(HostRulesTest, ATrustedTokenServiceGetsThePassword) {
  ASSERT_OK_AND_ASSIGN(const http::Url from, http::Url::Parse("https://ghcr.io"));
  ASSERT_OK_AND_ASSIGN(const http::Url to, http::Url::Parse("https://sso.example/token"));
  EXPECT_THAT(CheckTokenService(from, to, true, {}),
              base::testing::StatusIs(absl::StatusCode::kPermissionDenied,
                                      ::testing::HasSubstr("sso.example")));
  EXPECT_OK(CheckTokenService(from, to, true, {"sso.example"}));
}

}  // namespace
}  // namespace stevedore::transfer
