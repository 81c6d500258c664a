// What we write is read by other tools, and what they write is read by us, digests compared.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"
#include "oci/image/digest.h"
#include "oci/image/manifest.h"
#include "tests/harness/docker_engine.h"
#include "tests/harness/process.h"
#include "transfer/endpoint.h"
#include "transfer/endpoints.h"
#include "transfer/testing/test_archive.h"

namespace stevedore::transfer {
namespace {

using stevedore::testing::Process;
using stevedore::testing::ProcessResult;
using ::testing::HasSubstr;
using testing::PutTestImage;
using testing::TestImage;

// Enough for a machine that does other things, too.
constexpr absl::Duration kLimit = absl::Minutes(3);

class EndpointInteropTest : public ::testing::Test {
 protected:
  std::string At(const std::string& text) const {
    return absl::StrReplaceAll(text, {{"%", directory_.path()}});
  }

  void Put(const std::string& text) {
    ASSERT_OK_AND_ASSIGN(const Endpoint endpoint, ParseEndpoint(At(text)));
    ASSERT_OK_AND_ASSIGN(const OpenedSink sink, endpoints_.OpenSink(endpoint));
    ASSERT_OK(PutTestImage(*sink.images, sink.tag_or_digest, image_));
    ASSERT_OK(sink.images->Finish());
  }

  // The config and layers behind `text`, every blob verified. The manifest may be another: tools
  // convert it where a place has no room for it.
  void ExpectImageAt(const std::string& text, const std::string& digest = "",
                     bool same_config = true) {
    ASSERT_OK_AND_ASSIGN(const Endpoint endpoint, ParseEndpoint(At(text)));
    ASSERT_OK_AND_ASSIGN(const OpenedSource source, endpoints_.OpenSource(endpoint));
    ASSERT_OK_AND_ASSIGN(const RawManifest raw, source.images->GetManifest(source.tag_or_digest));
    if (!digest.empty()) EXPECT_EQ(raw.digest.ToString(), digest);
    ASSERT_OK_AND_ASSIGN(const oci::Manifest manifest, oci::Manifest::Parse(raw.bytes));
    EXPECT_EQ(manifest.config().digest == oci::Digest::Of(image_.config), same_config) << text;
    ASSERT_EQ(manifest.layers().size(), 1);
    for (const oci::Descriptor& blob : {manifest.config(), manifest.layers()[0]}) {
      ASSERT_OK_AND_ASSIGN(const auto stream, source.images->OpenBlob(blob));
      EXPECT_OK(base::ReadAll(*stream, 10 << 20).status()) << text;
    }
  }

  // Runs a tool and returns its output; fails the test, with what it said, unless it succeeds.
  std::string Run(std::vector<std::string> argv) {
    for (std::string& argument : argv) argument = At(argument);
    const std::string what = absl::StrCat(argv[0], " ", argv[1]);
    auto result = Process::Run({.argv = std::move(argv)}, kLimit);
    if (!result.ok()) {
      ADD_FAILURE() << what << ": " << result.status();
      return "";
    }
    EXPECT_EQ(result->exit_code, 0) << what << ": " << result->err;
    return result->out;
  }

  const base::TemporaryDirectory directory_ = *base::TemporaryDirectory::Create();
  const TestImage image_;
  Endpoints endpoints_{nullptr, {.scratch_directory = directory_.path() + "/scratch"}};
};

TEST_F(EndpointInteropTest, SkopeoReadsWhatWeWrite) {
  for (const char* text : {"oci:%/layout:v1", "oci-archive:%/oci.tar:v1", "dir:%/dir"}) {
    Put(text);
    const std::string raw = Run({"skopeo", "inspect", "--raw", text});
    EXPECT_EQ(oci::Digest::Of(raw).ToString(), image_.digest()) << text;
  }
  Put("docker-archive:%/docker.tar:lib/app:v1");
  const nlohmann::json config = nlohmann::json::parse(
      Run({"skopeo", "inspect", "--config", "docker-archive:%/docker.tar:lib/app:v1"}), nullptr,
      false);
  EXPECT_EQ(config, nlohmann::json::parse(image_.config));
  // skopeo verifies blobs while it copies, and diff ids of archives.
  int n = 0;
  for (const char* text : {"oci:%/layout:v1", "oci-archive:%/oci.tar:v1", "dir:%/dir",
                           "docker-archive:%/docker.tar:lib/app:v1"}) {
    const std::string copy = absl::StrCat("dir:%/copy", n++);
    Run({"skopeo", "copy", text, copy});
    ExpectImageAt(copy);
  }
}

TEST_F(EndpointInteropTest, WeReadWhatSkopeoWrites) {
  Put("oci:%/layout:v1");
  for (const char* text : {"oci:%/theirs:v2", "oci-archive:%/oci.tar:v2", "dir:%/dir"}) {
    Run({"skopeo", "copy", "--preserve-digests", "oci:%/layout:v1", text});
  }
  Run({"skopeo", "copy", "oci:%/layout:v1", "docker-archive:%/docker.tar:lib/app:v1",
       "--additional-tag", "lib/app:v2"});
  for (const char* text :
       {"oci:%/theirs:v2", "oci:%/theirs", "oci:%/theirs:@0", "oci-archive:%/oci.tar:v2",
        "oci-archive:%/oci.tar", "docker-archive:%/docker.tar:lib/app:v1",
        "docker-archive:%/docker.tar:lib/app:v2", "docker-archive:%/docker.tar",
        "docker-archive:%/docker.tar:@0"}) {
    ExpectImageAt(text, image_.digest());
  }
  ExpectImageAt("dir:%/dir", image_.digest());
}

TEST_F(EndpointInteropTest, SkopeoReadsIndexesInFolders) {
  for (const char* text : {"oci:%/layout:all", "dir:%/dir"}) {
    ASSERT_OK_AND_ASSIGN(const Endpoint endpoint, ParseEndpoint(At(text)));
    ASSERT_OK_AND_ASSIGN(const OpenedSink sink, endpoints_.OpenSink(endpoint));
    ASSERT_OK(PutTestImage(*sink.images, image_.digest(), image_));
    const std::string index = absl::StrCat(
        R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",)",
        R"("manifests":[{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":")",
        image_.digest(), R"(","size":)", image_.manifest.size(),
        R"(,"platform":{"architecture":"amd64","os":"linux"}}]})");
    ASSERT_OK(sink.images->PutManifest(sink.tag_or_digest, index,
                                       "application/vnd.oci.image.index.v1+json"));
    ASSERT_OK(sink.images->Finish());
  }
  Run({"skopeo", "copy", "--all", "--preserve-digests", "oci:%/layout:all", "dir:%/copy"});
  Run({"skopeo", "copy", "--all", "--preserve-digests", "dir:%/dir", "oci:%/back:all"});
  for (const char* text : {"dir:%/copy", "oci:%/back:all"}) {
    ASSERT_OK_AND_ASSIGN(const Endpoint endpoint, ParseEndpoint(At(text)));
    ASSERT_OK_AND_ASSIGN(const OpenedSource source, endpoints_.OpenSource(endpoint));
    EXPECT_EQ(source.images->GetManifest(image_.digest())->bytes, image_.manifest) << text;
  }
}

TEST_F(EndpointInteropTest, UmociReadsAndWritesLayouts) {
  Put("oci:%/layout:v1");
  EXPECT_THAT(Run({"umoci", "ls", "--layout", "%/layout"}), HasSubstr("v1"));
  Run({"umoci", "unpack", "--rootless", "--image", "%/layout:v1", "%/bundle"});
  EXPECT_THAT(base::ReadFile(At("%/bundle/rootfs/f")), base::testing::IsOkAndHolds("hi"));
  Run({"umoci", "tag", "--image", "%/layout:v1", "v2"});
  ExpectImageAt("oci:%/layout:v2", image_.digest());
}

TEST_F(EndpointInteropTest, BuildahPullsArchives) {
  if (!stevedore::testing::RunningAsRoot()) GTEST_SKIP() << "buildah needs root here";
  Put("oci-archive:%/oci.tar:v1");
  Put("docker-archive:%/docker.tar:lib/app:v1");
  for (const char* text : {"oci-archive:%/oci.tar:v1", "docker-archive:%/docker.tar:lib/app:v1"}) {
    const std::string id = Run({"buildah", "--root", "%/root", "--runroot", "%/run",
                                "--storage-driver", "vfs", "pull", text});
    // An id is the digest of the config.
    EXPECT_EQ(absl::StripSuffix(id, "\n"), oci::Digest::Of(image_.config).hex()) << text;
  }
  Run({"buildah", "--root", "%/root", "--runroot", "%/run", "--storage-driver", "vfs", "push",
       std::string(oci::Digest::Of(image_.config).hex()), "oci-archive:%/theirs.tar:v3"});
  // It writes the config anew.
  ExpectImageAt("oci-archive:%/theirs.tar:v3", "", /*same_config=*/false);
}

TEST_F(EndpointInteropTest, DockerLoadsAndSaves) {
  auto docker = stevedore::testing::DockerEngine::Start();
  if (absl::IsFailedPrecondition(docker.status())) GTEST_SKIP() << docker.status();
  ASSERT_OK(docker.status());
  Put("docker-archive:%/docker.tar:lib/app:v1");
  ASSERT_OK_AND_ASSIGN(const ProcessResult loaded,
                       (*docker)->Docker({"load", "-i", At("%/docker.tar")}));
  EXPECT_THAT(loaded.out, HasSubstr("lib/app:v1")) << loaded.err;
  ASSERT_OK_AND_ASSIGN(const ProcessResult id,
                       (*docker)->Docker({"images", "-q", "--no-trunc", "lib/app:v1"}));
  EXPECT_THAT(id.out, HasSubstr(oci::Digest::Of(image_.config).ToString()));
  ASSERT_OK_AND_ASSIGN(const ProcessResult saved,
                       (*docker)->Docker({"save", "-o", At("%/saved.tar"), "lib/app:v1"}));
  ASSERT_EQ(saved.exit_code, 0) << saved.err;
  ExpectImageAt("docker-archive:%/saved.tar:lib/app:v1");
  ExpectImageAt("docker-archive:%/saved.tar");

  // The engine itself as a place: out under a name and an id, in under another.
  Endpoints engine(nullptr, {.scratch_directory = directory_.path() + "/scratch",
                             .docker_host = (*docker)->Address()});
  for (const std::string& text :
       {std::string("docker-daemon:lib/app:v1"),
        absl::StrCat("docker-daemon:", oci::Digest::Of(image_.config).ToString())}) {
    ASSERT_OK_AND_ASSIGN(const Endpoint endpoint, ParseEndpoint(text));
    ASSERT_OK_AND_ASSIGN(const OpenedSource source, engine.OpenSource(endpoint));
    ASSERT_OK_AND_ASSIGN(const RawManifest raw, source.images->GetManifest(source.tag_or_digest));
    EXPECT_EQ(raw.bytes, image_.manifest) << text;
  }
  EXPECT_THAT(engine.OpenSource(*ParseEndpoint("docker-daemon:lib/none:v1")),
              base::testing::StatusIs(absl::StatusCode::kNotFound, HasSubstr("lib/none:v1")));
  ASSERT_OK_AND_ASSIGN(const OpenedSink sink,
                       engine.OpenSink(*ParseEndpoint("docker-daemon:shop/web:2.0")));
  ASSERT_OK(PutTestImage(*sink.images, sink.tag_or_digest, image_));
  ASSERT_OK(PutTestImage(*sink.images, "2.1", image_));
  ASSERT_OK(sink.images->Finish());
  for (const char* tag : {"shop/web:2.0", "shop/web:2.1"}) {
    ASSERT_OK_AND_ASSIGN(const ProcessResult there,
                         (*docker)->Docker({"images", "-q", "--no-trunc", tag}));
    EXPECT_THAT(there.out, HasSubstr(oci::Digest::Of(image_.config).ToString())) << tag;
  }
}

}  // namespace
}  // namespace stevedore::transfer
