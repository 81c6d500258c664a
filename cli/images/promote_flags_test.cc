#include "cli/images/promote_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <vector>

#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "oci/image/media_type.h"
#include "oci/layer/compression.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using transfer::EndpointKind;

// The flags of a command line, completed with `configuration`.
absl::StatusOr<PromoteFlags> Read(std::vector<std::string> arguments,
                                  const graph::Configuration& configuration = {}) {
  PromoteFlags flags;
  CLI::App app;
  AddPromoteFlags(app, &flags);
  std::reverse(arguments.begin(), arguments.end());
  try {
    app.parse(arguments);
  } catch (const CLI::ParseError& error) {
    return absl::InternalError(error.what());
  }
  const absl::Status status = CompletePromoteFlags(configuration, &flags);
  if (!status.ok()) return status;
  return flags;
}

absl::StatusOr<transfer::CopyOptions> Options(const std::vector<std::string>& arguments,
                                              EndpointKind from = EndpointKind::kRegistry,
                                              EndpointKind to = EndpointKind::kRegistry) {
  const absl::StatusOr<PromoteFlags> flags = Read(arguments);
  if (!flags.ok()) return flags.status();
  return CopyOptionsOf(*flags, from, to);
}

TEST(PromoteFlags, GostevedoresFlagsLongAndShort) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{"reg/app:1", "-i", "web", "-r", "other", "-n", "", "-t", "a,b",
                                 "-t", "c", "-s", "-R", "-S", "-T", "{{ .Major }}", "-D"},
        {"reg/app:1", "--promote-image-name", "web", "--promote-image-registry-host", "other",
         "--promote-image-registry-namespace", "", "--promote-image-tag", "a",
         "--promote-image-tag", "b,c", "--force-promote-source-image",
         "--use-source-image-from-remote", "--enable-semver-tags", "--semver-tags-template",
         "{{ .Major }}", "--dry-run"}}) {
    const auto flags = Read(arguments);
    ASSERT_OK(flags);
    EXPECT_EQ(flags->source, "reg/app:1");
    EXPECT_EQ(flags->names.name, "web");
    EXPECT_EQ(flags->names.registry, "other");
    EXPECT_EQ(flags->names.name_space, "");
    EXPECT_THAT(flags->names.tags, ElementsAre("a", "b", "c"));
    EXPECT_THAT(flags->names.semver_templates, ElementsAre("{{ .Major }}"));
    EXPECT_TRUE(flags->names.force_source_tag && flags->names.semver && flags->from_remote &&
                flags->dry_run);
    EXPECT_THAT(flags->notices, IsEmpty());
  }
}

TEST(PromoteFlags, ADashIsNoValue) {
  const auto flags = Read({"reg/app:1", "-i", "-", "-n", "-", "-r", "-"});
  ASSERT_OK(flags);
  EXPECT_EQ(flags->names.name, std::nullopt);
  EXPECT_EQ(flags->names.name_space, std::nullopt);
  EXPECT_EQ(flags->names.registry, std::nullopt);
}

TEST(PromoteFlags, DeprecatedOnesWarnAndYield) {
  const auto flags = Read({"reg/app:1", "--promote-image-host", "old", "--promote-image-namespace",
                           "ns", "--remove-promote-tags"});
  ASSERT_OK(flags);
  EXPECT_EQ(flags->names.registry, "old");
  EXPECT_EQ(flags->names.name_space, "ns");
  EXPECT_TRUE(flags->remove_local_images);
  EXPECT_EQ(flags->notices.size(), 3u);
  EXPECT_THAT(flags->notices[0], HasSubstr("--promote-image-registry-host"));
  EXPECT_EQ(Read({"reg/app:1", "-r", "new", "--promote-image-host", "old"})->names.registry, "new");
}

// Defect of gostevedore: enabled by configuration, the configured templates were not used.
TEST(PromoteFlags, TheConfigurationEnablesItsTemplates) {
  graph::Configuration configuration;
  configuration.semantic_version_tags_enabled = true;
  configuration.semantic_version_tags_templates = {"{{ .Major }}"};
  const auto flags = Read({"reg/app:1.2.3"}, configuration);
  ASSERT_OK(flags);
  EXPECT_TRUE(flags->names.semver);
  EXPECT_THAT(flags->names.semver_templates, ElementsAre("{{ .Major }}"));
  EXPECT_THAT(Read({"reg/app:1.2.3", "-T", "x"}, configuration)->names.semver_templates,
              ElementsAre("x"));
}

TEST(PromoteFlags, WhatContradictsItselfIsRefused) {
  for (const std::vector<std::string>& arguments :
       {std::vector<std::string>{},
        {"a", "b", "-n", "x"},
        {"a", "b", "-t", "x"},
        {"a", "--all-tags"},
        {"a", "b", "--all-tags", "--additional-tag", "x"},
        {"a", "b", "--artifact-type", "x"},
        {"a", "b", "--dest-decompress", "--compress", "gzip"},
        {"a", "b", "--dest-force-compress-format"},
        {"a", "b", "--multi-arch", "all", "--platform", "linux/amd64"}}) {
    EXPECT_THAT(Read(arguments), StatusIs(absl::StatusCode::kInvalidArgument))
        << ::testing::PrintToString(arguments);
  }
  EXPECT_THAT(Options({"a", "b", "--platform", "all,linux/amd64"}),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Options({"a", "b", "--platform", "a/b/c/d"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--platform")));
  EXPECT_THAT(Options({"a", "b", "--compress", "lz4"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--compress")));
}

TEST(CopyOptionsOf, WhichPlatforms) {
  const auto all = Options({"a", "b"});
  ASSERT_OK(all);
  EXPECT_TRUE(all->all_platforms);
  const auto one = Options({"a", "b", "--platform", "linux/arm64"});
  ASSERT_OK(one);
  EXPECT_FALSE(one->all_platforms);
  const auto two = Options({"a", "b", "--platform", "linux/arm64,linux/amd64"});
  ASSERT_OK(two);
  EXPECT_TRUE(two->all_platforms);
  EXPECT_EQ(two->platforms.size(), 2u);
  EXPECT_FALSE(Options({"a", "b", "--multi-arch", "system"})->all_platforms);
  EXPECT_TRUE(Options({"a", "b", "--multi-arch", "index-only"})->index_only);
  // One platform is all that these can hold.
  EXPECT_FALSE(
      Options({"a", "b"}, EndpointKind::kRegistry, EndpointKind::kDockerArchive)->all_platforms);
}

TEST(CopyOptionsOf, RegistriesGetCompressedLayers) {
  EXPECT_EQ(Options({"a", "b"})->compression, std::nullopt);
  EXPECT_EQ(Options({"a", "b"}, EndpointKind::kDockerDaemon)->compression, oci::Compression());
  EXPECT_EQ(Options({"a", "b", "--preserve-digests"}, EndpointKind::kDockerDaemon)->compression,
            std::nullopt);
  EXPECT_EQ(Options({"a", "b"}, EndpointKind::kDockerArchive, EndpointKind::kLayout)->compression,
            std::nullopt);
  EXPECT_EQ(Options({"a", "b", "--compress", "zstd:9"})->compression->level(), 9);
  EXPECT_EQ(Options({"a", "b", "--format", "v2s2"})->format, oci::ImageFormat::kDocker);
}

}  // namespace
}  // namespace stevedore::cli
