#include "oci/image/index_editor.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "nlohmann/json.hpp"
#include "oci/image/image_editor.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;
using Json = nlohmann::json;

Descriptor Entry(const std::string& name, const char* platform) {
  Descriptor entry{.media_type = kOciManifest, .digest = Digest::Of(name), .size = name.size()};
  if (platform != nullptr) entry.platform = *Platform::Parse(platform);
  return entry;
}

Descriptor Attestation(const std::string& name, const std::string& of) {
  Descriptor entry = Entry(name, "unknown/unknown");
  entry.annotations[kAttestedDigestAnnotation] = Digest::Of(of).ToString();
  return entry;
}

IndexEditor Start(const std::vector<Descriptor>& entries) {
  IndexEditor editor;
  for (const Descriptor& entry : entries) editor.Append(entry);
  return editor;
}

// "linux/amd64 a": platform, and which of our names the entry has.
std::vector<std::string> List(const IndexEditor& editor) {
  std::vector<std::string> list;
  const std::vector<Descriptor> entries = *editor.entries();
  for (const Descriptor& entry : entries) {
    for (const char* name : {"a", "b", "c", "d", "n", "att-a", "att-b"}) {
      if (Digest::Of(name) != entry.digest) continue;
      list.push_back(
          absl::StrCat(entry.platform.has_value() ? entry.platform->ToString() : "-", " ", name));
    }
  }
  return list;
}

// Defect 11 of the predecessor, first half.
TEST(IndexEditorTest, EntriesKeepVariantAndOsVersion) {
  ImageEditor image(*Platform::Parse("windows/arm/v7:10.0.17763"));
  const Descriptor entry = IndexEntry(*image.Finish());
  EXPECT_EQ(entry.platform->variant, "v7");
  EXPECT_EQ(entry.platform->os_version, "10.0.17763");
  ASSERT_OK_AND_ASSIGN(const Index index, Start({entry}).Finish());
  EXPECT_EQ(Json::parse(index.bytes())["manifests"][0]["platform"],
            Json::parse(R"({"architecture":"arm","os":"windows","os.version":"10.0.17763",
                            "variant":"v7"})"));
  ASSERT_OK_AND_ASSIGN(IndexEditor again, IndexEditor::Create(index));
  again.Append(Entry("b", "linux/amd64"));
  EXPECT_EQ(again.Finish()->manifests()[0].platform, entry.platform);
}

// Defect 11, second half: indexes inside indexes are kept whole or flattened, as asked.
TEST(IndexEditorTest, NestedIndexesAreKeptOrFlattened) {
  ASSERT_OK_AND_ASSIGN(const Index nested,
                       Start({Entry("a", "linux/arm/v7"), Entry("b", "linux/s390x")}).Finish());
  IndexEditor whole = Start({Entry("c", "linux/amd64")});
  whole.Append(nested.ToDescriptor());
  ASSERT_OK_AND_ASSIGN(const Index outer, whole.Finish());
  EXPECT_EQ(outer.manifests()[1].media_type, kOciIndex);
  EXPECT_EQ(outer.manifests()[1].digest, nested.digest());
  IndexEditor flat = Start({Entry("c", "linux/amd64")});
  ASSERT_OK(flat.AppendEntriesOf(nested));
  EXPECT_THAT(List(flat), ElementsAre("linux/amd64 c", "linux/arm/v7 a", "linux/s390x b"));
  ASSERT_OK(flat.AppendEntriesOf(nested));  // Again: nothing new.
  EXPECT_EQ(List(flat).size(), 3u);
}

TEST(IndexEditorTest, OneManifestMayServeTwoPlatforms) {
  IndexEditor editor = Start({Entry("a", "linux/amd64"), Entry("a", "linux/386")});
  editor.Append(Entry("a", "linux/386"));
  EXPECT_THAT(List(editor), ElementsAre("linux/amd64 a", "linux/386 a"));
}

TEST(IndexEditorTest, FiltersWithWhatAttestsTheEntriesThatStay) {
  IndexEditor editor =
      Start({Entry("a", "linux/amd64"), Entry("b", "linux/arm64/v8"), Entry("c", "linux/arm/v6"),
             Entry("d", nullptr), Attestation("att-a", "a"), Attestation("att-b", "b")});
  EXPECT_EQ(editor.Filter({*Platform::Parse("linux/arm64"), *Platform::Parse("linux/arm")}), 3u);
  EXPECT_THAT(List(editor),
              ElementsAre("linux/arm64/v8 b", "linux/arm/v6 c", "unknown/unknown att-b"));
  EXPECT_EQ(editor.Filter({*Platform::Parse("linux/riscv64")}), 3u);
  EXPECT_THAT(List(editor), IsEmpty());
}

TEST(IndexEditorTest, ReplacesAnEntryAndKeepsWhatOnlyTheOldOneHad) {
  Descriptor old = Entry("a", "linux/amd64");
  old.annotations = {{"kept", "yes"}, {"both", "old"}};
  old.data = "a";
  IndexEditor editor = Start({old, Attestation("att-a", "a"), Entry("b", "linux/arm64")});
  Descriptor fresh = Entry("n", "linux/amd64/v3");
  fresh.annotations = {{"both", "new"}};
  ASSERT_OK(editor.Replace(Digest::Of("a"), fresh));
  EXPECT_EQ(editor.RemoveOrphans(), 1u);
  EXPECT_THAT(List(editor), ElementsAre("linux/amd64/v3 n", "linux/arm64 b"));
  const Descriptor first = editor.entries()->front();
  EXPECT_THAT(first.annotations, UnorderedElementsAre(Pair("kept", "yes"), Pair("both", "new")));
  EXPECT_EQ(first.data, "");
  EXPECT_THAT(editor.Replace(Digest::Of("a"), fresh), StatusIs(absl::StatusCode::kNotFound));
}

TEST(IndexEditorTest, RemovesEntries) {
  IndexEditor editor = Start({Entry("a", "linux/amd64"), Entry("b", "linux/arm64")});
  ASSERT_OK(editor.Remove(Digest::Of("a")));
  EXPECT_THAT(List(editor), ElementsAre("linux/arm64 b"));
  EXPECT_THAT(editor.Remove(Digest::Of("a")), StatusIs(absl::StatusCode::kNotFound));
}

TEST(IndexEditorTest, AnnotationsGoWhereTheyAreMeant) {
  IndexEditor editor = Start({Entry("a", "linux/amd64"), Entry("b", "linux/arm64")});
  editor.Annotate({{"on", "index"}, {"off", "x"}});
  editor.RemoveAnnotation("off");
  ASSERT_OK(editor.AnnotateEntry(Digest::Of("a"), {{"on", "entry"}, {"off", "x"}}));
  ASSERT_OK(editor.RemoveEntryAnnotation(Digest::Of("a"), "off"));
  EXPECT_THAT(editor.AnnotateEntry(Digest::Of("z"), {}), StatusIs(absl::StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(const Index index, editor.Finish());
  EXPECT_THAT(index.annotations(), ElementsAre(Pair("on", "index")));
  EXPECT_THAT(index.manifests()[0].annotations, ElementsAre(Pair("on", "entry")));
  EXPECT_THAT(index.manifests()[1].annotations, IsEmpty());
  editor.RemoveAnnotation("on");
  ASSERT_OK(editor.RemoveEntryAnnotation(Digest::Of("a"), "on"));
  EXPECT_EQ(editor.Finish()->bytes().find("annotations"), std::string::npos);
}

TEST(IndexEditorTest, SubjectAndArtifactType) {
  IndexEditor editor;
  editor.SetSubject(Entry("a", nullptr));
  editor.SetArtifactType("x/y");
  ASSERT_OK_AND_ASSIGN(const Index index, editor.Finish());
  EXPECT_EQ(index.subject()->digest, Digest::Of("a"));
  EXPECT_EQ(index.artifact_type(), "x/y");
  editor.SetSubject(std::nullopt);
  editor.SetArtifactType("");
  EXPECT_EQ(editor.Finish()->digest().hex(),
            "93e16ab8fb1bfb08f051a420835b414851eaeedb9f7105d26dacb84f26d810b5");
}

TEST(IndexEditorTest, KeepsWhatNobodyModelsAndBytesThatSayTheSame) {
  const std::string bytes = absl::StrCat(
      R"({ "schemaVersion": 2, "x": [1], "manifests": [ {"mediaType": ")", kOciManifest,
      R"(", "size": 1, "digest": ")", Digest::Of("a").ToString(), R"(", "y": true} ] })");
  ASSERT_OK_AND_ASSIGN(const Index base, Index::Parse(bytes));
  ASSERT_OK_AND_ASSIGN(IndexEditor editor, IndexEditor::Create(base));
  EXPECT_EQ(editor.Finish()->bytes(), bytes);
  ASSERT_OK(editor.Replace(Digest::Of("a"), Entry("n", "linux/amd64")));
  const Json changed = Json::parse(editor.Finish()->bytes());
  EXPECT_EQ(changed["x"], Json({1}));
  EXPECT_EQ(changed["manifests"][0]["y"], true);
  EXPECT_EQ(changed["mediaType"], kOciIndex);
}

TEST(IndexEditorTest, KnowsWhatIsNotRun) {
  EXPECT_TRUE(IsAttachment(Attestation("x", "a")));
  EXPECT_TRUE(IsAttachment(Entry("x", "unknown/unknown")));
  Descriptor artifact = Entry("x", nullptr);
  artifact.artifact_type = "application/spdx+json";
  EXPECT_TRUE(IsAttachment(artifact));
  EXPECT_FALSE(IsAttachment(Entry("x", "linux/amd64")));
  EXPECT_FALSE(IsAttachment(Entry("x", nullptr)));
}

}  // namespace
}  // namespace stevedore::oci
