// Layers read by other programs, and other programs' tars read by us.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/layer/directory_tree.h"
#include "oci/layer/layer_writer.h"
#include "oci/layer/tar_contents.h"
#include "oci/layer/testing/memory_contents.h"

namespace stevedore::oci {
namespace {

using testing::MemoryContents;
using testing::Noise;
using testing::Prose;

// What a shell command prints; nullopt if it fails.
std::optional<std::string> Shell(const std::string& command) {
  FILE* const pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return std::nullopt;
  std::string output;
  std::array<char, 4096> buffer;
  for (size_t count; (count = fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
    output.append(buffer.data(), count);
  }
  if (pclose(pipe) != 0) return std::nullopt;
  absl::StripTrailingAsciiWhitespace(&output);
  return output;
}

bool Installed(const std::string& program) {
  return Shell(absl::StrCat("command -v ", program)).has_value();
}

class ForeignToolsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto directory = base::TemporaryDirectory::Create();
    ASSERT_OK(directory);
    directory_.emplace(*std::move(directory));
  }
  std::string At(absl::string_view name) const { return base::JoinPath(directory_->path(), name); }
  LayerResult Write(absl::string_view codec, const std::string& path) const {
    MemoryContents contents;
    std::vector<LayerEntry> entries = {MemoryContents::Directory("d"),
                                       contents.File("d/text", Prose(2'500'000)),
                                       contents.File("d/noise", Noise(1'200'000)),
                                       contents.File("d/" + std::string(160, 'l'), "long"),
                                       contents.File("caf\xc3\xa9", "utf-8", 0755),
                                       MemoryContents::Symlink("link", "d/text"),
                                       MemoryContents::HardLink("z", "d/text")};
    auto file = base::OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC);
    EXPECT_OK(file);
    base::FileSink sink(*std::move(file), path);
    auto result = WriteLayer(std::move(entries), contents, &sink,
                             {.compression = *Compression::Parse(codec), .threads = 2});
    EXPECT_OK(result);
    return *result;
  }

  std::optional<base::TemporaryDirectory> directory_;
};

TEST_F(ForeignToolsTest, DecompressorsFindTheDiffId) {
  const std::pair<const char*, const char*> readers[] = {
      {"gzip", "gzip -dc"},
      {"pigz", "pigz -dc"},
      {"busybox", "busybox gzip -dc"},
      {"python3",
       "python3 -c 'import gzip,sys; "
       "sys.stdout.buffer.write(gzip.open(sys.stdin.buffer).read())'"}};
  for (const char* codec : {"gzip", "gzip:fast", "gzip:small"}) {
    const LayerResult result = Write(codec, At("blob"));
    EXPECT_EQ(Shell(absl::StrCat("sha256sum <", At("blob"), " | cut -c1-64")),
              std::string(result.descriptor.digest.hex()));
    for (const auto& reader : readers) {
      if (!Installed(reader.first)) continue;
      EXPECT_EQ(Shell(absl::StrCat(reader.second, " <", At("blob"), " | sha256sum | cut -c1-64")),
                std::string(result.diff_id.hex()))
          << codec << " read by " << reader.first;
    }
  }
  if (Installed("zstd")) {
    const LayerResult result = Write("zstd", At("blob"));
    EXPECT_EQ(Shell(absl::StrCat("zstd -dcq <", At("blob"), " | sha256sum | cut -c1-64")),
              std::string(result.diff_id.hex()));
  }
}

TEST_F(ForeignToolsTest, TarUnpacksWhatWasMeant) {
  if (!Installed("tar")) GTEST_SKIP() << "no tar here";
  Write("gzip", At("blob"));
  ASSERT_OK(base::MakeDirectories(At("out")));
  ASSERT_TRUE(Shell(absl::StrCat("tar xzf ", At("blob"), " -C ", At("out"))).has_value());
  ASSERT_OK_AND_ASSIGN(const std::string text, base::ReadFile(At("out/link")));
  EXPECT_TRUE(text == Prose(2'500'000));
  EXPECT_EQ(*base::ReadFile(At("out/caf\xc3\xa9")), "utf-8");
  EXPECT_EQ(*base::ReadFile(At("out/d/" + std::string(160, 'l'))), "long");
  EXPECT_EQ(Shell(absl::StrCat("stat -c %h ", At("out/z"))), "2");
}

// Whatever form tar(1) writes, the entries are those of the tree itself.
TEST_F(ForeignToolsTest, ReadsEveryFormatOfTar) {
  if (!Installed("tar")) GTEST_SKIP() << "no tar here";
  ASSERT_OK(base::MakeDirectories(At("in/d/e")));
  ASSERT_OK(base::WriteFileAtomically(At("in/d/e/f"), Prose(5000)));
  ASSERT_OK(base::WriteFileAtomically(At("in/" + std::string(90, 'n')), "long", 0700));
  ASSERT_TRUE(Shell(absl::StrCat("cd ", At("in"), " && ln -s d/e/f s && ln d/e/f z && mkfifo p"))
                  .has_value());
  ASSERT_OK_AND_ASSIGN(DirectoryTree tree, DirectoryTree::Walk(At("in")));
  std::string expected;
  base::StringSink expected_sink(&expected);
  ASSERT_OK(WriteLayer(tree.TakeEntries(), tree, &expected_sink,
                       {.compression = *Compression::Parse("none")}));
  for (const char* format : {"gnu", "pax", "ustar", "oldgnu"}) {
    ASSERT_TRUE(
        Shell(absl::StrCat("tar --format=", format, " -cf ", At("tar"), " -C ", At("in"), " ."))
            .has_value());
    ASSERT_OK_AND_ASSIGN(const auto source, base::FileSource::Open(At("tar")));
    ASSERT_OK_AND_ASSIGN(std::vector<LayerEntry> entries, ReadTarEntries(*source));
    ASSERT_OK_AND_ASSIGN(const auto reader, base::FileReader::Open(At("tar")));
    const TarContents contents(reader.get());
    std::string rewritten;
    base::StringSink sink(&rewritten);
    ASSERT_OK(WriteLayer(std::move(entries), contents, &sink,
                         {.compression = *Compression::Parse("none")}));
    EXPECT_TRUE(rewritten == expected) << format;
  }
}

}  // namespace
}  // namespace stevedore::oci
