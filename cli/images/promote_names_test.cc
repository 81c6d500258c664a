#include "cli/images/promote_names.h"

#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

oci::Reference Ref(const std::string& text) { return oci::Reference::Parse(text).value(); }

// What is pushed, in order.
std::vector<std::string> Pushed(const std::string& source, const PromoteNameFlags& flags) {
  const absl::StatusOr<PromoteNames> names = NamesOfPromotion(Ref(source), flags);
  EXPECT_OK(names);
  if (!names.ok()) return {};
  std::vector<std::string> pushed;
  for (const std::string& tag : names->extra_tags) {
    pushed.push_back(names->target.WithTag(tag)->Canonical());
  }
  pushed.push_back(names->target.Canonical());
  return pushed;
}

TEST(NamesOfPromotion, EachPartCanBeReplaced) {
  const struct {
    const char* source;
    PromoteNameFlags flags;
    const char* pushed;
  } rows[] = {
      {"reg.x/a/app:1", {}, "reg.x/a/app:1"},
      {"reg.x/a/app:1", {.registry = "reg.y:5000"}, "reg.y:5000/a/app:1"},
      {"reg.x/a/app:1", {.name_space = "stable"}, "reg.x/stable/app:1"},
      {"reg.x/a/app:1", {.name_space = ""}, "reg.x/app:1"},
      {"reg.x/a/b/app:1", {.name_space = "c"}, "reg.x/c/app:1"},
      {"reg.x/a/app:1", {.name = "web"}, "reg.x/a/web:1"},
      {"reg.x/app:1", {.name = "web", .tags = {"2"}}, "reg.x/web:2"},
      {"reg.x/app", {}, "reg.x/app:latest"},
      // The hidden namespace of Docker Hub is carried over.
      {"busybox:1.35", {.registry = "reg.x"}, "reg.x/library/busybox:1.35"},
      {"busybox:1.35", {.registry = "reg.x", .name_space = ""}, "reg.x/busybox:1.35"},
  };
  for (const auto& row : rows) {
    EXPECT_THAT(Pushed(row.source, row.flags), ElementsAre(row.pushed)) << row.source;
  }
}

TEST(NamesOfPromotion, ThePromoteExampleOfGostevedore) {
  EXPECT_THAT(Pushed("reg.x/base:2.4.6", {.name_space = "stable"}),
              ElementsAre("reg.x/stable/base:2.4.6"));
  EXPECT_THAT(Pushed("reg.x/app1:0.1.0-base2.4.6",
                     {.tags = {"latest"},
                      .force_source_tag = true,
                      .semver = true,
                      .semver_templates = {"{{ .Major }}.{{ .Minor }}.{{ .Patch }}",
                                           "{{ .Major }}.{{ .Minor }}"}}),
              ElementsAre("reg.x/app1:0.1", "reg.x/app1:0.1.0", "reg.x/app1:0.1.0-base2.4.6",
                          "reg.x/app1:latest"));
}

TEST(NamesOfPromotion, FirstTagIsTheMainOneTheOthersAreSortedWithoutIt) {
  EXPECT_THAT(Pushed("reg.x/app:9", {.tags = {"b", "c", "b", "A"}}),
              ElementsAre("reg.x/app:A", "reg.x/app:c", "reg.x/app:b"));
  // The source's tag is there only if it is asked for.
  EXPECT_THAT(Pushed("reg.x/app:9", {.tags = {"b"}, .force_source_tag = true}),
              ElementsAre("reg.x/app:9", "reg.x/app:b"));
}

TEST(NamesOfPromotion, VersionsThatAreNoneMakeNoTags) {
  EXPECT_THAT(Pushed("reg.x/app:latest", {.semver = true, .semver_templates = {"{{ .Major }}"}}),
              ElementsAre("reg.x/app:latest"));
}

TEST(NamesOfPromotion, APreReleaseUnderAReleasesTagIsSaid) {
  const auto names = NamesOfPromotion(
      Ref("reg.x/app:1.2.3-rc1"),
      {.semver = true, .semver_templates = {"{{ .Major }}.{{ .Minor }}.{{ .Patch }}"}});
  ASSERT_OK(names);
  EXPECT_THAT(names->extra_tags, ElementsAre("1.2.3"));
  EXPECT_THAT(names->warnings, ElementsAre("tag 1.2.3 will name the pre-release 1.2.3-rc1"));
}

// Defect of gostevedore: no tags at all, silently.
TEST(NamesOfPromotion, TemplatesThatDoNotParseAreErrors) {
  EXPECT_THAT(
      NamesOfPromotion(Ref("reg.x/app:1.2.3"), {.semver = true, .semver_templates = {"{{ .Major"}}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--semver-tags-template")));
}

TEST(NamesOfPromotion, WhatIsWrongNamesItsFlag) {
  const oci::Reference source = Ref("reg.x/app:1");
  EXPECT_THAT(NamesOfPromotion(source, {.name_space = "No"}),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--promote-image-registry-namespace")));
  EXPECT_THAT(NamesOfPromotion(source, {.name = "a b"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--promote-image-name")));
  EXPECT_THAT(
      NamesOfPromotion(source, {.registry = "a/b"}),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--promote-image-registry-host")));
  EXPECT_THAT(NamesOfPromotion(source, {.tags = {"a/b"}}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  const std::string digest(64, 'a');
  EXPECT_THAT(NamesOfPromotion(Ref("reg.x/app@sha256:" + digest), {}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--promote-image-tag")));
  EXPECT_THAT(Pushed("reg.x/app@sha256:" + digest, {.tags = {"1"}}), ElementsAre("reg.x/app:1"));
}

TEST(NamesOfCopy, AddsVersionsToWhatWasGiven) {
  const auto names =
      NamesOfCopy("1.2.3", {"stable"}, {.semver = true, .semver_templates = {"{{ .Major }}"}});
  ASSERT_OK(names);
  EXPECT_THAT(names->extra_tags, ElementsAre("1", "stable"));
  EXPECT_THAT(NamesOfCopy("", {}, {})->extra_tags, IsEmpty());
  EXPECT_THAT(NamesOfCopy("shop/web:1", {}, {})->extra_tags, IsEmpty());
}

}  // namespace
}  // namespace stevedore::cli
