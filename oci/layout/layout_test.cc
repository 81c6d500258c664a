#include "oci/layout/layout.h"

#include <unistd.h>

#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "oci/image/media_type.h"

namespace stevedore::oci {
namespace {

using base::testing::IsOkAndHolds;
using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class LayoutTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(Layout layout, Layout::OpenOrCreate(directory_));
    layout_ = std::move(layout);
  }
  std::string Path(absl::string_view name) { return base::JoinPath(directory_, name); }

  // A document that differs with `text`; a layout does not look inside.
  absl::StatusOr<Descriptor> Put(absl::string_view text, const std::optional<std::string>& name) {
    return layout_->PutManifest(absl::StrCat("{\"x\":\"", text, "\"}"), kOciManifest, name);
  }

  base::TemporaryDirectory temporary_ = *base::TemporaryDirectory::Create();
  const std::string directory_ = base::JoinPath(temporary_.path(), "images");
  std::optional<Layout> layout_;
};

TEST_F(LayoutTest, IsWhatTheSpecDescribes) {
  EXPECT_THAT(base::ReadFile(Path("oci-layout")),
              IsOkAndHolds(std::string("{\"imageLayoutVersion\":\"1.0.0\"}")));
  EXPECT_THAT(
      base::ReadFile(Path("index.json")),
      IsOkAndHolds(std::string("{\"manifests\":[],\"mediaType\":\"application/vnd.oci.image."
                               "index.v1+json\",\"schemaVersion\":2}")));
  ASSERT_OK_AND_ASSIGN(const Digest digest, layout_->PutBlob("hello"));
  EXPECT_THAT(base::ReadFile(Path(absl::StrCat("blobs/sha256/", digest.hex()))),
              IsOkAndHolds(std::string("hello")));
  EXPECT_OK(Layout::Open(directory_));
  EXPECT_OK(Layout::OpenOrCreate(directory_));
}

TEST_F(LayoutTest, StreamsABlobAndNamesItAtTheEnd) {
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<BlobWriter> writer, layout_->StartBlob());
  ASSERT_OK(writer->Write("hel"));
  ASSERT_OK(writer->Write("lo"));
  EXPECT_EQ(writer->size(), 5u);
  EXPECT_FALSE(layout_->HasBlob(Digest::Of("hello")));
  EXPECT_THAT(writer->Commit(), IsOkAndHolds(Digest::Of("hello")));
  EXPECT_THAT(writer->Commit(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_TRUE(layout_->HasBlob(Digest::Of("hello")));
  EXPECT_THAT(layout_->BlobSize(Digest::Of("hello")), IsOkAndHolds(5u));
  EXPECT_THAT(layout_->ReadBlob(Digest::Of("hello")), IsOkAndHolds(std::string("hello")));
  ASSERT_OK_AND_ASSIGN(const auto source, layout_->OpenBlob(Digest::Of("hello")));
  EXPECT_THAT(base::ReadAll(*source, 10), IsOkAndHolds(std::string("hello")));
}

TEST_F(LayoutTest, KeepsNothingOfABlobThatWasNotWhatWasExpected) {
  ASSERT_OK_AND_ASSIGN(std::unique_ptr<BlobWriter> writer, layout_->StartBlob());
  ASSERT_OK(writer->Write("other"));
  EXPECT_THAT(writer->Commit(Digest::Of("hello")), StatusIs(absl::StatusCode::kDataLoss));
  writer.reset();
  EXPECT_FALSE(layout_->HasBlob(Digest::Of("hello")));
  EXPECT_FALSE(layout_->HasBlob(Digest::Of("other")));
  ASSERT_OK(base::RemoveTree(Path(".tmp/none")));
  EXPECT_EQ(rmdir(Path(".tmp").c_str()), 0) << "a temporary file was left";
}

TEST_F(LayoutTest, AdoptsFiles) {
  const std::string file = base::JoinPath(temporary_.path(), "file");
  ASSERT_OK(base::WriteFileAtomically(file, "adopted"));
  ASSERT_OK(layout_->AdoptBlob(Digest::Of("adopted"), file));
  EXPECT_FALSE(base::Exists(file));
  EXPECT_THAT(layout_->ReadBlob(Digest::Of("adopted")), IsOkAndHolds(std::string("adopted")));
  EXPECT_THAT(layout_->AdoptBlob(Digest::Of("x"), file), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(LayoutTest, RefusesBlobsThatAreLinksOrDamaged) {
  const Digest digest = Digest::Of("hello");
  ASSERT_EQ(symlink("/etc/passwd", layout_->BlobPath(digest).c_str()), 0);
  EXPECT_FALSE(layout_->HasBlob(digest));
  EXPECT_THAT(layout_->OpenBlob(digest), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK_AND_ASSIGN(const Digest other, layout_->PutBlob("x"));
  ASSERT_OK(base::WriteFileAtomically(layout_->BlobPath(other), "y"));
  EXPECT_THAT(layout_->ReadBlob(other), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_THAT(layout_->ReadBlob(Digest::Of("none")), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(LayoutTest, NamesMoveAndManifestsKeepAllTheirNames) {
  ASSERT_OK_AND_ASSIGN(const Descriptor one, Put("one", std::nullopt));
  ASSERT_OK_AND_ASSIGN(const Descriptor again, Put("one", std::nullopt));
  EXPECT_EQ(one.digest, again.digest);
  EXPECT_THAT(layout_->ReadIndex()->manifests(), SizeIs(1));
  ASSERT_OK(Put("one", "a/b:1"));
  ASSERT_OK(Put("one", "a/b:latest"));
  EXPECT_THAT(layout_->References(), IsOkAndHolds(ElementsAre("a/b:1", "a/b:latest")));
  EXPECT_THAT(layout_->ReadIndex()->manifests(), SizeIs(2));
  ASSERT_OK_AND_ASSIGN(const Descriptor two, Put("two", "a/b:latest"));
  EXPECT_EQ(layout_->Find("a/b:latest")->digest, two.digest);
  EXPECT_EQ(layout_->Find("a/b:1")->digest, one.digest);
  EXPECT_EQ(layout_->Find(two.digest.ToString())->digest, two.digest);
  EXPECT_THAT(layout_->Find("a/b:2"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("a/b:1, a/b:latest")));
  ASSERT_OK(layout_->RemoveReference("a/b:1"));
  EXPECT_THAT(layout_->References(), IsOkAndHolds(ElementsAre("a/b:latest")));
  EXPECT_THAT(layout_->RemoveReference("a/b:1"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Put("one", ""), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Put("one", "a\nb"), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(LayoutTest, FindsChildrenOfAnIndexByDigest) {
  ASSERT_OK_AND_ASSIGN(const Digest child, layout_->PutBlob("{}"));
  ASSERT_OK_AND_ASSIGN(const Index index,
                       Index::Create({{.media_type = kOciManifest, .digest = child, .size = 2}}));
  ASSERT_OK(layout_->PutManifest(index.bytes(), kOciIndex, "multi"));
  EXPECT_EQ(layout_->Find(child.ToString())->digest, child);
}

TEST_F(LayoutTest, ACorruptIndexIsAnErrorAndStays) {
  ASSERT_OK(base::WriteFileAtomically(Path("index.json"), "{\"manifests\": ["));
  EXPECT_THAT(Put("one", "a"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("index.json is corrupt")));
  EXPECT_THAT(layout_->References(), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(base::ReadFile(Path("index.json")), IsOkAndHolds(std::string("{\"manifests\": [")));
}

TEST_F(LayoutTest, OpensOnlyLayouts) {
  EXPECT_THAT(Layout::Open(Path("none")), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(Layout::Open(temporary_.path()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("oci-layout")));
  ASSERT_OK(base::WriteFileAtomically(Path("oci-layout"), "{\"imageLayoutVersion\":\"2.0.0\"}"));
  EXPECT_THAT(Layout::Open(directory_),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("1.0.0")));
  ASSERT_EQ(unlink(Path("oci-layout").c_str()), 0);
  EXPECT_THAT(Layout::OpenOrCreate(directory_), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(LayoutTest, ThreadsDoNotLoseEachOthersNames) {
  constexpr int kThreads = 4, kEach = 5;
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([this, t] {
        for (int i = 0; i < kEach; ++i) {
          EXPECT_OK(Put(absl::StrCat(t, ".", i), absl::StrCat("n", t, ".", i)));
        }
      });
    }
  }
  EXPECT_THAT(*layout_->References(), SizeIs(kThreads * kEach));
}

}  // namespace
}  // namespace stevedore::oci
