#include "transfer/registry_session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/testing/status_matchers.h"
#include "transfer/testing/scripted_registry.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using http::testing::ReceivedRequest;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;
using testing::ScriptedAnswer;
using testing::ScriptedRegistry;
using ::testing::SizeIs;
using testing::WithoutWaiting;

const credentials::MemoryCredentialStore& Nobody() {
  static const auto* store = new credentials::MemoryCredentialStore();
  return *store;
}

Call Get(const ScriptedRegistry& registry, const std::string& url) {
  return {.repository = registry.Repository("a/b"), .url = url};
}

// The body of a 200, or the error.
std::string Fetch(RegistrySession& session, const Call& call) {
  auto answer = session.Perform(call);
  if (!answer.ok()) return answer.status().ToString();
  if (answer->status() != 200) return session.Refusal(call, *answer).ToString();
  return base::ReadAll(*answer->exchange, 1000).value_or("?");
}

TEST(RegistrySessionTest, RepeatsWhatMayPassAndObeysRetryAfter) {
  int count = 0;
  ScriptedRegistry registry([&](const ReceivedRequest&, const std::string&) -> ScriptedAnswer {
    switch (++count) {
      case 1:
        return {.status = 503};
      case 2:
        return {.status = 429, .headers = {{"Retry-After", "17"}}};
      case 3:
        return {.status = 429, .headers = {{"Retry-After", "100000"}}};
      default:
        return {.body = "done"};
    }
  });
  std::vector<absl::Duration> waits;
  http::Client http;
  RegistrySession session(&http, &Nobody(), WithoutWaiting(&waits));
  EXPECT_EQ(Fetch(session, Get(registry, "/v2/")), "done");
  ASSERT_THAT(waits, SizeIs(3));
  EXPECT_THAT(waits[0], AllOf(Ge(absl::ZeroDuration()), Le(absl::Seconds(1))));
  EXPECT_EQ(waits[1], absl::Seconds(17));
  EXPECT_EQ(waits[2], absl::Seconds(60));
}

TEST(RegistrySessionTest, GivesUpAfterSixRepetitions) {
  ScriptedRegistry registry(
      [](const ReceivedRequest&, const std::string&) { return ScriptedAnswer{.status = 500}; });
  std::vector<absl::Duration> waits;
  http::Client http;
  RegistrySession session(&http, &Nobody(), WithoutWaiting(&waits));
  EXPECT_THAT(session.Perform(Get(registry, "/v2/")),
              StatusIs(absl::StatusCode::kUnavailable,
                       AllOf(HasSubstr(registry.server().host()), HasSubstr("HTTP 500"),
                             HasSubstr("tried 7 times"))));
  EXPECT_THAT(waits, AllOf(SizeIs(6), Each(Le(absl::Seconds(60)))));
}

TEST(RegistrySessionTest, BodiesThatCannotBeReadAgainAreSentOnce) {
  ScriptedRegistry registry(
      [](const ReceivedRequest&, const std::string&) { return ScriptedAnswer{.status = 500}; });
  std::vector<absl::Duration> waits;
  http::Client http;
  RegistrySession session(&http, &Nobody(), WithoutWaiting(&waits));
  base::StringSource body("x");
  Call call = Get(registry, "/v2/");
  call.method = "PUT";
  call.body_source = &body;
  call.body_size = 1;
  ASSERT_OK_AND_ASSIGN(const Answer answer, session.Perform(call));
  EXPECT_EQ(answer.status(), 500);
  EXPECT_THAT(waits, SizeIs(0));
}

TEST(RegistrySessionTest, TheBasicPasswordIsToldAfterBeingAskedAndThenAtOnce) {
  std::vector<std::string> seen;
  ScriptedRegistry registry([&](const ReceivedRequest& request, const std::string&) {
    seen.push_back(request.headers.Find("Authorization").value_or("-"));
    if (seen.back() != "Basic dTpw") {
      return ScriptedAnswer{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=x"}}};
    }
    return ScriptedAnswer{.body = "in"};
  });
  const credentials::MemoryCredentialStore store(
      {{registry.server().host() + "/a", {"u", base::Secret("p"), "test"}}});
  http::Client http;
  RegistrySession session(&http, &store, {});
  EXPECT_EQ(Fetch(session, Get(registry, "/v2/a/b/tags/list")), "in");
  EXPECT_EQ(Fetch(session, Get(registry, "/v2/a/b/tags/list")), "in");
  EXPECT_THAT(seen, ElementsAre("-", "Basic dTpw", "Basic dTpw"));
}

TEST(RegistrySessionTest, ATokenForTheRegistryItselfIsTriedOnce) {
  std::vector<std::string> seen;
  std::string right = "Bearer direct";
  ScriptedRegistry registry([&](const ReceivedRequest& request, const std::string&) {
    seen.push_back(request.headers.Find("Authorization").value_or("-"));
    if (seen.back() == right) return ScriptedAnswer{.body = "in"};
    return ScriptedAnswer{.status = 401,
                          .headers = {{"WWW-Authenticate", "Bearer realm=\"/never\""}}};
  });
  credentials::Credential direct;
  direct.registry_token = base::Secret("direct");
  const credentials::MemoryCredentialStore store({{registry.server().host(), direct}});
  http::Client http;
  RegistrySession session(&http, &store, {});
  EXPECT_EQ(Fetch(session, Get(registry, "/v2/a/b/tags/list")), "in");
  right = "changed";
  ASSERT_OK_AND_ASSIGN(const Answer refused, session.Perform(Get(registry, "/v2/a/b/tags/list")));
  EXPECT_EQ(refused.status(), 401);
  EXPECT_THAT(seen, ElementsAre("-", "Bearer direct", "Bearer direct"));
}

TEST(RegistrySessionTest, AnIdentityTokenIsNoPassword) {
  ScriptedRegistry registry([&](const ReceivedRequest&, const std::string&) {
    return ScriptedAnswer{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=x"}}};
  });
  credentials::Credential identity;
  identity.identity_token = base::Secret("refresh");
  identity.origin = "the file";
  const credentials::MemoryCredentialStore store({{registry.server().host(), identity}});
  http::Client http;
  RegistrySession session(&http, &store, {});
  EXPECT_THAT(session.Perform(Get(registry, "/v2/a/b/tags/list")),
              StatusIs(absl::StatusCode::kUnauthenticated, HasSubstr("the file")));
}

TEST(RegistrySessionTest, ARedirectToAnotherHostCarriesNoPassword) {
  std::string seen = "?";
  ScriptedRegistry storage([&](const ReceivedRequest& request, const std::string&) {
    seen = request.headers.Find("Authorization").value_or("-");
    return ScriptedAnswer{.body = "blob"};
  });
  ScriptedRegistry registry([&](const ReceivedRequest& request, const std::string&) {
    if (!request.headers.Find("Authorization").has_value()) {
      return ScriptedAnswer{.status = 401, .headers = {{"WWW-Authenticate", "Basic realm=x"}}};
    }
    return ScriptedAnswer{.status = 307,
                          .headers = {{"Location", storage.server().url() + "/blob?sig=1"}}};
  });
  const credentials::MemoryCredentialStore store(
      {{registry.server().host(), {"u", base::Secret("p"), "test"}}});
  http::Client http;
  RegistrySession session(&http, &store, {});
  EXPECT_EQ(Fetch(session, Get(registry, "/v2/a/b/blobs/x")), "blob");
  EXPECT_EQ(seen, "-");
}

TEST(RegistrySessionTest, RedirectsHaveAnEndAndMustNotLeadToMachineAddresses) {
  std::string location = "/again";
  ScriptedRegistry registry([&](const ReceivedRequest&, const std::string&) {
    return ScriptedAnswer{.status = 302, .headers = {{"Location", location}}};
  });
  http::Client http;
  RegistrySession session(&http, &Nobody(), {});
  EXPECT_THAT(session.Perform(Get(registry, "/v2/x")),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("more than 5 redirects")));
  location = "http://169.254.169.254/latest/meta-data";
  EXPECT_THAT(session.Perform(Get(registry, "/v2/x")),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("169.254.169.254")));
}

TEST(RegistrySessionTest, AForeignTokenServiceDoesNotGetThePassword) {
  ScriptedRegistry registry([&](const ReceivedRequest&, const std::string&) {
    return ScriptedAnswer{
        .status = 401,
        .headers = {{"WWW-Authenticate", "Bearer realm=\"https://evil.example/token\""}}};
  });
  const credentials::MemoryCredentialStore store(
      {{registry.server().host(), {"u", base::Secret("p"), "test"}}});
  http::Client http;
  RegistrySession session(&http, &store, {});
  EXPECT_THAT(session.Perform(Get(registry, "/v2/x")),
              StatusIs(absl::StatusCode::kPermissionDenied, HasSubstr("evil.example")));
}

TEST(RegistrySessionTest, TheChallengesOwnScopeIsAskedForToo) {
  std::vector<std::string> targets;
  std::string realm;
  ScriptedRegistry registry([&](const ReceivedRequest& request, const std::string&) {
    if (absl::string_view(request.target).substr(0, 6) == "/token") {
      targets.push_back(request.target);
      return ScriptedAnswer{.body = R"({"token":"good"})"};
    }
    if (request.headers.Find("Authorization") != "Bearer good") {
      return ScriptedAnswer{
          .status = 401,
          .headers = {
              {"WWW-Authenticate", absl::StrCat("Bearer realm=\"", realm,
                                                "\",service=s,scope=\"repository:a/b:delete\"")}}};
    }
    return ScriptedAnswer{.body = "in"};
  });
  realm = registry.server().url() + "/token";
  http::Client http;
  RegistrySession session(&http, &Nobody(), {});
  EXPECT_EQ(Fetch(session, Get(registry, "/v2/a/b/x")), "in");
  EXPECT_EQ(Fetch(session, Get(registry, "/v2/a/b/x")), "in");
  EXPECT_THAT(targets, ElementsAre("/token?service=s&scope=repository%3Aa%2Fb%3Apull&scope="
                                   "repository%3Aa%2Fb%3Adelete"));
}

TEST(RegistrySessionTest, StoppingEndsTheWaiting) {
  ScriptedRegistry registry([](const ReceivedRequest&, const std::string&) {
    return ScriptedAnswer{.status = 503, .headers = {{"Retry-After", "60"}}};
  });
  std::stop_source stop;
  RegistryClientOptions options;
  options.wait = [&](absl::Duration, std::stop_token) { stop.request_stop(); };
  http::Client http;
  RegistrySession session(&http, &Nobody(), options);
  Call call = Get(registry, "/v2/");
  call.stop = stop.get_token();
  EXPECT_THAT(session.Perform(call), StatusIs(absl::StatusCode::kCancelled));
}

TEST(RetriesTest, TheRealWaitEndsWhenStopped) {
  const RegistryClientOptions options{.first_wait = absl::Hours(1), .longest_wait = absl::Hours(1)};
  std::stop_source stop;
  stop.request_stop();
  Retries retries(&options, 6);
  EXPECT_FALSE(retries.Again(absl::Hours(1), stop.get_token()));
}

}  // namespace
}  // namespace stevedore::transfer
