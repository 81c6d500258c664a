// The same content makes the same image, whatever the machine did meanwhile.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/image_editor.h"
#include "tests/harness/process.h"
#include "tests/oci/image_workshop.h"

namespace stevedore::testing {
namespace {

using base::JoinPath;

class DeterminismTest : public ::testing::TestWithParam<const char*> {
 protected:
  struct File {
    std::string path, content;
    mode_t mode;
  };

  static std::vector<File> Files() {
    std::mt19937 random(7);
    std::vector<File> files;
    for (int i = 0; i < 200; ++i) {
      std::string content;
      // Some files above a chunk of the codecs, most below.
      const size_t size = i % 50 == 0 ? 1500000 : random() % 3000;
      while (content.size() < size) absl::StrAppend(&content, random() % 100000, " ");
      files.push_back({absl::StrCat("d", i % 7, "/s", i % 3, "/f", i), std::move(content),
                       static_cast<mode_t>(i % 5 == 0 ? 0755 : 0644)});
    }
    return files;
  }

  // Writes the files in an order, at a time and under a umask of their own.
  void Write(const std::string& folder, std::vector<File> files, unsigned seed) {
    std::shuffle(files.begin(), files.end(), std::mt19937(seed));
    const mode_t old = umask(seed % 2 == 0 ? 0022 : 0002);
    for (const File& file : files) {
      const std::string path = JoinPath(folder, file.path);
      ASSERT_OK(base::MakeDirectories(path.substr(0, path.rfind('/')), 0777));
      const mode_t group_write = seed % 2 == 0 ? 0 : 0020;
      ASSERT_OK(base::WriteFileAtomically(path, file.content, file.mode | group_write));
      const timespec times[2] = {{static_cast<time_t>(seed * 1000), 5},
                                 {static_cast<time_t>(seed * 1000), 5}};
      ASSERT_EQ(utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
      if (RunningAsRoot()) {
        ASSERT_EQ(chown(path.c_str(), seed, seed), 0);
      }
    }
    umask(old);
  }

  std::string Path(absl::string_view name) const { return JoinPath(temporary_.path(), name); }

  absl::StatusOr<oci::Digest> Build(const std::string& context, const std::string& layout,
                                    int threads) {
    ASSIGN_OR_RETURN(const auto workshop, ImageWorkshop::Create(Path(layout)));
    ASSIGN_OR_RETURN(
        const oci::Image image,
        workshop->Build({.reference = "localhost:5000/a/b:1",
                         .context = context,
                         .options_json = absl::StrCat(
                             R"({"layers":[{"from":".","to":"/all"},)",
                             R"({"from":"d1","to":"/d1"}],"compression":")", GetParam(), "\"}"),
                         .threads = threads}));
    return image.manifest.digest();
  }

  base::TemporaryDirectory temporary_ = *base::TemporaryDirectory::Create();
};

TEST_P(DeterminismTest, OrderTimesOwnersUmaskAndThreadsDoNotMatter) {
  const std::vector<File> files = Files();
  ASSERT_NO_FATAL_FAILURE(Write(Path("one"), files, 1));
  ASSERT_NO_FATAL_FAILURE(Write(Path("two"), files, 2));
  ASSERT_OK_AND_ASSIGN(const oci::Digest one, Build(Path("one"), "layout1", 1));
  ASSERT_OK_AND_ASSIGN(const oci::Digest eight, Build(Path("one"), "layout8", 8));
  ASSERT_OK_AND_ASSIGN(const oci::Digest two, Build(Path("two"), "layout2", 2));
  EXPECT_EQ(one, eight);
  EXPECT_EQ(one, two);
}

TEST_P(DeterminismTest, ContentAndExecutableBitsDo) {
  std::vector<File> files = Files();
  ASSERT_NO_FATAL_FAILURE(Write(Path("one"), files, 1));
  ASSERT_OK_AND_ASSIGN(const oci::Digest one, Build(Path("one"), "layout1", 2));
  files[3].content += "!";
  ASSERT_NO_FATAL_FAILURE(Write(Path("content"), files, 1));
  ASSERT_OK_AND_ASSIGN(const oci::Digest content, Build(Path("content"), "layout2", 2));
  EXPECT_NE(one, content);
  files = Files();
  files[3].mode = 0755;
  ASSERT_NO_FATAL_FAILURE(Write(Path("mode"), files, 1));
  ASSERT_OK_AND_ASSIGN(const oci::Digest mode, Build(Path("mode"), "layout3", 2));
  EXPECT_NE(one, mode);
}

INSTANTIATE_TEST_SUITE_P(, DeterminismTest,
                         ::testing::Values("gzip:fast", "gzip:balanced", "gzip:small", "zstd",
                                           "none"),
                         [](const auto& info) {
                           std::string name = info.param;
                           std::replace(name.begin(), name.end(), ':', '_');
                           return name;
                         });

}  // namespace
}  // namespace stevedore::testing
