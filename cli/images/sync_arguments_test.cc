#include "cli/images/sync_arguments.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using transfer::SyncSettings;

constexpr char kDigest[] =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(SyncArgumentsTest, ARepositoryWithAllItsTagsOrOne) {
  ASSERT_OK_AND_ASSIGN(SyncSettings settings, JobsOf("docker://r.example.com/shop/web",
                                                     "docker://m.example.com/all", false));
  ASSERT_THAT(settings.jobs, SizeIs(1));
  EXPECT_TRUE(settings.jobs[0].tags.all);
  EXPECT_EQ(settings.jobs[0].source.reference.Name(), "r.example.com/shop/web");
  EXPECT_EQ(settings.jobs[0].destination.reference.Name(), "m.example.com/all/web");
  ASSERT_OK_AND_ASSIGN(settings, JobsOf("r.example.com/shop/web:1.0", "m.example.com", true));
  EXPECT_FALSE(settings.jobs[0].tags.all);
  EXPECT_THAT(settings.jobs[0].tags.tags, ElementsAre("1.0"));
  EXPECT_EQ(settings.jobs[0].destination.reference.Name(), "m.example.com/r.example.com/shop/web");
  ASSERT_OK_AND_ASSIGN(settings,
                       JobsOf(absl::StrCat("r.example.com/a@", kDigest), "m.example.com", false));
  EXPECT_THAT(settings.jobs[0].digests, SizeIs(1));
}

TEST(SyncArgumentsTest, ALayout) {
  ASSERT_OK_AND_ASSIGN(SyncSettings settings, JobsOf("oci:images", "m.example.com/web", false));
  EXPECT_TRUE(settings.jobs[0].tags.all);
  EXPECT_EQ(settings.jobs[0].destination.reference.Name(), "m.example.com/web");
  ASSERT_OK_AND_ASSIGN(settings, JobsOf("oci:images:1.0", "m.example.com/web", false));
  EXPECT_THAT(settings.jobs[0].tags.tags, ElementsAre("1.0"));
  EXPECT_EQ(settings.jobs[0].source.ToString(), "oci:images");
}

TEST(SyncArgumentsTest, FoldersOfImages) {
  ASSERT_OK_AND_ASSIGN(const auto root, base::TemporaryDirectory::Create("sync"));
  EXPECT_THAT(JobsOf("dir:" + root.path(), "m.example.com", false),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("there is no image")));
  const std::vector<std::string> names = {"web:1.0", "r.example.com:5000/shop/job:2", "plain",
                                          absl::StrCat("by@", kDigest)};
  for (const std::string& name : names) {
    const std::string folder = base::JoinPath(root.path(), name);
    ASSERT_OK(base::MakeDirectories(folder));
    ASSERT_OK(base::WriteFileAtomically(base::JoinPath(folder, "manifest.json"), "{}", 0644));
  }
  ASSERT_OK_AND_ASSIGN(const SyncSettings settings,
                       JobsOf("dir:" + root.path(), "docker://m.example.com/", false));
  ASSERT_THAT(settings.jobs, SizeIs(4));
  EXPECT_EQ(settings.jobs[0].destination.reference.Name(), "m.example.com/by");
  EXPECT_THAT(settings.jobs[0].digests, SizeIs(1));
  EXPECT_THAT(settings.jobs[1].tags.tags, ElementsAre("latest"));
  EXPECT_EQ(settings.jobs[2].destination.reference.Name(),
            "m.example.com/r.example.com-5000/shop/job");
  EXPECT_THAT(settings.jobs[2].tags.tags, ElementsAre("2"));
  EXPECT_EQ(settings.jobs[3].source.path, base::JoinPath(root.path(), "web:1.0"));
  EXPECT_THAT(settings.jobs[3].tags.tags, ElementsAre("1.0"));
  EXPECT_THAT(JobsOf("dir:" + root.path() + "/none", "m.example.com", false),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
}

TEST(SyncArgumentsTest, WhatCannotBeMirrored) {
  EXPECT_THAT(JobsOf("ftp://nope", "m.example.com", false),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(JobsOf("docker-daemon:a:1", "m.example.com", false),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cannot be mirrored")));
  EXPECT_THAT(JobsOf("r.example.com/a", "docker-archive:b", false),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace stevedore::cli
