#include "transfer/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "transfer/endpoint.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;
using testing::PutTestImage;
using testing::TestImage;

// All kinds, with a registry and with other tools: tests/transfer/endpoint_contract_test.cc.

TEST(EndpointsTest, WithoutRegistriesSaysSo) {
  Endpoints endpoints(nullptr);
  EXPECT_THAT(endpoints.OpenSource(*ParseEndpoint("localhost:5000/x")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("localhost:5000/x")));
}

TEST(EndpointsTest, AnEngineThatIsNotThereIsUnavailable) {
  Endpoints endpoints(nullptr, {.docker_host = "unix:///nonexistent/docker.sock"});
  EXPECT_THAT(endpoints.OpenSource(*ParseEndpoint("docker-daemon:x:1")),
              StatusIs(absl::StatusCode::kUnavailable, HasSubstr("/nonexistent/docker.sock")));
  // Writing begins at Finish.
  EXPECT_OK(endpoints.OpenSink(*ParseEndpoint("docker-daemon:x:1")).status());
  EXPECT_THAT(endpoints.OpenSink(
                  *ParseEndpoint(absl::StrCat("docker-daemon:", oci::Digest::Of("x").ToString()))),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(EndpointsTest, APlaceWithSeveralImagesOpensToBeListed) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  Endpoints endpoints(nullptr);
  ASSERT_OK_AND_ASSIGN(const Endpoint place, ParseEndpoint("oci:" + directory.path() + "/images"));
  TestImage other;
  other.config.replace(other.config.find("amd64"), 5, "arm64");
  other.manifest.replace(other.manifest.find(TestImage().ConfigDescriptor().digest.ToString()), 71,
                         other.ConfigDescriptor().digest.ToString());
  {
    ASSERT_OK_AND_ASSIGN(const OpenedSink sink, endpoints.OpenSink(place));
    EXPECT_EQ(sink.tag_or_digest, "");
    ASSERT_OK(PutTestImage(*sink.images, "a"));
    ASSERT_OK(PutTestImage(*sink.images, "b", other));
  }
  ASSERT_OK_AND_ASSIGN(const OpenedSource source, endpoints.OpenSource(place));
  EXPECT_EQ(source.tag_or_digest, "");
  EXPECT_EQ(source.images->ListTags()->size(), 2);
  EXPECT_THAT(source.images->GetManifest(source.tag_or_digest),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("a, b")));
}

}  // namespace
}  // namespace stevedore::transfer
