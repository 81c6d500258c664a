#include "cli/external_parents.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "graph/configuration.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Knows some references. Thread-safe.
class FakeFinder final : public ParentFinder {
 public:
  std::map<std::string, absl::Status> errors;
  std::set<std::string> known;

  absl::StatusOr<std::optional<PlatformManifests>> Find(const oci::Reference& reference,
                                                        const std::vector<std::string>& platforms,
                                                        std::stop_token) override {
    base::MutexLock lock(&mu_);
    asked_.insert(reference.Canonical());
    const auto error = errors.find(reference.Canonical());
    if (error != errors.end()) return error->second;
    if (known.count(reference.Canonical()) == 0) return std::nullopt;
    PlatformManifests manifests;
    for (const std::string& platform : platforms) manifests[platform] = "sha256:ab";
    return manifests;
  }
  std::set<std::string> asked() {
    base::MutexLock lock(&mu_);
    return asked_;
  }

 private:
  base::Mutex mu_;
  std::set<std::string> asked_ ABSL_GUARDED_BY(mu_);
};

// debian (made elsewhere) <- base <- web.
constexpr char kImages[] = R"(
images:
  debian:
    "12": {registry: r.test}
  base:
    "2": {registry: r.test, parents: {debian: ["12"]}, builder: {driver: none-yet}}
  web:
    "1": {registry: r.test, parents: {base: ["2"]}, builder: {driver: none-yet}}
)";

class ExternalParentsTest : public ::testing::Test {
 protected:
  ExternalParentsTest() {
    std::string text = kImages;
    for (size_t at; (at = text.find("none-yet")) != std::string::npos;) {
      text.replace(at, 8, "sleep, options: {duration: 0s}");
    }
    graph::CatalogOptions options;
    options.default_platform = "linux/amd64";
    auto catalog =
        graph::Catalog::Parse({{"images.yaml", text}}, {{"images.yaml", text}}, {}, options);
    EXPECT_OK(catalog);
    catalog_.emplace(*std::move(catalog));
    request_.names = {"web"};
  }

  absl::StatusOr<SelectionWithParents> Select(BuildParents build_parents) {
    options_.build_parents = build_parents;
    return SelectWithParents(*catalog_, request_, finder_, options_, {});
  }
  static std::vector<std::string> Ids(const SelectionWithParents& selected) {
    std::vector<std::string> ids;
    for (const graph::ResolvedImage& image : selected.selection.images) ids.push_back(image.id);
    return ids;
  }

  std::optional<graph::Catalog> catalog_;
  graph::SelectionRequest request_;
  FakeFinder finder_;
  ParentOptions options_;
};

TEST_F(ExternalParentsTest, FoundParentsAreBuiltOn) {
  finder_.known = {"r.test/base:2"};
  ASSERT_OK_AND_ASSIGN(const SelectionWithParents selected, Select(BuildParents::kAuto));
  EXPECT_THAT(Ids(selected), ElementsAre("web:1"));
  ASSERT_EQ(selected.parents.size(), 1);
  EXPECT_EQ(selected.parents[0].id, "base:2");
  EXPECT_EQ(selected.parents[0].manifests.at("linux/amd64"), "sha256:ab");
  EXPECT_THAT(selected.notes, IsEmpty());
  EXPECT_THAT(finder_.asked(), ElementsAre("r.test/base:2"));
}

TEST_F(ExternalParentsTest, ParentsFoundNowhereAreBuiltAlongAndSaidSo) {
  finder_.known = {"r.test/debian:12"};
  ASSERT_OK_AND_ASSIGN(const SelectionWithParents selected, Select(BuildParents::kAuto));
  EXPECT_THAT(Ids(selected), ElementsAre("base:2", "web:1"));
  EXPECT_EQ(selected.parents[0].id, "debian:12");
  EXPECT_THAT(selected.notes, ElementsAre(HasSubstr("building base:2 along")));
}

TEST_F(ExternalParentsTest, ParentThatNobodyCanBuildIsAnErrorWithPlaceAndRemedy) {
  EXPECT_THAT(Select(BuildParents::kAuto),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("images.yaml:"), HasSubstr("base:2 builds on debian:12"),
                             HasSubstr("push it there"))));
}

TEST_F(ExternalParentsTest, NeverAndAlwaysAreObeyed) {
  EXPECT_THAT(Select(BuildParents::kNever),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("--build-parents")));
  finder_.known = {"r.test/base:2", "r.test/debian:12"};
  ASSERT_OK_AND_ASSIGN(const SelectionWithParents selected, Select(BuildParents::kAlways));
  EXPECT_THAT(Ids(selected), ElementsAre("base:2", "web:1"));
}

TEST_F(ExternalParentsTest, UnreachableRegistryIsNoReasonToBuildUnlessAllowed) {
  finder_.errors["r.test/base:2"] = absl::UnavailableError("r.test: connection refused");
  finder_.known = {"r.test/debian:12"};
  EXPECT_THAT(Select(BuildParents::kAuto),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("parent base:2 of web:1")));
  options_.build_if_unreachable = true;
  ASSERT_OK_AND_ASSIGN(const SelectionWithParents selected, Select(BuildParents::kAuto));
  EXPECT_THAT(Ids(selected), ElementsAre("base:2", "web:1"));
}

TEST_F(ExternalParentsTest, PlansGoOnWithoutParents) {
  finder_.errors["r.test/base:2"] = absl::UnavailableError("r.test: connection refused");
  finder_.errors["r.test/debian:12"] = absl::UnauthenticatedError("r.test: no login");
  options_.plan_without = true;
  ASSERT_OK_AND_ASSIGN(const SelectionWithParents selected, Select(BuildParents::kAuto));
  EXPECT_THAT(Ids(selected), ElementsAre("web:1"));
  ASSERT_EQ(selected.parents.size(), 1);
  EXPECT_EQ(selected.parents[0].manifests.at("linux/amd64"), "sha256:" + std::string(64, '0'));
  EXPECT_THAT(selected.notes,
              ElementsAre(AllOf(HasSubstr("warning: "), HasSubstr("parent base:2 of web:1"),
                                HasSubstr("connection refused"), HasSubstr("for changed"))));
}

TEST_F(ExternalParentsTest, NamingAnImageWithoutBuilderIsOnlyWorthANote) {
  request_.names = {"debian"};
  ASSERT_OK_AND_ASSIGN(const SelectionWithParents selected, Select(BuildParents::kAuto));
  EXPECT_THAT(Ids(selected), IsEmpty());
  EXPECT_THAT(selected.notes, ElementsAre(HasSubstr("debian:12 has no builder")));
}

}  // namespace
}  // namespace stevedore::cli
