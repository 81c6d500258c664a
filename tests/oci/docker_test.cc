// Images that we assemble, loaded and run by a real Docker engine that this test starts and stops.

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/image_editor.h"
#include "tests/harness/docker_engine.h"
#include "tests/harness/process.h"
#include "tests/oci/image_workshop.h"

namespace stevedore::testing {
namespace {

using base::JoinPath;
using ::testing::HasSubstr;

constexpr char kImage[] = "localhost:5000/shop/hello:1.0";

class DockerTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<DockerEngine>> engine = DockerEngine::Start();
    if (absl::IsFailedPrecondition(engine.status())) GTEST_SKIP() << engine.status().message();
    ASSERT_OK(engine);
    engine_ = *std::move(engine);
    ASSERT_OK(base::MakeDirectories(Path("context/rootfs/bin")));
    ASSERT_OK_AND_ASSIGN(const std::string busybox, base::ReadFile("/bin/busybox"));
    ASSERT_OK(base::WriteFileAtomically(Path("context/rootfs/bin/busybox"), busybox, 0755));
    ASSERT_EQ(symlink("busybox", Path("context/rootfs/bin/sh").c_str()), 0);
    ASSERT_EQ(symlink("busybox", Path("context/rootfs/bin/cat").c_str()), 0);
    ASSERT_EQ(symlink("busybox", Path("context/rootfs/bin/id").c_str()), 0);
    ASSERT_OK(base::MakeDirectories(Path("context/data")));
    ASSERT_OK(base::WriteFileAtomically(Path("context/data/motd"), "hello from assemble\n"));
  }

  std::string Path(absl::string_view name) const { return JoinPath(temporary_.path(), name); }

  // What the engine says; the command must succeed.
  static std::string Said(const absl::StatusOr<ProcessResult>& result) {
    EXPECT_OK(result);
    if (!result.ok()) return "";
    EXPECT_EQ(result->exit_code, 0) << result->out << result->err;
    return result->out;
  }

  std::unique_ptr<DockerEngine> engine_;
  base::TemporaryDirectory temporary_ = *base::TemporaryDirectory::Create();
};

TEST_P(DockerTest, LoadsAndRunsWhatWeAssemble) {
  ASSERT_OK_AND_ASSIGN(const auto workshop, ImageWorkshop::Create(Path("layout")));
  ASSERT_OK_AND_ASSIGN(
      const oci::Image image,
      workshop->Build(
          {.reference = kImage,
           .context = Path("context"),
           .options_json = absl::StrCat(
               R"({"layers":[{"from":"rootfs","to":"/"},)",
               R"({"from":"data","to":"/srv/data","owner":"1000:1000","mode":"0600"}],)",
               R"("config":{"entrypoint":["/bin/sh","-c"],)",
               R"("cmd":["cat /srv/data/motd; id -u; echo $GREETING"],)",
               R"("env":{"PATH":"/bin","GREETING":"hi"},"user":"1000"},)", R"("compression":")",
               GetParam(), "\"}")}));
  ASSERT_OK_AND_ASSIGN(
      const ProcessResult copied,
      Process::Run({.argv = {"skopeo", "copy", absl::StrCat("oci:", Path("layout"), ":", kImage),
                             absl::StrCat("docker-archive:", Path("image.tar"), ":", kImage)}}));
  ASSERT_EQ(copied.exit_code, 0) << copied.err;

  EXPECT_THAT(Said(engine_->Docker({"load", "--input", Path("image.tar")})), HasSubstr(kImage));
  EXPECT_THAT(Said(engine_->Docker({"image", "inspect", "--format", "{{.Id}}", kImage})),
              HasSubstr(image.config.digest().ToString()));
  EXPECT_EQ(Said(engine_->Docker({"run", "--rm", "--network", "none", kImage})),
            "hello from assemble\n1000\nhi\n");
}

// No zstd: Docker's archive format does not know it.
INSTANTIATE_TEST_SUITE_P(, DockerTest, ::testing::Values("gzip", "gzip:fast", "none"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), ':', '_');
                           return name;
                         });

}  // namespace
}  // namespace stevedore::testing
