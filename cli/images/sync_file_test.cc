#include "cli/images/sync_file.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using transfer::EndpointKind;
using transfer::SyncJob;
using transfer::SyncSettings;

constexpr char kDigest[] =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

TEST(SyncFileTest, EverythingOnce) {
  ASSERT_OK_AND_ASSIGN(const SyncSettings settings, ParseSyncFile("mirror.yaml", R"(
parallel: 8
rate_limit: {bytes_per_second: 20MiB, requests_per_second: 2.5}
defaults:
  platforms: [linux/amd64, linux/arm64]
  delete_limit: {tags: 3}
  source_credentials: upstream
jobs:
  - name: web
    source: docker://registry.example.com/shop/web
    destination: mirror.example.com/copies/web
    tags: [latest, 1.10]
    tag_patterns: '1\.\d+-alpine'
    versions: [">=1.2 <2", ^3]
    newest: 5
    exclude_patterns: [.*-rc.*]
    delete_extraneous: true
    delete_limit: {percent: 20}
    destination_credentials: mirror
  - source: oci:images
    destination: dir:folder
    platforms: []
    digests: )" + std::string(kDigest) + R"(
    tag_suffix: -copy
    referrers: true
    artifact_types: [application/spdx+json]
    x-note: mine
  - source: docker://registry.example.com/shop/job
    destination: docker://mirror.example.com/copies/job
    all_tags: true
)"));
  EXPECT_EQ(settings.parallel, 8);
  EXPECT_EQ(settings.bytes_per_second, 20 << 20);
  EXPECT_EQ(settings.requests_per_second, 2.5);
  ASSERT_THAT(settings.jobs, SizeIs(3));
  const SyncJob& web = settings.jobs[0];
  EXPECT_EQ(web.name, "web");
  EXPECT_EQ(web.source.kind, EndpointKind::kRegistry);
  EXPECT_EQ(web.source.reference.Name(), "registry.example.com/shop/web");
  EXPECT_EQ(web.source.reference.tag(), "");
  EXPECT_EQ(web.destination.reference.Name(), "mirror.example.com/copies/web");
  EXPECT_THAT(web.tags.tags, ElementsAre("latest", "1.10"));
  ASSERT_THAT(web.tags.patterns, SizeIs(1));
  EXPECT_TRUE(web.tags.patterns[0].Matches("1.2-alpine"));
  EXPECT_FALSE(web.tags.patterns[0].Matches("v1.2-alpine"));
  EXPECT_THAT(web.tags.versions, SizeIs(2));
  EXPECT_THAT(web.tags.excluded, SizeIs(1));
  EXPECT_EQ(web.tags.newest, 5);
  EXPECT_THAT(web.platforms, SizeIs(2));
  EXPECT_TRUE(web.delete_extraneous);
  EXPECT_EQ(web.delete_limit.tags, 3);
  EXPECT_EQ(web.delete_limit.percent, 20);
  EXPECT_EQ(web.source_access.credentials_id, "upstream");
  EXPECT_EQ(web.destination_access.credentials_id, "mirror");
  const SyncJob& second = settings.jobs[1];
  EXPECT_EQ(second.name, "oci:images");
  EXPECT_EQ(second.source.kind, EndpointKind::kLayout);
  EXPECT_EQ(second.destination.kind, EndpointKind::kDirectory);
  EXPECT_THAT(second.platforms, IsEmpty());
  EXPECT_THAT(second.digests, SizeIs(1));
  EXPECT_EQ(second.tag_suffix, "-copy");
  EXPECT_TRUE(second.referrers);
  EXPECT_FALSE(second.delete_extraneous);
  EXPECT_TRUE(settings.jobs[2].tags.all);
}

// A job that is right, with `line` in it.
std::string Job(const std::string& line) {
  return absl::StrCat("jobs:\n  - source: registry.example.com/a\n    destination: oci:b\n    ",
                      line, "\n");
}

struct Wrong {
  std::string text;
  std::vector<std::string> says;
};

TEST(SyncFileTest, EveryMistakeIsNamedWithItsPlace) {
  const std::vector<Wrong> cases = {
      {"", {"mirror.yaml: found nothing", "a map with `jobs`"}},
      {"- a\n", {"mirror.yaml: found a list"}},
      {"jobs: [\n", {"mirror.yaml:"}},
      {"job: []\n", {"mirror.yaml:1:1: unknown key `job`", "did you mean `jobs`?"}},
      {"jobs: {}\n", {"mirror.yaml:1:7: `jobs` must be a list of jobs, found a map"}},
      {"jobs: []\n", {"`jobs` must be a list"}},
      {"jobs: [text]\n", {"1:8: a sync job must be a map"}},
      {"jobs: [{}]\n", {"needs `source`", "needs `destination`", "selects nothing"}},
      {Job("tags: latest\n    sources: x"), {"mirror.yaml:5:5: unknown key `sources`"}},
      {Job("tags: 'a b'"), {"4:11:", "`a b`"}},
      {Job("tags: {a: b}"), {"4:11: `tags` must be a list of texts"}},
      {Job("tags: [[a]]"), {"4:12:"}},
      {Job("tag_patterns: 'v1('"), {"4:19: `v1(` is no regular expression", "missing )"}},
      {Job("versions: [^1, latest]"), {"4:20: `latest` is no comparison of versions"}},
      {Job("digests: sha256:12"), {"4:14:"}},
      {Job("all_tags: maybe"), {"4:15: `all_tags` must be true or false"}},
      {Job("all_tags: false"), {"selects nothing"}},
      {Job("all_tags: true\n    newest: 0"), {"5:13: `newest` must be a whole number from 1"}},
      {Job("all_tags: true\n    platforms: [a/b/c/d/e]"), {"5:17:", "is no platform"}},
      {Job("all_tags: true\n    tag_suffix: '/x'"), {"5:17: `/x` cannot stand at the end"}},
      {Job("all_tags: true\n    artifact_types: [a]"), {"add `referrers: true`"}},
      {Job("all_tags: true\n    delete_limit: {percent: 101}"),
       {"5:29: `percent` must be a whole number from 1 to 100, found `101`"}},
      {Job("all_tags: true\n    delete_limit: {count: 1}"), {"unknown key `count`"}},
      {Job("all_tags: true") + "rate_limit: {bytes_per_second: fast}\n",
       {"5:32: `bytes_per_second` must be a number of bytes from 16KiB on"}},
      {Job("all_tags: true") + "rate_limit: {bytes_per_second: 12}\n", {"from 16KiB on"}},
      {Job("all_tags: true") + "rate_limit: {requests_per_second: 0}\n", {"from 0.01 on"}},
      {Job("all_tags: true") + "rate_limit: 7\n", {"`rate_limit` must be a map"}},
      {Job("all_tags: true") + "parallel: 0\n", {"5:11: `parallel` must be a whole number"}},
      {Job("all_tags: true") + "defaults: {source: x}\n", {"unknown key `source` in defaults"}},
      {"jobs: [{source: 'ftp://nope', destination: 'oci:b', all_tags: true}]", {"1:17:", "ftp"}},
      {"jobs: [{source: a, destination: 'oci-archive:b', all_tags: true}]",
       {"1:33:", "cannot be filled image by image"}},
      {"jobs: [{source: 'r.example.com/a:1', destination: 'oci:b', all_tags: true}]",
       {"1:17:", "put the tag into `tags`"}},
      {"jobs: [{source: a, destination: 'dir:b', all_tags: true, delete_extraneous: true}]",
       {"needs a destination whose tags can be listed"}},
      {"jobs: [{source: 'oci:a', destination: 'oci:a', all_tags: true}]", {"onto itself"}},
      {"jobs: [{source: 'oci:a', destination: 'oci:b', all_tags: true},"
       " {source: 'oci:a', destination: 'oci:c', all_tags: true}]",
       {"two jobs are called `oci:a`"}},
      {"jobs: [{source: 'oci:a', destination: 'oci:c', all_tags: true, delete_extraneous: true},"
       " {source: 'oci:b', destination: 'oci:c', all_tags: true}]",
       {"would delete what the other one brings"}},
  };
  for (const Wrong& wrong : cases) {
    const absl::Status status = ParseSyncFile("mirror.yaml", wrong.text).status();
    for (const std::string& part : wrong.says) {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(part)))
          << wrong.text;
    }
  }
}

TEST(SyncFileTest, AllMistakesAtOnce) {
  EXPECT_THAT(ParseSyncFile("m.yaml", Job("tags: 'a b'\n    newest: x\n    nwest: 1")).status(),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("m.yaml:4:"), HasSubstr("m.yaml:5:"),
                             HasSubstr("did you mean `newest`?"))));
}

constexpr char kSkopeo[] = R"(
registry.example.com:5000:
  images:
    busybox: []
    shop/redis:
      - "1.0"
      - sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
  images-by-tag-regex:
    nginx: ^1\.13\.[12]-alpine-perl$
  images-by-semver:
    shop/redis: ">= 3.12.0"
  credentials:
    username: john
    password: this is a secret
  tls-verify: false
  cert-dir: certificates
quay.example.com:
  images:
    coreos/etcd: [latest]
)";

TEST(SyncFileTest, SkopeosShape) {
  ASSERT_OK_AND_ASSIGN(const SyncSettings settings,
                       ParseSyncFile("s.yaml", kSkopeo, {.destination = "docker://m.example.com"}));
  std::vector<std::string> moves;
  for (const SyncJob& job : settings.jobs) {
    moves.push_back(
        absl::StrCat(job.source.reference.Name(), " ", job.destination.reference.Name()));
  }
  EXPECT_THAT(moves, ElementsAre("registry.example.com:5000/busybox m.example.com/busybox",
                                 "registry.example.com:5000/shop/redis m.example.com/redis",
                                 "registry.example.com:5000/nginx m.example.com/nginx",
                                 "quay.example.com/coreos/etcd m.example.com/etcd"));
  EXPECT_TRUE(settings.jobs[0].tags.all);
  EXPECT_TRUE(settings.jobs[0].source_access.insecure);
  EXPECT_EQ(settings.jobs[0].source_access.certificate_directory, "certificates");
  ASSERT_TRUE(settings.jobs[0].source_access.login.has_value());
  EXPECT_EQ(settings.jobs[0].source_access.login->username, "john");
  EXPECT_EQ(settings.jobs[0].source_access.login->password.Reveal(), "this is a secret");
  EXPECT_TRUE(settings.jobs[0].destination_access.usual());
  EXPECT_THAT(settings.jobs[1].tags.tags, ElementsAre("1.0"));
  EXPECT_THAT(settings.jobs[1].digests, SizeIs(1));
  EXPECT_THAT(settings.jobs[1].tags.versions, SizeIs(1));
  EXPECT_FALSE(settings.jobs[1].tags.all);
  ASSERT_THAT(settings.jobs[2].tags.patterns, SizeIs(1));
  EXPECT_TRUE(settings.jobs[2].tags.patterns[0].Matches("1.13.2-alpine-perl"));
  EXPECT_TRUE(settings.jobs[3].source_access.usual());
}

TEST(SyncFileTest, SkopeosScopedNamesAndFolders) {
  ASSERT_OK_AND_ASSIGN(
      SyncSettings settings,
      ParseSyncFile("s.yaml", kSkopeo,
                    {.destination = "docker://m.example.com/all/", .scoped = true}));
  EXPECT_EQ(settings.jobs[1].destination.reference.Name(),
            "m.example.com/all/registry.example.com-5000/shop/redis");
  ASSERT_OK_AND_ASSIGN(settings,
                       ParseSyncFile("s.yaml", kSkopeo, {.destination = "dir:/media/usb"}));
  EXPECT_EQ(settings.jobs[1].destination.kind, EndpointKind::kDirectory);
  EXPECT_EQ(settings.jobs[1].destination.path, "/media/usb/redis");
}

TEST(SyncFileTest, SkopeosMistakes) {
  const std::vector<Wrong> cases = {
      {"r.example.com: {images: {a: [x y]}}", {"s.yaml:1:30:"}},
      {"r.example.com: {image: {a: []}}", {"unknown key `image`", "did you mean `images`?"}},
      {"r.example.com: []", {"registry `r.example.com` must be a map"}},
      {"r.example.com: {images-by-semver: {a: latest}}", {"no comparison of versions"}},
      {"r.example.com: {images-by-tag-regex: {a: '('}}", {"no regular expression"}},
      {"r.example.com: {images: {A: []}}", {"s.yaml:1:26:"}},
      {"r.example.com: {images: {a: []}, credentials: {password: hidden-word}}",
       {"without a `username`"}},
      {"r.example.com: {images: {x/a: [], y/a: []}}", {"would both go to", "--scoped"}},
  };
  for (const Wrong& wrong : cases) {
    const absl::Status status =
        ParseSyncFile("s.yaml", wrong.text, {.destination = "docker://m.example.com"}).status();
    for (const std::string& part : wrong.says) {
      EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(part)))
          << wrong.text;
    }
    EXPECT_EQ(status.message().find("hidden-word"), absl::string_view::npos);
  }
  EXPECT_THAT(ParseSyncFile("s.yaml", kSkopeo),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not where to")));
}

TEST(SyncFileTest, AFileIsReadAndAMissingOneSaid) {
  ASSERT_OK_AND_ASSIGN(const auto folder, base::TemporaryDirectory::Create("sync"));
  const std::string path = base::JoinPath(folder.path(), "m.yaml");
  EXPECT_THAT(ReadSyncFile(path), StatusIs(absl::StatusCode::kNotFound, HasSubstr(path)));
  ASSERT_OK(base::WriteFileAtomically(path, Job("all_tags: true"), 0600));
  ASSERT_OK_AND_ASSIGN(const SyncSettings settings, ReadSyncFile(path));
  EXPECT_THAT(settings.jobs, SizeIs(1));
}

TEST(SyncFileTest, TheSchemaKnowsEveryKey) {
  const nlohmann::ordered_json schema = SyncFileSchema();
  EXPECT_TRUE(schema["properties"].contains("jobs"));
  const auto& job = schema["definitions"]["sync_job"];
  EXPECT_TRUE(job["properties"].contains("versions"));
  EXPECT_TRUE(job["properties"].contains("platforms"));
  EXPECT_EQ(job["additionalProperties"], false);
}

}  // namespace
}  // namespace stevedore::cli
