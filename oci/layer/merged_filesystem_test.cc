#include "oci/layer/merged_filesystem.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/layer/layer_writer.h"
#include "oci/layer/tar_reader.h"
#include "oci/layer/testing/layer_text.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::LayersOf;
using testing::LayerTar;
using testing::StreamOf;
using Type = LayerEntry::Type;

// One line per entry: "path@layer" with what LayerTar's words add.
std::vector<std::string> Lines(const MergedFilesystem& files) {
  std::map<size_t, std::string> contents;
  EXPECT_OK(files.ReadContents([&](size_t index, base::ByteSource& content) -> absl::Status {
    const absl::StatusOr<std::string> text = base::ReadAll(content, 1 << 20);
    EXPECT_OK(text);
    EXPECT_TRUE(contents.emplace(index, *text).second) << "told twice";
    return absl::OkStatus();
  }));
  std::vector<std::string> lines;
  for (size_t i = 0; i < files.size(); ++i) {
    const MergedEntry merged = files.Entry(i);
    const LayerEntry& entry = merged.entry;
    const char* kind = entry.type == Type::kDirectory  ? "/"
                       : entry.type == Type::kSymlink  ? "->"
                       : entry.type == Type::kHardLink ? "=>"
                       : contents.count(i) > 0         ? "="
                                                       : "";
    EXPECT_EQ(contents.count(i) > 0, entry.size > 0);
    lines.push_back(
        absl::StrCat(entry.path, kind, entry.link_target, contents[i], "@", merged.layer));
  }
  return lines;
}

// Layers, the bottom one first, and what is seen through them.
struct View {
  const char* name;
  std::vector<std::vector<std::string>> layers;
  std::vector<std::string> expected;
};

void PrintTo(const View& view, std::ostream* out) { *out << view.name; }

std::vector<View> Views() {
  return {
      // The table of the specification, of crane and of predecessors.
      {"Seed1",
       {{"a=A", "dir/", "dir/x=X", "dir/y=Y", "keep=K0"},
        {".wh.a", "keep=K1", "b=B"},
        {"dir/.wh..wh..opq", "dir/z=Z"}},
       {"b=B@1", "dir/@0", "dir/z=Z@2", "keep=K1@1"}},
      {"Seed2", {{"a=A", "b=B0"}, {"b=B1", ".wh.a"}}, {"b=B1@1"}},
      {"Spec1",
       {{"file1", "a/", "a/file2", "b/", "c/", "c/file3"},
        {".wh.file1", "a/.wh.file2", ".wh.b", "file4"}},
       {"a/@0", "c/@0", "c/file3@0", "file4@1"}},
      {"Spec1WithoutDirectories",
       {{"file1", "a/file2", "b/", "c/file3"}, {".wh.file1", "a/.wh.file2", ".wh.b", "file4"}},
       {"c/file3@0", "file4@1"}},
      {"Spec2",
       {{"etc/my-app-config", "bin/my-app-binary", "bin/my-app-tools", "bin/tools/my-app-tool-one"},
        {"bin/", "bin/.wh..wh..opq"}},
       {"bin/@1", "etc/my-app-config@0"}},
      {"Spec3MarkerFirst",
       {{"a/", "a/b/", "a/b/c/", "a/b/c/bar"},
        {"a/", "a/.wh..wh..opq", "a/b/", "a/b/c/", "a/b/c/foo"}},
       {"a/@1", "a/b/@1", "a/b/c/@1", "a/b/c/foo@1"}},
      {"Spec3MarkerLast",
       {{"a/", "a/b/", "a/b/c/", "a/b/c/bar"},
        {"a/", "a/b/", "a/b/c/", "a/b/c/foo", "a/.wh..wh..opq"}},
       {"a/@1", "a/b/@1", "a/b/c/@1", "a/b/c/foo@1"}},
      {"Crane1", {{"d/a.txt", "d/b.txt"}, {"d/.wh..wh..opq", "d/c.txt"}}, {"d/c.txt@1"}},
      {"Crane2",
       {{"usr/bin", "baz/foo.txt", "baz/bar/foo.txt", "red/green", "red/yellow.txt", "red/blue/x"},
        {".wh.baz", "red/.wh.blue", "red/.wh.yellow.txt"}},
       {"red/green@0", "usr/bin@0"}},
      {"Own1MarkerAfter", {{"x=0"}, {"x=1", ".wh.x"}}, {"x=1@1"}},
      {"Own1MarkerBefore", {{"x=0"}, {".wh.x", "x=1"}}, {"x=1@1"}},
      {"Own2", {{"p/q"}, {"p=file"}}, {"p=file@1"}},
      {"Own3RootOpaque", {{"a", "c/", "c/d"}, {".wh..wh..opq", "b"}}, {"b@1"}},
      // Defect 6 of the predecessor: names are compared in their normal form.
      {"LeadingDots", {{"./a", "./d/x"}, {".wh.a", "./d/.wh.x"}}, {}},
      {"LeadingSlash",
       {{"/a", "d/x=X", "//y=>/d/x", "e/"}, {"/.wh.a", "d/.wh.x", "/e/.wh..wh..opq"}},
       {"e/@0", "y=X@0"}},
      // What else can meet.
      {"DirectoryOverDirectory", {{"d/", "d/x"}, {"d/"}}, {"d/@1", "d/x@0"}},
      {"DirectoryOverFile", {{"d=f"}, {"d/"}}, {"d/@1"}},
      {"ImpliedDirectoryOverFile", {{"d=f"}, {"d/x"}}, {"d/x@1"}},
      {"ImpliedDirectoryOverDirectory", {{"d/", "d/y"}, {"d/x"}}, {"d/@0", "d/x@1", "d/y@0"}},
      {"LinkOverDirectory", {{"d/", "d/x"}, {"e/", "d->e"}}, {"d->e@1", "e/@1"}},
      {"DirectoryOverLink", {{"e/", "d->e"}, {"d/", "d/x"}}, {"d/@1", "d/x@1", "e/@0"}},
      {"HiddenFileStillReplacedADirectory",
       {{"p/", "p/old"}, {"p=file"}, {"p/", "p/new"}},
       {"p/@2", "p/new@2"}},
      {"HiddenDirectoryStillReplacedAFile", {{"p=file"}, {"p/q"}, {"p/.wh.q"}}, {}},
      {"WhiteoutOfADirectoryAndItAgain",
       {{"d/", "d/x"}, {".wh.d", "d/", "d/y"}},
       {"d/@1", "d/y@1"}},
      {"WhiteoutBelowNothing", {{"a"}, {"no/such/.wh.thing"}}, {"a@0"}},
      {"WhiteoutIsForLowerLayersOnly", {{".wh.x"}, {"x"}}, {"x@1"}},
      {"OpaqueInTheMiddle",
       {{"d/", "d/a"}, {"d/", "d/b", "d/.wh..wh..opq"}, {"d/c"}},
       {"d/@1", "d/b@1", "d/c@2"}},
      {"NamesThatOnlyBegin", {{"ab", "a.b", "abc/x"}, {".wh.a"}}, {"a.b@0", "ab@0", "abc/x@0"}},
      {"TheLastOfSeveralCounts", {{"a=1", "b", "a=2"}}, {"a=2@0", "b@0"}},
      {"AufsBookkeeping", {{".wh..wh.plnk/", ".wh..wh.plnk/1.2=x", ".wh..wh.aufs", "a"}}, {"a@0"}},
      // Hard links.
      {"HardLink", {{"a=A", "b=>a"}}, {"a=A@0", "b=>a@0"}},
      {"HardLinkBeforeItsTarget", {{"b=>z", "z=A"}}, {"b=A@0", "z=>b@0"}},
      {"HardLinkToALowerLayer", {{"a=A"}, {"b=>a"}}, {"a=A@0", "b=>a@0"}},
      {"HardLinkTargetHiddenLater", {{"a=A"}, {"b=>a"}, {".wh.a"}}, {"b=A@0"}},
      {"HardLinkTargetHiddenInItsLayer", {{"a=A"}, {"b=>a", ".wh.a"}}, {"b=A@0"}},
      {"HardLinkTargetReplacedLater", {{"a=A"}, {"b=>a"}, {"a=new"}}, {"a=new@2", "b=A@0"}},
      {"HardLinkOfThreeWhoseFirstIsHidden",
       {{"a=A", "b=>a", "c=>b"}, {".wh.a"}},
       {"b=A@0", "c=>b@0"}},
      {"HardLinkThroughLayers", {{"a=A"}, {"b=>a"}, {"c=>b"}, {".wh.a", ".wh.b"}}, {"c=A@0"}},
      {"HardLinkToASymbolicLink", {{"a->x", "b=>a"}}, {"a->x@0", "b->x@0"}},
      {"HardLinkToAnEmptyFile", {{"a", "b=>a"}}, {"a@0", "b=>a@0"}},
      {"NoLayers", {}, {}},
      {"EmptyLayers", {{}, {}}, {}},
  };
}

class MergedViewTest : public ::testing::TestWithParam<View> {};

TEST_P(MergedViewTest, IsWhatIsSeen) {
  ASSERT_OK_AND_ASSIGN(const MergedFilesystem files,
                       MergedFilesystem::Plan(LayersOf(GetParam().layers)));
  EXPECT_EQ(Lines(files), GetParam().expected);
}

// The tar of the result is a layer that shows the same files.
TEST_P(MergedViewTest, IsTheSameAsOneTar) {
  ASSERT_OK_AND_ASSIGN(const MergedFilesystem files,
                       MergedFilesystem::Plan(LayersOf(GetParam().layers)));
  std::string tar, again;
  base::StringSink sink(&tar), sink_again(&again);
  ASSERT_OK(files.WriteTar(&sink));
  ASSERT_OK(files.WriteTar(&sink_again));
  EXPECT_EQ(tar, again);
  ASSERT_OK_AND_ASSIGN(const MergedFilesystem flat, MergedFilesystem::Plan({StreamOf(tar)}));
  std::vector<std::string> expected = GetParam().expected;
  for (std::string& line : expected) line.back() = '0';
  EXPECT_EQ(Lines(flat), expected);
}

INSTANTIATE_TEST_SUITE_P(Rules, MergedViewTest, ::testing::ValuesIn(Views()),
                         [](const auto& info) { return info.param.name; });

// Layers that are refused, and the message.
struct Refusal {
  const char* name;
  std::vector<std::vector<std::string>> layers;
  const char* message;
};

void PrintTo(const Refusal& refusal, std::ostream* out) { *out << refusal.name; }

class RefusedLayersTest : public ::testing::TestWithParam<Refusal> {};

TEST_P(RefusedLayersTest, SayWhichAndWhy) {
  EXPECT_THAT(MergedFilesystem::Plan(LayersOf(GetParam().layers)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(GetParam().message)));
}

INSTANTIATE_TEST_SUITE_P(
    Layers, RefusedLayersTest,
    ::testing::ValuesIn(std::vector<Refusal>{
        {"BareMarker", {{}, {".wh."}}, "layer 1: whiteout `.wh.` names nothing"},
        {"BareMarkerBelow", {{"d/.wh."}}, "layer 0: whiteout `d/.wh.` names nothing"},
        {"MarkerForTheFolder", {{"d/.wh.."}}, "whiteout `d/.wh..` names nothing"},
        {"MarkerForTheParent", {{"d/.wh..."}}, "whiteout `d/.wh...` names nothing"},
        {"BelowAMarker", {{".wh.d/x"}}, "whiteout `.wh.d/x` names nothing"},
        {"BelowAFile", {{"p", "p/q"}}, "layer 0: entry `p/q` is below `p`"},
        {"BelowAFileThatComesLater", {{"p/q/r", "p"}}, "entry `p/q/r` is below `p`"},
        {"HardLinkToNothing", {{"a"}, {"b=>c"}}, "hard link `b` to `c`: there is no such file"},
        {"HardLinkToAnUpperLayer", {{"b=>c"}, {"c=C"}}, "hard link `b` to `c`"},
        {"HardLinkToWhatWasHidden",
         {{"c=C"}, {".wh.c"}, {"b=>c"}},
         "layer 1: hard link `b` to `c`: there is no such file"},
        {"HardLinkToWhatBecameADirectory", {{"c=C"}, {"c/x"}, {"b=>c"}}, "hard link `b` to `c`"},
        {"HardLinkToADirectory", {{"d/", "b=>d"}}, "that is a directory"},
        {"HardLinkToItself", {{"b=>b"}}, "leads back to the link"},
        {"HardLinksInACircle", {{"a=>b", "b=>a"}}, "leads back to the link"},
        {"HardLinkOut", {{"b=>../c"}}, "layer 0"},
        // Path safety as in crane's export.
        {"Parent", {{"../tmp/evil"}}, "could lead outside"},
        {"ParentByBackslashes", {{"..\\..\\tmp\\evil"}}, "could lead outside"},
        {"Backslash", {{"\\tmp\\evil"}}, "only relative paths are safe"},
        {"Drive", {{"C:\\tmp\\evil"}}, "only relative paths are safe"},
        {"DriveWithSlash", {{"C:/tmp/evil"}}, "only relative paths are safe"},
        {"DriveAndParent", {{"C:..\\evil"}}, "only relative paths are safe"},
        {"BelowALink", {{"a->/etc", "a/passwd"}}, "is below `a`, which is a symbolic link"},
    }),
    [](const auto& info) { return info.param.name; });

TEST(MergedFilesystemTest, SafePathsAndLinksAreKeptAndClimbingOnesDroppedOnlyWhenAsked) {
  const std::vector<std::vector<std::string>> layers = {
      {"./", "tmp/safe", "etc/foo->../../../tmp/evil", "etc/bar->..\\..\\..\\tmp\\evil",
       "usr/local/bin/ld.so->../lib/ld.so", "usr/abs->/etc/passwd", "hard=>etc/foo"}};
  ASSERT_OK_AND_ASSIGN(const MergedFilesystem kept, MergedFilesystem::Plan(LayersOf(layers)));
  EXPECT_THAT(Lines(kept),
              ElementsAre("etc/bar->..\\..\\..\\tmp\\evil@0", "etc/foo->../../../tmp/evil@0",
                          "hard->../../../tmp/evil@0", "tmp/safe@0", "usr/abs->/etc/passwd@0",
                          "usr/local/bin/ld.so->../lib/ld.so@0"));
  EXPECT_TRUE(kept.dropped().empty());
  MergeOptions options;
  options.drop_climbing_symlinks = true;
  ASSERT_OK_AND_ASSIGN(const MergedFilesystem safe,
                       MergedFilesystem::Plan(LayersOf(layers), options));
  EXPECT_THAT(Lines(safe), ElementsAre("tmp/safe@0", "usr/abs->/etc/passwd@0",
                                       "usr/local/bin/ld.so->../lib/ld.so@0"));
  EXPECT_THAT(safe.dropped(), ElementsAre("etc/bar", "etc/foo", "hard"));
}

TEST(MergedFilesystemTest, ADroppedLinkStillHidesWhatWasThere) {
  MergeOptions options;
  options.drop_climbing_symlinks = true;
  ASSERT_OK_AND_ASSIGN(
      const MergedFilesystem files,
      MergedFilesystem::Plan(LayersOf({{"d/", "d/x"}, {"d->../../out"}}), options));
  EXPECT_THAT(Lines(files), ElementsAre());
  EXPECT_THAT(files.dropped(), ElementsAre("d"));
}

TEST(MergedFilesystemTest, TarHasTargetsBeforeTheirLinks) {
  ASSERT_OK_AND_ASSIGN(
      const MergedFilesystem files,
      MergedFilesystem::Plan(LayersOf({{"z=Z", "d/"}, {"a=>z", "b=B", "d/l->x"}})));
  std::string tar;
  base::StringSink sink(&tar);
  ASSERT_OK(files.WriteTar(&sink));
  base::StringSource source(tar);
  TarReader reader(&source);
  std::vector<std::string> paths;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const std::optional<TarEntry> entry, reader.Next());
    if (!entry.has_value()) break;
    paths.push_back(entry->entry.path);
  }
  EXPECT_THAT(paths, ElementsAre("d", "d/l", "a", "b", "z"));
  EXPECT_EQ(files.content_bytes(), 2u);
  EXPECT_EQ(files.layer_bytes(), 2560u + 3072);
}

TEST(MergedFilesystemTest, LayersAreComparedWithTheirDiffIds) {
  std::vector<LayerStream> layers = LayersOf({{"a=A"}, {"b=B"}});
  layers[0].diff_id = Digest::Of(LayerTar({"a=A"}));
  layers[1].diff_id = Digest::Of(LayerTar({"b=B"}), base::HashAlgorithm::kSha512);
  ASSERT_OK(MergedFilesystem::Plan(layers));
  layers[0].diff_id = Digest::Of("something else");
  EXPECT_THAT(MergedFilesystem::Plan(layers),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("layer 0: its tar has the digest")));
}

TEST(MergedFilesystemTest, ALayerThatChangesBetweenThePassesIsNoticed) {
  int opened = 0;
  LayerStream layer{
      .name = "layer 0", .open = [&]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
        return std::make_unique<base::StringSource>(++opened == 1 ? LayerTar({"a=A", "b=B"})
                                                                  : LayerTar({"a=A"}));
      }};
  ASSERT_OK_AND_ASSIGN(const MergedFilesystem files, MergedFilesystem::Plan({layer}));
  std::string tar;
  base::StringSink sink(&tar);
  EXPECT_THAT(files.WriteTar(&sink),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("layer 0: the layer is not")));
}

// Whatever a media type says, the first bytes decide; several members or frames are one stream.
TEST(MergedFilesystemTest, LayersMayBeCompressedInAnyWay) {
  const std::string tar = LayerTar({"a=" + std::string(3000, 'A'), ".wh.b"});
  for (const char* name : {"none", "gzip", "gzip:fast", "zstd"}) {
    SCOPED_TRACE(name);
    std::string blob;
    for (const std::string& part : {tar.substr(0, 1000), tar.substr(1000)}) {
      base::StringSource source(part);
      base::StringSink sink(&blob);
      LayerWriterOptions options;
      options.compression = *Compression::Parse(name);
      ASSERT_OK(WriteTarLayer(source, &sink, std::move(options)));
    }
    LayerStream layer = StreamOf(blob);
    layer.diff_id = Digest::Of(tar);
    std::vector<LayerStream> layers = LayersOf({{"b=B", "c=C"}});
    layers.push_back(layer);
    ASSERT_OK_AND_ASSIGN(const MergedFilesystem files, MergedFilesystem::Plan(layers));
    EXPECT_THAT(Lines(files), ElementsAre("a=" + std::string(3000, 'A') + "@1", "c=C@0"));
  }
}

TEST(MergedFilesystemTest, LimitsAreOverAllLayers) {
  const std::vector<std::vector<std::string>> layers = {{"a=A", "b"}, {"c/d/e"}};
  MergeOptions entries;
  entries.tar.max_entries = 2;
  EXPECT_THAT(MergedFilesystem::Plan(LayersOf(layers), entries),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("max_entries")));
  MergeOptions bytes;
  bytes.decompress.max_output_bytes = 3000;
  EXPECT_THAT(MergedFilesystem::Plan(LayersOf(layers), bytes),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("layer 0")));
  MergeOptions paths;
  paths.max_paths = 5;
  EXPECT_THAT(MergedFilesystem::Plan(LayersOf(layers), paths),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("5 paths")));
  paths.max_paths = 6;
  EXPECT_OK(MergedFilesystem::Plan(LayersOf(layers), paths));
}

TEST(MergedFilesystemTest, StopsWhenTold) {
  std::stop_source stop;
  MergeOptions options;
  options.stop = stop.get_token();
  ASSERT_OK_AND_ASSIGN(const MergedFilesystem files,
                       MergedFilesystem::Plan(LayersOf({{"a=A"}}), options));
  stop.request_stop();
  std::string tar;
  base::StringSink sink(&tar);
  EXPECT_THAT(files.WriteTar(&sink), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(MergedFilesystem::Plan(LayersOf({{"a=A"}}), options),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace stevedore::oci
