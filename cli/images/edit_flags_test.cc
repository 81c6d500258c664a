#include "cli/images/edit_flags.h"

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;

// The changes that a command line asks for.
absl::StatusOr<oci::ConfigChanges> Parse(std::vector<std::string> arguments) {
  CLI::App app;
  RunFlags flags;
  AddRunFlags(app, &flags);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::Error& error) {
    return absl::InvalidArgumentError(error.what());
  }
  return ReadRunFlags(flags);
}

TEST(EditFlagsTest, CranesFlags) {
  ASSERT_OK_AND_ASSIGN(const oci::ConfigChanges changes,
                       Parse({"--entrypoint", "/bin/sh,-c", "--cmd", R"(["a, b", "c"])", "-e",
                              "B=2", "--env", "A=1=x", "-l", "k=v", "--exposed-ports",
                              "8080/tcp,53/udp", "--user", "1000:1000", "--workdir", "/srv"}));
  EXPECT_THAT(*changes.entrypoint, ElementsAre("/bin/sh", "-c"));
  EXPECT_THAT(*changes.cmd, ElementsAre("a, b", "c"));
  EXPECT_THAT(changes.env, ElementsAre(Pair("B", "2"), Pair("A", "1=x")));
  EXPECT_THAT(changes.labels, ElementsAre(Pair("k", "v")));
  EXPECT_THAT(changes.exposed_ports, ElementsAre("8080/tcp", "53/udp"));
  EXPECT_EQ(changes.user, "1000:1000");
  EXPECT_EQ(changes.working_dir, "/srv");
}

TEST(EditFlagsTest, NothingGivenNothingChanges) {
  ASSERT_OK_AND_ASSIGN(const oci::ConfigChanges changes, Parse({}));
  EXPECT_TRUE(changes.empty());
}

TEST(EditFlagsTest, EmptyListsAndTextsAreValues) {
  ASSERT_OK_AND_ASSIGN(const oci::ConfigChanges changes,
                       Parse({"--entrypoint", "[]", "--cmd", "", "--user", ""}));
  EXPECT_THAT(*changes.entrypoint, IsEmpty());
  EXPECT_THAT(*changes.cmd, IsEmpty());
  EXPECT_EQ(changes.user, "");
}

TEST(EditFlagsTest, HealthChecks) {
  ASSERT_OK_AND_ASSIGN(
      const oci::ConfigChanges shell,
      Parse({"--health-cmd", "wget -q x || exit 1", "--health-interval", "1m30s",
             "--health-timeout", "5s", "--health-start-period", "500ms", "--health-retries", "3"}));
  EXPECT_THAT(shell.healthcheck->test, ElementsAre("CMD-SHELL", "wget -q x || exit 1"));
  EXPECT_EQ(shell.healthcheck->interval_ns, 90'000'000'000);
  EXPECT_EQ(shell.healthcheck->timeout_ns, 5'000'000'000);
  EXPECT_EQ(shell.healthcheck->start_period_ns, 500'000'000);
  EXPECT_EQ(shell.healthcheck->retries, 3);
  EXPECT_THAT(Parse({"--health-cmd", R"(["/ok", "-q"])"})->healthcheck->test,
              ElementsAre("CMD", "/ok", "-q"));
  EXPECT_THAT(Parse({"--no-healthcheck"})->healthcheck->test, ElementsAre("NONE"));
}

TEST(EditFlagsTest, Removals) {
  ASSERT_OK_AND_ASSIGN(
      const oci::ConfigChanges changes,
      Parse({"--unset-cmd", "--unset-healthcheck", "--unset-env", "A", "--unset-env", "B",
             "--unset-label", "*", "--label", "only=this", "--unset-volume", "/v"}));
  EXPECT_THAT(changes.unset, ElementsAre(oci::RunMember::kCmd, oci::RunMember::kHealthcheck,
                                         oci::RunMember::kLabels));
  EXPECT_THAT(changes.unset_env, ElementsAre("A", "B"));
  EXPECT_THAT(changes.unset_labels, IsEmpty());
  EXPECT_THAT(changes.unset_volumes, ElementsAre("/v"));
}

TEST(EditFlagsTest, MistakesNameTheFlag) {
  const struct {
    std::vector<std::string> arguments;
    const char* message;
  } rows[] = {
      {{"--env", "A"}, "--env `A` is not of the form NAME=VALUE"},
      {{"--label", "=v"}, "--label `=v`"},
      {{"--exposed-ports", "80,http"}, "--exposed-ports: port `http`"},
      {{"--entrypoint", "[1]"}, "--entrypoint: item 0"},
      {{"--cmd", "[\"a\""}, "--cmd"},
      {{"--workdir", "srv"}, "--workdir `srv` is not an absolute path"},
      {{"--volume", "data"}, "--volume"},
      {{"--health-cmd", "x", "--health-interval", "5"}, "--health-interval `5`"},
      {{"--health-timeout", "5s"}, "--health-cmd"},
      {{"--no-healthcheck", "--health-cmd", "x"}, "contradict"},
      {{"--unset-user", "--user", "x"}, "--unset-user and --user contradict"},
      {{"--unset-healthcheck", "--no-healthcheck"}, "contradict"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(Parse(row.arguments),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(row.message)));
  }
}

TEST(EditFlagsTest, Times) {
  EXPECT_THAT(ReadTime("--time", "0"), IsOkAndHolds(0));
  EXPECT_THAT(ReadTime("--time", "1700000000"), IsOkAndHolds(1700000000));
  EXPECT_THAT(ReadTime("--time", "2023-11-14T22:13:20Z"), IsOkAndHolds(1700000000));
  EXPECT_THAT(ReadTime("--time", "2023-11-14T23:13:20+01:00"), IsOkAndHolds(1700000000));
  for (const char* bad :
       {"", "yesterday", "-1", "2023-11-14", "1960-01-01T00:00:00Z", "99999999999999"}) {
    EXPECT_THAT(ReadTime("--time", bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

TEST(EditFlagsTest, PlacesOfResults) {
  const struct {
    const char* source;  // Null: none.
    ResultFlags flags;
    const char* place;  // Null: refused.
  } rows[] = {
      {"localhost:5000/a:1", {}, "docker://localhost:5000/a"},
      {"localhost:5000/a:1", {.tag = "localhost:5000/b:2"}, "docker://localhost:5000/b:2"},
      {"localhost:5000/a:1", {.tag = "oci:dir:x"}, "oci:dir:x"},
      {"localhost:5000/a:1", {.repo = "localhost:5000/c"}, "docker://localhost:5000/c"},
      {"localhost:5000/a:1", {.repo = "localhost:5000/c:1"}, nullptr},
      {"localhost:5000/a:1", {.tag = "x", .repo = "y"}, nullptr},
      {"localhost:5000/a:1", {.tarball = "f.tar"}, "docker-archive:f.tar:localhost:5000/a:1"},
      {"localhost:5000/a:1", {.tag = "b:2", .tarball = "f.tar"}, "docker-archive:f.tar:b:2"},
      {"localhost:5000/a:1", {.tag = "v1", .tarball = "oci-archive:f.tar"}, "oci-archive:f.tar:v1"},
      {"oci:dir:x", {}, "oci:dir"},
      {"docker-archive:f.tar", {}, nullptr},
      {nullptr, {}, nullptr},
      {nullptr, {.tag = "oci:dir:x"}, "oci:dir:x"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(absl::StrCat(row.source == nullptr ? "-" : row.source, " ", row.flags.tag, " ",
                              row.flags.repo, " ", row.flags.tarball));
    std::optional<transfer::Endpoint> source;
    if (row.source != nullptr) source = *transfer::ParseEndpoint(row.source);
    const absl::StatusOr<transfer::Endpoint> place = ResultPlace(row.flags, source);
    if (row.place == nullptr) {
      EXPECT_THAT(place, StatusIs(absl::StatusCode::kInvalidArgument));
    } else {
      ASSERT_OK(place);
      EXPECT_EQ(place->ToString(), row.place);
    }
  }
}

TEST(EditFlagsTest, NamesOfResultsCanBeUsedAgain) {
  const oci::Digest digest = oci::Digest::Of("x");
  for (const char* text : {"localhost:5000/a:1", "oci:dir:x", "oci:dir:@1"}) {
    const std::string name = ResultName(*transfer::ParseEndpoint(text), digest);
    ASSERT_OK_AND_ASSIGN(const transfer::Endpoint again, transfer::ParseEndpoint(name));
    EXPECT_EQ(again.TagOrDigest(), digest.ToString()) << name;
  }
  EXPECT_EQ(ResultName(*transfer::ParseEndpoint("localhost:5000/a:1"), digest),
            absl::StrCat("localhost:5000/a@", digest.ToString()));
}

}  // namespace
}  // namespace stevedore::cli
