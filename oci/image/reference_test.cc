#include "oci/image/reference.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

std::string Repeat(absl::string_view text, int count) {
  std::string out;
  for (int i = 0; i < count; ++i) absl::StrAppend(&out, text);
  return out;
}

std::string F64() { return Repeat("f", 64); }

// No default tag, to see what the text itself says.
absl::StatusOr<Reference> Strict(absl::string_view text) {
  return Reference::Parse(text, {.tag = ""});
}

struct Valid {
  std::string input, registry, repository, tag;
};

TEST(ReferenceTest, ReadsTheGrammarOfDistribution) {
  const std::vector<Valid> table = {
      {"test_com", "docker.io", "library/test_com", ""},
      {"test.com:tag", "docker.io", "library/test.com", "tag"},
      {"test.com:5000", "docker.io", "library/test.com", "5000"},
      {"test.com/repo:tag", "test.com", "repo", "tag"},
      {"test:5000/repo", "test:5000", "repo", ""},
      {"lowercase:Uppercase", "docker.io", "library/lowercase", "Uppercase"},
      {"sub-dom1.foo.com/bar/baz/quux:some-long-tag", "sub-dom1.foo.com", "bar/baz/quux",
       "some-long-tag"},
      {"b.gcr.io/test.example.com/my-app:test.example.com", "b.gcr.io", "test.example.com/my-app",
       "test.example.com"},
      {"xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", "xn--n3h.com"},
      {"foo_bar.com:8080", "docker.io", "library/foo_bar.com", "8080"},
      {"foo/foo_bar.com:8080", "docker.io", "foo/foo_bar.com", "8080"},
      {"192.168.1.1", "docker.io", "library/192.168.1.1", ""},
      {"192.168.1.1:5000/repo:5050", "192.168.1.1:5000", "repo", "5050"},
      {"[2001:db8::1]/repo", "[2001:db8::1]", "repo", ""},
      {"[2001:db8::1]:5000/repo:tag", "[2001:db8::1]:5000", "repo", "tag"},
      {"[::1]:5000/repo", "[::1]:5000", "repo", ""},
      {absl::StrCat("example.com/", Repeat("a", 255), ":tag"), "example.com", Repeat("a", 255),
       "tag"},
      {absl::StrCat(Repeat("a/", 127), "a:tag-puts-this-over-max"), "docker.io",
       absl::StrCat(Repeat("a/", 127), "a"), "tag-puts-this-over-max"},
  };
  for (const Valid& row : table) {
    ASSERT_OK_AND_ASSIGN(const Reference reference, Strict(row.input));
    EXPECT_EQ(reference.registry(), row.registry) << row.input;
    EXPECT_EQ(reference.repository(), row.repository) << row.input;
    EXPECT_EQ(reference.tag(), row.tag) << row.input;
    EXPECT_TRUE(reference.digest().empty()) << row.input;
    ASSERT_OK_AND_ASSIGN(const Reference again, Strict(reference.Canonical()));
    EXPECT_TRUE(again == reference) << row.input;
  }
  ASSERT_OK_AND_ASSIGN(const Reference both,
                       Strict(absl::StrCat("test:5000/repo:tag@sha256:", F64())));
  EXPECT_EQ(both.registry(), "test:5000");
  EXPECT_EQ(both.tag(), "tag");
  EXPECT_EQ(both.digest().hex(), F64());
  EXPECT_EQ(both.Canonical(), absl::StrCat("test:5000/repo:tag@sha256:", F64()));
}

TEST(ReferenceTest, RefusesWhatIsNotAReference) {
  const std::vector<std::string> table = {
      "",
      ":justtag",
      absl::StrCat("@sha256:", F64()),
      "aa/asdf$$^/aa",
      absl::StrCat("repo@sha256:", Repeat("f", 34)),
      absl::StrCat("validname@invaliddigest:", F64()),
      "Uppercase:tag",
      "test:5000/Uppercase/lowercase:tag",
      absl::StrCat("domain/", Repeat("a", 256), ":tag"),
      "[2001:db8::1]",
      "[2001:db8::1]:5000",
      "[2001:db8::1]:tag",
      "[fe80::1%eth0]:5000/repo",
      // Normalisation.
      "https://github.com/docker/docker",
      "docker/Docker",
      "-docker",
      "-docker/docker",
      "-docker.io/docker/docker",
      "docker///docker",
      "docker.io/docker/Docker",
      "[fc00::1]",
      "fc00::1:5000/debian",
      "[2001:db8:3:4::192.0.2.33]:5000/debian",
      "1a3f5e7d9c1b3f5e7d9c1b3f5e7d9c1b3f5e7d9c1b3f5e7d9c1b3f5e7d9c3b1a",
      // Path components.
      "docker-",
      "_docker",
      "____",
      "dock..er",
      "dock_.er",
      "dock-.er",
      "dock___er",
      "docker/",
      "example.com/a/../b",
      "example.com/%2e%2e/b",
      std::string("a\0b", 3),
      // Hosts, repositories and tags of crane's table.
      "white space/a",
      "gcr?com/a",
      "example.com/white space",
      "b@char/image",
      "library/ubuntu:",
      "library/ubuntu:c@n'tuse",
      "library/ubuntu:a b",
      absl::StrCat("library/ubuntu:", Repeat("t", 129)),
      "alpine@sha256:nothex",
      "alpine@",
  };
  for (const std::string& text : table) {
    EXPECT_THAT(Reference::Parse(text), StatusIs(absl::StatusCode::kInvalidArgument)) << text;
  }
  EXPECT_THAT(Reference::Parse("docker/Docker"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("lower-case letters")));
}

struct Normal {
  std::string input, canonical, familiar;
};

TEST(ReferenceTest, NormalisesAsDockerDoes) {
  const std::string digest =
      "docker.io/1a3f5e7d9c1b3f5e7d9c1b3f5e7d9c1b3f5e7d9c1b3f5e7d9c1b3f5e7d9c3b1a";
  const std::vector<Normal> table = {
      {"debian", "docker.io/library/debian", "debian"},
      {"library/debian", "docker.io/library/debian", "debian"},
      {"docker.io/debian", "docker.io/library/debian", "debian"},
      {"index.docker.io/library/debian", "docker.io/library/debian", "debian"},
      {"registry-1.docker.io/debian", "docker.io/library/debian", "debian"},
      {"docker/docker", "docker.io/docker/docker", "docker/docker"},
      {"index.docker.io/docker/docker", "docker.io/docker/docker", "docker/docker"},
      {"localhost/fooo", "localhost/fooo", "localhost/fooo"},
      {"LOCALDOMAIN/debian", "LOCALDOMAIN/debian", "LOCALDOMAIN/debian"},
      {"FOO/bar", "FOO/bar", "FOO/bar"},
      {"127.0.0.1:8000/privatebase", "127.0.0.1:8000/privatebase", "127.0.0.1:8000/privatebase"},
      {"docker.io/library/foo/bar", "docker.io/library/foo/bar", "library/foo/bar"},
      {"192.168.0.1", "docker.io/library/192.168.0.1", "192.168.0.1"},
      {digest, absl::StrCat("docker.io/library/", digest.substr(10)),
       absl::StrCat("library/", digest.substr(10))},
      {"docker.io/example.com/app", "docker.io/example.com/app", "docker.io/example.com/app"},
      {"docker.io/localhost/app:1", "docker.io/localhost/app:1", "docker.io/localhost/app:1"},
      {"docker-rules", "docker.io/library/docker-rules", "docker-rules"},
      {"docker---rules", "docker.io/library/docker---rules", "docker---rules"},
      {"d", "docker.io/library/d", "d"},
      {"dock__er", "docker.io/library/dock__er", "dock__er"},
      {"debian:12", "docker.io/library/debian:12", "debian:12"},
      {"gcr.io:9001/google.com/project-id/hello-world:w1th-alpha_num3ric.PLUScaps",
       "gcr.io:9001/google.com/project-id/hello-world:w1th-alpha_num3ric.PLUScaps",
       "gcr.io:9001/google.com/project-id/hello-world:w1th-alpha_num3ric.PLUScaps"},
  };
  for (const Normal& row : table) {
    ASSERT_OK_AND_ASSIGN(const Reference reference, Strict(row.input));
    EXPECT_EQ(reference.Canonical(), row.canonical) << row.input;
    EXPECT_EQ(reference.Familiar(), row.familiar) << row.input;
    ASSERT_OK_AND_ASSIGN(const Reference again, Strict(row.familiar));
    EXPECT_TRUE(again == reference) << row.input;
  }
}

TEST(ReferenceTest, FillsInRegistryAndTag) {
  ASSERT_OK_AND_ASSIGN(const Reference alpine, Reference::Parse("alpine:3.20"));
  EXPECT_EQ(alpine.ApiHost(), "registry-1.docker.io");
  EXPECT_EQ(alpine.repository(), "library/alpine");
  EXPECT_EQ(alpine.tag(), "3.20");
  EXPECT_EQ(Reference::Parse("ghcr.io/owner/app")->tag(), "latest");
  EXPECT_EQ(Reference::Parse("user/repo:1.0")->repository(), "user/repo");
  EXPECT_EQ(Reference::Parse(absl::StrCat("localhost:5000/app@sha256:", F64()))->tag(), "");
  const ReferenceDefaults defaults{.registry = "registry.upbound.io", .tag = "stable"};
  EXPECT_EQ(Reference::Parse("crossplane/provider-gcp", defaults)->Canonical(),
            "registry.upbound.io/crossplane/provider-gcp:stable");
  EXPECT_EQ(Reference::Parse("one", defaults)->Canonical(), "registry.upbound.io/one:stable");
  EXPECT_EQ(Reference::Parse("ghcr.io/a/b:c", defaults)->Canonical(), "ghcr.io/a/b:c");
}

TEST(ReferenceTest, MovesToAnotherTagOrDigest) {
  ASSERT_OK_AND_ASSIGN(const Reference reference, Reference::Parse("localhost:5000/shop/web:1.0"));
  ASSERT_OK_AND_ASSIGN(const Reference tagged, reference.WithTag("2.0"));
  EXPECT_EQ(tagged.Canonical(), "localhost:5000/shop/web:2.0");
  const Digest digest = Digest::Of("x");
  EXPECT_EQ(reference.WithDigest(digest).Canonical(),
            absl::StrCat("localhost:5000/shop/web@", digest.ToString()));
  EXPECT_THAT(reference.WithTag("no good"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("localhost:5000/shop/web")));
}

}  // namespace
}  // namespace stevedore::oci
