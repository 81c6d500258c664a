#include "oci/layout/layout_archive.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/image_editor.h"
#include "oci/image/media_type.h"
#include "oci/layer/layer_entry.h"
#include "oci/layer/tar_writer.h"

namespace stevedore::oci {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

LayerEntry File(const std::string& path) {
  LayerEntry entry;
  entry.path = path;
  return entry;
}

// The tar T1 of the known answers: one file f with "hi".
std::string T1() {
  std::string tar;
  base::StringSink sink(&tar);
  TarWriter writer(&sink);
  EXPECT_OK(writer.Append(File("f"), absl::string_view("hi")));
  EXPECT_OK(writer.Finish());
  return tar;
}

class LayoutArchiveTest : public testing::Test {
 protected:
  std::string Path(absl::string_view name) { return base::JoinPath(temporary_.path(), name); }

  // A layout with the image I2 amd64 of the known answers under the name `v1`.
  Layout Known() {
    Layout layout = *Layout::OpenOrCreate(Path("known"));
    const std::string tar = T1();
    const Digest digest = *layout.PutBlob(tar);
    ImageEditor editor(*Platform::Parse("linux/amd64"));
    EXPECT_OK(editor.AppendLayer(
        {.diff_id = digest,
         .descriptor = {.media_type = kOciLayer, .digest = digest, .size = tar.size()},
         .created_by = "stevedore"}));
    editor.ChangeConfig({.cmd = {{"/f"}}});
    const Image image = *editor.Finish();
    EXPECT_OK(layout.PutBlob(image.config.bytes()));
    EXPECT_OK(layout.PutManifest(image.manifest.bytes(), kOciManifest, "v1"));
    return layout;
  }

  std::string Archive(const Layout& layout, const std::vector<std::string>& names = {}) {
    std::string tar;
    base::StringSink sink(&tar);
    EXPECT_OK(WriteLayoutArchive(layout, names, &sink));
    return tar;
  }

  absl::StatusOr<Layout> Read(const std::string& tar, const std::string& name) {
    base::StringSource source(tar);
    return ReadLayoutArchive(source, Path(name));
  }

  base::TemporaryDirectory temporary_ = *base::TemporaryDirectory::Create();
};

TEST_F(LayoutArchiveTest, KnownAnswers) {
  const Layout layout = Known();
  EXPECT_EQ(Digest::Of(layout.ReadIndex()->bytes()).hex(),
            "4aec3df6ca459404537f7942faba018b7357b10456c00da6544d3f41817df4e0");
  const std::string tar = Archive(layout);
  EXPECT_EQ(tar.size(), 8704u);
  EXPECT_EQ(Digest::Of(tar).hex(),
            "a38725a4b5e1be331b89d899c86131dd3f463a0fbef31b0fe8c34da2f1d790d9");
  EXPECT_EQ(Archive(layout, {"v1"}), tar);
}

TEST_F(LayoutArchiveTest, ComesBackAsItWas) {
  const Layout layout = Known();
  ASSERT_OK(layout.PutBlob("garbage that nothing refers to"));
  const std::string tar = Archive(layout);
  ASSERT_OK_AND_ASSIGN(const Layout back, Read(tar, "back"));
  EXPECT_THAT(back.References(), IsOkAndHolds(ElementsAre("v1")));
  EXPECT_EQ(Archive(back), tar);
  EXPECT_FALSE(back.HasBlob(Digest::Of("garbage that nothing refers to")));
  EXPECT_THAT(Read(tar, "back"), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(LayoutArchiveTest, WritesOnlyTheNamesAskedFor) {
  const Layout layout = Known();
  ASSERT_OK_AND_ASSIGN(const Image other, ImageEditor(Platform::Host()).Finish());
  ASSERT_OK(layout.PutBlob(other.config.bytes()));
  ASSERT_OK(layout.PutManifest(other.manifest.bytes(), kOciManifest, "v2"));
  ASSERT_OK_AND_ASSIGN(const Layout back, Read(Archive(layout, {"v2"}), "back"));
  EXPECT_THAT(back.References(), IsOkAndHolds(ElementsAre("v2")));
  std::string tar;
  base::StringSink sink(&tar);
  EXPECT_THAT(WriteLayoutArchive(layout, {"v3"}, &sink), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(LayoutArchiveTest, MissesNothingSilently) {
  const Layout layout = Known();
  const std::string tar = T1();
  ASSERT_OK(base::WriteFileAtomically(layout.BlobPath(Digest::Of(tar)), "short"));
  std::string out;
  base::StringSink sink(&out);
  EXPECT_THAT(WriteLayoutArchive(layout, {}, &sink),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("5 bytes long")));
}

TEST_F(LayoutArchiveTest, BelievesNothingItReads) {
  const auto archive = [](const LayerEntry& entry, absl::string_view content) {
    std::string tar;
    base::StringSink sink(&tar);
    TarWriter writer(&sink);
    EXPECT_OK(writer.Append(File("oci-layout"), "{\"imageLayoutVersion\":\"1.0.0\"}"));
    EXPECT_OK(writer.Append(File("index.json"), "{\"schemaVersion\":2,\"manifests\":[]}"));
    EXPECT_OK(writer.Append(entry, content));
    EXPECT_OK(writer.Finish());
    return tar;
  };
  const std::string right = absl::StrCat("blobs/", Digest::Of("x").Path());
  const std::string wide =
      absl::StrCat("blobs/", Digest::Of("x", base::HashAlgorithm::kSha512).Path());
  EXPECT_OK(Read(archive(File(right), "x"), "1"));
  EXPECT_OK(Read(archive(File(wide), "x"), "2"));
  EXPECT_THAT(Read(archive(File(right), "y"), "3"), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(Read(archive(File("blobs/sha256/short"), "y"), "4"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Read(archive(File("etc/passwd"), "y"), "5"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not a part")));
  LayerEntry link = File(right);
  link.type = LayerEntry::Type::kSymlink;
  link.link_target = "index.json";
  EXPECT_THAT(Read(archive(link, ""), "6"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(
      Read(archive(File("index.json"),
                   absl::StrCat("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"a/b\","
                                "\"size\":1,\"digest\":\"",
                                Digest::Of("gone").ToString(), "\"}]}")),
           "7"),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("not in the archive")));
  EXPECT_THAT(Read("no tar", "8"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Read(archive(File("oci-layout"), "{\"imageLayoutVersion\":\"9\"}"), "9"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1.0.0")));
}

}  // namespace
}  // namespace stevedore::oci
