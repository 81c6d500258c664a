#include "transfer/directory_image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/layer/tar_reader.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DirectoryImageTest : public ::testing::Test {
 protected:
  DirectoryImageTest() : folder_(*base::TemporaryDirectory::Create()) {
    options_.compression = *oci::Compression::Parse("none");
  }

  std::string At(const std::string& name) const { return base::JoinPath(folder_.path(), name); }
  void Write(const std::string& name, const std::string& text, mode_t mode = 0644) {
    const size_t slash = name.rfind('/');
    if (slash != std::string::npos) ASSERT_OK(base::MakeDirectories(At(name.substr(0, slash))));
    ASSERT_OK(base::WriteFileAtomically(At(name), text, mode));
  }
  absl::StatusOr<DirectoryImage> Make() {
    blob_.clear();
    base::StringSink sink(&blob_);
    return MakeDirectoryImage(folder_.path(), options_, &sink);
  }
  // "path mode uid:gid link".
  std::vector<std::string> Entries() const {
    std::vector<std::string> lines;
    base::StringSource source(blob_);
    oci::TarReader reader(&source, {.allow_climbing_symlinks = true});
    while (true) {
      const absl::StatusOr<std::optional<oci::TarEntry>> entry = reader.Next();
      EXPECT_OK(entry.status());
      if (!entry.ok() || !entry->has_value()) return lines;
      const oci::LayerEntry& file = (*entry)->entry;
      lines.push_back(absl::StrCat(file.path, " ", absl::Hex(file.mode), " ", file.uid, ":",
                                   file.gid, " ", file.link_target));
    }
  }

  const base::TemporaryDirectory folder_;
  DirectoryImageOptions options_;
  std::string blob_;
};

TEST_F(DirectoryImageTest, KnownAnswerD1) {
  Write("etc/hello", "world");
  Write("run", "#!/bin/sh\n");
  options_.config.cmd = {"/run"};
  ASSERT_OK_AND_ASSIGN(const DirectoryImage made, Make());
  EXPECT_EQ(made.layer.diff_id.ToString(),
            "sha256:71fc142bcd0552c7519b1a4c9d797a5df8ab2d5241957fc57e066fd49a651796");
  EXPECT_EQ(made.image.config.digest().ToString(),
            "sha256:3389cdb025854c2f466fb22e5cec6eb95b76d39b50166bb0543b744741dd4586");
  EXPECT_EQ(made.image.manifest.digest().ToString(),
            "sha256:00f7135d06a52bb94c64e16aaaf0b413f3a307b994ea297da841dcfa5df89907");
}

// Defect 3 of the predecessor: bits, owners and links to folders lost.
TEST_F(DirectoryImageTest, RunnableFilesLinksAndHardLinksStayWhatTheyAre) {
  Write("bin/tool", "x", 0710);
  Write("secret", "y", 0600);
  ASSERT_EQ(symlink("bin", At("folder").c_str()), 0);
  ASSERT_EQ(symlink("/etc/passwd", At("abs").c_str()), 0);
  ASSERT_EQ(link(At("secret").c_str(), At("again").c_str()), 0);
  ASSERT_OK(Make());
  EXPECT_THAT(Entries(),
              ElementsAre("abs 1ff 0:0 /etc/passwd", "again 1a4 0:0 ", "bin 1ed 0:0 ",
                          "bin/tool 1ed 0:0 ", "folder 1ff 0:0 bin", "secret 1a4 0:0 again"));
  options_.owner = FileOwner{1000, 100};
  options_.exact_modes = true;
  ASSERT_OK(Make());
  EXPECT_THAT(Entries(), ::testing::Contains("bin/tool 1c8 1000:100 "));
  EXPECT_THAT(Entries(), ::testing::Contains("again 180 1000:100 "));
  options_.owner = std::nullopt;
  ASSERT_OK(Make());
  EXPECT_THAT(Entries(),
              ::testing::Contains(absl::StrCat("bin/tool 1c8 ", getuid(), ":", getgid(), " ")));
}

TEST_F(DirectoryImageTest, FiltersTimesAndConfig) {
  Write("keep/a", "1");
  Write("drop/b", "2");
  options_.filter = [](absl::string_view path, bool) { return !absl::StartsWith(path, "drop"); };
  options_.source_date_epoch = 1'700'000'000;
  options_.config.env = {{"A", "1"}};
  options_.config.user = "1000";
  options_.annotations = {{"who", "me"}};
  options_.platform = {.os = "linux", .architecture = "arm64"};
  ASSERT_OK_AND_ASSIGN(const DirectoryImage made, Make());
  EXPECT_EQ(made.entries, 2u);
  EXPECT_EQ(made.image.config.created(), "2023-11-14T22:13:20Z");
  EXPECT_THAT(made.image.config.env(), ElementsAre("A=1"));
  EXPECT_EQ(made.image.config.user(), "1000");
  EXPECT_EQ(made.image.config.platform().architecture, "arm64");
  EXPECT_EQ(made.image.manifest.annotations().at("who"), "me");
  base::StringSource source(blob_);
  oci::TarReader reader(&source);
  ASSERT_OK_AND_ASSIGN(const std::optional<oci::TarEntry> entry, reader.Next());
  EXPECT_EQ(entry->mtime, 1'700'000'000);
}

TEST_F(DirectoryImageTest, SocketsAndFoldersThatAreNotThereAreErrors) {
  const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, At("sock").c_str(), sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("sock")));
  close(fd);
  std::string out;
  base::StringSink sink(&out);
  EXPECT_THAT(MakeDirectoryImage(At("none"), options_, &sink),
              StatusIs(absl::StatusCode::kNotFound));
  options_.format = oci::ImageFormat::kDocker;
  options_.compression = *oci::Compression::Parse("zstd");
  EXPECT_THAT(Make(), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(FileOwnerTest, IsNumbers) {
  ASSERT_OK_AND_ASSIGN(const FileOwner both, ParseFileOwner("1000:100"));
  EXPECT_EQ(both.uid, 1000u);
  EXPECT_EQ(both.gid, 100u);
  ASSERT_OK_AND_ASSIGN(const FileOwner one, ParseFileOwner("7"));
  EXPECT_EQ(one.gid, 7u);
  for (const char* bad : {"", "root", "1:", ":1", "-1", "1:2:3", "4294967295", "1: 2"}) {
    EXPECT_THAT(ParseFileOwner(bad), StatusIs(absl::StatusCode::kInvalidArgument)) << bad;
  }
}

}  // namespace
}  // namespace stevedore::transfer
