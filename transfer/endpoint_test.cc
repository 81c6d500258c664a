#include "transfer/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kDigest[] =
    "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

struct Row {
  std::string text;
  EndpointKind kind;
  std::string path;
  std::string tag_or_digest;
  std::optional<uint64_t> position = std::nullopt;
};

TEST(EndpointTest, Table) {
  const Row rows[] = {
      {"oci:./out:3.20", EndpointKind::kLayout, "./out", "3.20"},
      {"oci:./out", EndpointKind::kLayout, "./out", ""},
      {"oci:out:lib/app:v1", EndpointKind::kLayout, "out", "lib/app:v1"},
      {"oci:out:@2", EndpointKind::kLayout, "out", "", 2},
      {absl::StrCat("oci:out@", kDigest), EndpointKind::kLayout, "out", kDigest},
      {absl::StrCat("oci:out:v1@", kDigest), EndpointKind::kLayout, "out", kDigest},
      {"oci:C:\\images:v1", EndpointKind::kLayout, "C:\\images", "v1"},
      {"oci:C:/images", EndpointKind::kLayout, "C:/images", ""},
      {"oci-archive:i.tar:v1", EndpointKind::kLayoutArchive, "i.tar", "v1"},
      {"oci-archive:-", EndpointKind::kLayoutArchive, "-", ""},
      {"oci-archive:-:v1", EndpointKind::kLayoutArchive, "-", "v1"},
      {"docker-archive:i.tar", EndpointKind::kDockerArchive, "i.tar", ""},
      {"docker-archive:i.tar:alpine:3.20", EndpointKind::kDockerArchive, "i.tar", "alpine:3.20"},
      {"docker-archive:i.tar:localhost:5000/a:1", EndpointKind::kDockerArchive, "i.tar",
       "localhost:5000/a:1"},
      {"docker-archive:i.tar:@0", EndpointKind::kDockerArchive, "i.tar", "", 0},
      {"dir:./d", EndpointKind::kDirectory, "./d", ""},
      {"dir:a:b", EndpointKind::kDirectory, "a:b", ""},
      {"static:./pub:v1", EndpointKind::kStatic, "./pub", "v1"},
      {"static:./pub", EndpointKind::kStatic, "./pub", ""},
      {"static:pub:shop/web:v1", EndpointKind::kStatic, "pub", "v1"},
      {"docker://alpine:3.20", EndpointKind::kRegistry, "", "3.20"},
      {"docker://alpine", EndpointKind::kRegistry, "", "latest"},
      {absl::StrCat("docker://alpine:3@", kDigest), EndpointKind::kRegistry, "", kDigest},
      {"localhost:5000/shop/web:1.0", EndpointKind::kRegistry, "", "1.0"},
      {"docker-daemon:shop/web:1.0", EndpointKind::kDockerDaemon, "", "1.0"},
      {absl::StrCat("docker-daemon:", kDigest), EndpointKind::kDockerDaemon, "", kDigest},
  };
  for (const Row& row : rows) {
    ASSERT_OK_AND_ASSIGN(const Endpoint endpoint, ParseEndpoint(row.text));
    EXPECT_EQ(endpoint.kind, row.kind) << row.text;
    EXPECT_EQ(endpoint.path, row.path) << row.text;
    EXPECT_EQ(endpoint.TagOrDigest(), row.tag_or_digest) << row.text;
    EXPECT_EQ(endpoint.position, row.position) << row.text;
    ASSERT_OK_AND_ASSIGN(const Endpoint again, ParseEndpoint(endpoint.ToString()));
    EXPECT_EQ(again, endpoint) << endpoint.ToString();
  }
}

TEST(EndpointTest, RegistriesAreReferences) {
  ASSERT_OK_AND_ASSIGN(const Endpoint endpoint, ParseEndpoint("docker://alpine:3.20"));
  EXPECT_EQ(endpoint.reference.Canonical(), "docker.io/library/alpine:3.20");
  EXPECT_EQ(endpoint.ToString(), "docker://docker.io/library/alpine:3.20");
}

TEST(EndpointTest, MistakesSayWhatIsAllowed) {
  const std::pair<const char*, const char*> rows[] = {
      {"ftp://nope", "docker-archive:PATH"},
      {"https://registry.example/shop/web", "without the scheme"},
      {"containers-storage:localhost/x", "podman save"},
      {"", "no image name"},
      {"oci:", "no path"},
      {"oci::v1", "no path"},
      {"oci:out:", "ends with a colon"},
      {"oci:out:../x", "cannot name an image"},
      {"oci:out:@x", "position"},
      {"oci:out:@", "position"},
      {"oci:out:@99999999999999999999", "position"},
      {"oci:out@sha256:12", "sha256:12"},
      {"oci:-", "./-"},
      {"dir:-", "./-"},
      {"docker-archive:i.tar:x/UPPER", "UPPER"},
      {"static:pub:../..:v1", "repository"},
      {"static:pub:@1", "position"},
      {"docker-daemon://x", "slashes"},
      {"docker-daemon:sha256:12", "sha256:12"},
      {"Bad Name", "Bad Name"},
  };
  for (const auto& [text, part] : rows) {
    EXPECT_THAT(ParseEndpoint(text), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(part)))
        << text;
  }
  EXPECT_THAT(ParseEndpoint(absl::StrCat("oci:out:@1@", kDigest)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("one is enough")));
}

TEST(EndpointTest, StaticTreesTakeTheNameOfTheirSource) {
  ASSERT_OK_AND_ASSIGN(const Endpoint from, ParseEndpoint("localhost:5000/shop/web:1"));
  ASSERT_OK_AND_ASSIGN(Endpoint to, ParseEndpoint("static:pub:v1"));
  InheritName(from, &to);
  EXPECT_EQ(to.repository, "shop/web");
  EXPECT_EQ(to.ToString(), "static:pub:shop/web:v1");
  ASSERT_OK_AND_ASSIGN(Endpoint named, ParseEndpoint("static:pub:other:v1"));
  InheritName(from, &named);
  EXPECT_EQ(named.repository, "other");
}

}  // namespace
}  // namespace stevedore::transfer
