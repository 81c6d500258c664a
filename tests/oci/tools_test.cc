// Images that we assemble, read by skopeo and umoci: what they see is what the definition says.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"
#include "oci/image/image_editor.h"
#include "oci/layout/layout.h"
#include "oci/layout/layout_archive.h"
#include "tests/harness/process.h"
#include "tests/oci/image_workshop.h"

namespace stevedore::testing {
namespace {

using base::JoinPath;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kBase[] = "localhost:5000/shop/base:2.4";
constexpr char kWeb[] = "localhost:5000/shop/web:1.0";

// Runs a program that must succeed and returns what it said.
std::string Said(std::vector<std::string> argv) {
  const std::string program = argv[0];
  const absl::StatusOr<ProcessResult> result = Process::Run({.argv = std::move(argv)});
  EXPECT_OK(result);
  if (!result.ok()) return "";
  EXPECT_EQ(result->exit_code, 0) << program << ": " << result->out << result->err;
  return result->out;
}

class ToolsTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    ASSERT_OK(base::MakeDirectories(Path("context/rootfs/bin")));
    ASSERT_OK(base::MakeDirectories(Path("context/rootfs/empty")));
    ASSERT_OK(base::MakeDirectories(Path("context/public/" + long_name_)));
    ASSERT_OK(base::WriteFileAtomically(Path("context/rootfs/bin/tool"), "#!/bin/true\n", 0755));
    ASSERT_EQ(symlink("tool", Path("context/rootfs/bin/link").c_str()), 0);
    ASSERT_OK(base::WriteFileAtomically(Path("context/public/index.html"), "<p>hi</p>\n", 0600));
    ASSERT_OK(base::WriteFileAtomically(Path("context/public/grüße ☃.txt"), "utf-8", 0644));
    ASSERT_OK(base::WriteFileAtomically(
        Path(absl::StrCat("context/public/", long_name_, "/", long_name_)), "long", 0644));
    ASSERT_OK(base::WriteFileAtomically(Path("context/public/big"), std::string(3 << 20, 'b')));
    ASSERT_OK_AND_ASSIGN(workshop_, ImageWorkshop::Create(Path("layout")));
  }

  std::string Path(absl::string_view name) const { return JoinPath(temporary_.path(), name); }
  std::string Place(absl::string_view reference) const {
    return absl::StrCat("oci:", Path("layout"), ":", reference);
  }

  // The base and an image on it, with layers compressed as the parameter says.
  void BuildImages(absl::string_view compression) {
    ASSERT_OK_AND_ASSIGN(
        const oci::Image base,
        workshop_->Build(
            {.reference = kBase,
             .context = Path("context"),
             .options_json = absl::StrCat(
                 R"({"layers":[{"from":"rootfs","to":"/"}],)",
                 R"("config":{"cmd":["/bin/tool"],"env":{"PATH":"/bin"}},"compression":")",
                 compression, "\"}")}));
    ASSERT_OK_AND_ASSIGN(
        web_, workshop_->Build(
                  {.reference = kWeb,
                   .context = Path("context"),
                   .options_json = absl::StrCat(
                       R"({"layers":[{"from":"public","to":"/srv/www","mode":"0640",)",
                       R"("dir_mode":"0750","owner":"1000:1001"}],)",
                       R"("config":{"user":"1000","labels":{"team":"shop"}},"compression":")",
                       compression, "\"}"),
                   .parents = {{.id = "base:2.4", .reference = kBase, .image = base}}}));
  }

  void ExpectFile(const std::string& path, absl::string_view content, mode_t mode, uid_t uid,
                  gid_t gid) {
    const absl::StatusOr<std::string> found = base::ReadFile(path);
    ASSERT_OK(found);
    EXPECT_TRUE(*found == content) << path;
    ExpectStat(path, S_IFREG | mode, uid, gid);
  }
  void ExpectStat(const std::string& path, mode_t mode, uid_t uid, gid_t gid) {
    struct stat status = {};
    ASSERT_EQ(lstat(path.c_str(), &status), 0) << path;
    EXPECT_EQ(status.st_mode, mode) << path;
    if (!RunningAsRoot()) return;  // Without root, unpacking cannot give files away.
    EXPECT_EQ(status.st_uid, uid) << path;
    EXPECT_EQ(status.st_gid, gid) << path;
    EXPECT_EQ(status.st_mtime, 0) << path;
  }

  const std::string long_name_ = std::string(120, 'n');
  base::TemporaryDirectory temporary_ = *base::TemporaryDirectory::Create();
  std::unique_ptr<ImageWorkshop> workshop_;
  oci::Image web_;
};

TEST_P(ToolsTest, SkopeoSeesTheImage) {
  ASSERT_NO_FATAL_FAILURE(BuildImages(GetParam()));
  const nlohmann::json inspected = nlohmann::json::parse(Said({"skopeo", "inspect", Place(kWeb)}));
  EXPECT_EQ(inspected["Digest"], web_.manifest.digest().ToString());
  EXPECT_EQ(inspected["Labels"]["team"], "shop");
  EXPECT_EQ(inspected["Os"], "linux");
  EXPECT_EQ(inspected["Env"], nlohmann::json({"PATH=/bin"}));
  EXPECT_EQ(inspected["Layers"].size(), 2u);
  const nlohmann::json config =
      nlohmann::json::parse(Said({"skopeo", "inspect", "--config", Place(kWeb)}));
  EXPECT_EQ(config["config"]["User"], "1000");
  EXPECT_EQ(config["history"].size(), 2u);
}

TEST_P(ToolsTest, SkopeoCopiesItAndVerifiesEveryDigest) {
  ASSERT_NO_FATAL_FAILURE(BuildImages(GetParam()));
  Said({"skopeo", "copy", "--preserve-digests", Place(kWeb), absl::StrCat("dir:", Path("dir"))});
  ASSERT_OK_AND_ASSIGN(const std::string manifest, base::ReadFile(Path("dir/manifest.json")));
  EXPECT_EQ(manifest, web_.manifest.bytes());
}

TEST_P(ToolsTest, UmociUnpacksTheTreeThatWasDeclared) {
  ASSERT_NO_FATAL_FAILURE(BuildImages(GetParam()));
  EXPECT_THAT(Said({"umoci", "ls", "--layout", Path("layout")}), HasSubstr(kWeb));
  std::string layout = Path("layout");
  if (GetParam() == std::string("zstd")) {
    // This umoci does not read zstd; skopeo does.
    layout = Path("recompressed");
    Said({"skopeo", "copy", "--dest-compress-format", "gzip", Place(kWeb),
          absl::StrCat("oci:", layout, ":", kWeb)});
  }
  std::vector<std::string> unpack = {"umoci", "unpack", "--image", absl::StrCat(layout, ":", kWeb)};
  if (!RunningAsRoot()) unpack.push_back("--rootless");
  unpack.push_back(Path("bundle"));
  Said(unpack);
  const std::string root = Path("bundle/rootfs");
  ExpectFile(JoinPath(root, "bin/tool"), "#!/bin/true\n", 0755, 0, 0);
  ExpectStat(JoinPath(root, "empty"), S_IFDIR | 0755, 0, 0);
  ExpectStat(JoinPath(root, "bin/link"), S_IFLNK | 0777, 0, 0);
  ExpectStat(JoinPath(root, "srv/www"), S_IFDIR | 0750, 1000, 1001);
  ExpectFile(JoinPath(root, "srv/www/index.html"), "<p>hi</p>\n", 0640, 1000, 1001);
  ExpectFile(JoinPath(root, "srv/www/grüße ☃.txt"), "utf-8", 0640, 1000, 1001);
  ExpectFile(JoinPath(root, absl::StrCat("srv/www/", long_name_, "/", long_name_)), "long", 0640,
             1000, 1001);
  ExpectFile(JoinPath(root, "srv/www/big"), std::string(3 << 20, 'b'), 0640, 1000, 1001);
}

TEST_P(ToolsTest, SkopeoReadsOurArchivesAndWeReadItsOwn) {
  ASSERT_NO_FATAL_FAILURE(BuildImages(GetParam()));
  const std::string ours = Path("ours.tar");
  ASSERT_OK_AND_ASSIGN(base::FileDescriptor file,
                       base::OpenFile(ours, O_WRONLY | O_CREAT | O_EXCL));
  base::FileSink sink(std::move(file), ours);
  ASSERT_OK(oci::WriteLayoutArchive(workshop_->layout(), {kWeb}, &sink));
  const nlohmann::json inspected = nlohmann::json::parse(
      Said({"skopeo", "inspect", absl::StrCat("oci-archive:", ours, ":", kWeb)}));
  EXPECT_EQ(inspected["Digest"], web_.manifest.digest().ToString());

  const std::string theirs = Path("theirs.tar");
  Said({"skopeo", "copy", "--preserve-digests", Place(kWeb),
        absl::StrCat("oci-archive:", theirs, ":v1")});
  ASSERT_OK_AND_ASSIGN(const auto source, base::FileSource::Open(theirs));
  ASSERT_OK_AND_ASSIGN(const oci::Layout back, oci::ReadLayoutArchive(*source, Path("back")));
  ASSERT_OK_AND_ASSIGN(const oci::Descriptor found, back.Find("v1"));
  EXPECT_EQ(found.digest, web_.manifest.digest());
}

INSTANTIATE_TEST_SUITE_P(, ToolsTest, ::testing::Values("gzip", "zstd", "none"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace stevedore::testing
