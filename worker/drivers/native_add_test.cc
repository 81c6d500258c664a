#include "worker/drivers/native_add.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_sink.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/testing/status_matchers.h"
#include "context/testing/git_workshop.h"
#include "http/headers.h"
#include "http/testing/loopback_server.h"
#include "oci/image/digest.h"
#include "oci/layer/tar_writer.h"
#include "worker/drivers/native_tree.h"
#include "worker/drivers/tar_layer.h"

namespace stevedore::worker::native {
namespace {

using oci::LayerEntry;
using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Type = LayerEntry::Type;

class TextFile final : public base::RandomReader {
 public:
  explicit TextFile(std::string text) : text_(std::move(text)) {}
  absl::Status ReadAt(uint64_t offset, char* buffer, size_t size) const override {
    if (offset + size > text_.size()) return absl::OutOfRangeError("behind the end");
    text_.copy(buffer, size, offset);
    return absl::OkStatus();
  }

 private:
  const std::string text_;
};

class StringSink final : public base::ByteSink {
 public:
  explicit StringSink(std::string* out) : out_(out) {}
  absl::Status Write(absl::string_view bytes) override {
    absl::StrAppend(out_, bytes);
    return absl::OkStatus();
  }
  absl::Status Close() override { return absl::OkStatus(); }

 private:
  std::string* const out_;
};

LayerEntry Entry(const std::string& path, Type type, const std::string& target = "") {
  LayerEntry entry;
  entry.path = path;
  entry.type = type;
  entry.mode = type == Type::kDirectory ? 0700 : 0640;
  entry.uid = 7;
  entry.gid = 8;
  entry.link_target = target;
  return entry;
}

std::string Tar() {
  std::string bytes;
  StringSink sink(&bytes);
  oci::TarWriter writer(&sink);
  EXPECT_OK(writer.Append(Entry("tmp", Type::kDirectory)));
  EXPECT_OK(writer.Append(Entry("tmp/f", Type::kFile), "content"));
  EXPECT_OK(writer.Append(Entry("lib/x", Type::kFile), "x"));
  EXPECT_OK(writer.Append(Entry("hard", Type::kHardLink, "tmp/f")));
  EXPECT_OK(writer.Append(Entry("soft", Type::kSymlink, "tmp/f")));
  EXPECT_OK(writer.Finish());
  return bytes;
}

TEST(NativeAddTest, KnowsArchivesByContent) {
  const auto is_archive = [](const std::string& text) {
    return IsArchive(TextFile(text), text.size(), {});
  };
  EXPECT_THAT(is_archive(Tar()), IsOkAndHolds(true));
  EXPECT_THAT(is_archive(""), IsOkAndHolds(false));
  EXPECT_THAT(is_archive(std::string(2000, 'x')), IsOkAndHolds(false));
  EXPECT_THAT(is_archive(std::string(2000, '\0')), IsOkAndHolds(false));
  EXPECT_THAT(is_archive("\x1f\x8b damaged"), IsOkAndHolds(false));
  EXPECT_THAT(is_archive("BZh9 damaged"), IsOkAndHolds(false));
}

TEST(NativeAddTest, ExtractsAsTarDoes) {
  FileView below;
  LayerEntry lib = Entry("lib", Type::kSymlink, "usr/lib");
  LayerEntry tmp = Entry("tmp", Type::kDirectory);
  tmp.mode = 01777;
  below.Add(std::make_shared<LayerTree>(
      std::vector<LayerEntry>{lib, tmp, Entry("usr/lib", Type::kDirectory)}, nullptr));
  LayerBuilder layer(&below);
  const std::string bytes = Tar();
  ASSERT_OK_AND_ASSIGN(TarLayer tar,
                       ReadTarLayer(std::make_unique<TextFile>(bytes), bytes.size(), "/", "", {}));
  ASSERT_OK(ExtractArchive(std::move(tar), "id", "/", std::nullopt, layer));
  const std::shared_ptr<const LayerTree> made = layer.Finish();
  std::vector<std::string> entries;
  for (const LayerEntry& entry : made->DescribedEntries()) {
    entries.push_back(absl::StrCat(entry.path, " ", static_cast<int>(entry.type), " ", entry.mode,
                                   " ", entry.uid, " ", entry.link_target));
  }
  const int hard = static_cast<int>(Type::kHardLink);
  EXPECT_THAT(entries, ElementsAre(absl::StrCat("hard ", hard, " 416 7 tmp/f"),
                                   "soft 2 416 7 tmp/f", "tmp 1 448 7 ", "tmp/f 0 416 7 ",
                                   "usr 1 493 0 ", "usr/lib 1 448 7 ", "usr/lib/x 0 416 7 "));
  EXPECT_THAT(FileView::Read(*made->Find("hard"), 100), IsOkAndHolds(std::string("content")));
}

TEST(NativeAddTest, Urls) {
  for (const char* url : {"http://a/b", "HTTPS://a/b.tgz"}) EXPECT_TRUE(IsUrl(url)) << url;
  for (const char* text : {"a", "ftp://a", "git@a:b"}) EXPECT_FALSE(IsUrl(text)) << text;
  for (const char* url : {"git@a:b", "git://a/b", "ssh://a/b", "https://a/b.git#main:x"}) {
    EXPECT_TRUE(IsGitUrl(url)) << url;
  }
  for (const char* url : {"https://a/b", "a.git", "https://a/b.git/c"}) {
    EXPECT_FALSE(IsGitUrl(url)) << url;
  }
}

TEST(NativeAddTest, GitRepositories) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory directory,
                       base::TemporaryDirectory::Create());
  const context::testing::GitWorkshop workshop(directory.path() + "/web");
  workshop.Write("src/a", "first");
  const std::string first = workshop.Commit("one");
  workshop.Git({"tag", "v1"});
  workshop.Write("src/a", "second");
  workshop.Commit("two");
  const auto open = [&](const std::string& fragment, const std::string& checksum = "") {
    return OpenGitSource("file://" + workshop.path() + fragment, checksum,
                         directory.path() + "/cache", {});
  };
  const auto content = [&](const std::string& fragment,
                           const std::string& path) -> absl::StatusOr<std::string> {
    absl::StatusOr<FileView> view = open(fragment);
    if (!view.ok()) return view.status();
    const std::optional<Node> node = view->Find(path);
    return node.has_value() ? FileView::Read(*node, 100) : absl::NotFoundError(path);
  };
  EXPECT_THAT(content("", "src/a"), IsOkAndHolds(std::string("second")));
  EXPECT_THAT(content("#v1:src", "a"), IsOkAndHolds(std::string("first")));
  EXPECT_THAT(content(absl::StrCat("#", first), "src/a"), IsOkAndHolds(std::string("first")));
  EXPECT_OK(open("#v1", first.substr(0, 12)));
  EXPECT_THAT(open("", first), StatusIs(absl::StatusCode::kInvalidArgument,
                                        HasSubstr("the default branch is commit")));
  EXPECT_THAT(open("#none"), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(open("#v1:none"), StatusIs(absl::StatusCode::kNotFound));
}

class DownloadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(server_, http::testing::LoopbackServer::Start([this](auto& connection) {
                           while (true) {
                             const auto request = connection.ReadRequest();
                             if (!request.ok()) return;
                             http::Headers headers;
                             int status = 200;
                             if (request->target == "/moved") {
                               status = 302;
                               headers.Set("Location", "/a/file.txt?x=1");
                             } else if (request->target == "/loop") {
                               status = 301;
                               headers.Set("Location", "/loop");
                             } else if (request->target == "/none") {
                               status = 404;
                             } else if (request->target == "/busy" && ++busy_ < 3) {
                               status = 503;
                             } else if (request->target == "/secret") {
                               status = 401;
                             }
                             if (!connection.Answer(status, headers, "content").ok()) return;
                           }
                         }));
  }
  absl::StatusOr<LooseFile> Get(const std::string& path, const std::string& checksum = "") {
    return Download(server_->url() + path, checksum, "", {});
  }

  std::atomic<int> busy_ = 0;
  std::unique_ptr<http::testing::LoopbackServer> server_;
};

TEST_F(DownloadTest, FollowsAndNames) {
  for (const char* path : {"/a/file.txt?q", "/moved", "/busy"}) {
    ASSERT_OK_AND_ASSIGN(const LooseFile file, Get(path));
    EXPECT_EQ(file.size, 7u);
    EXPECT_EQ(file.mode, 0600u);
    LayerEntry entry;
    entry.size = file.size;
    EXPECT_THAT(FileView::Read(Node{&entry, &file.contents, false}, 100),
                IsOkAndHolds(std::string("content")));
  }
  EXPECT_EQ(Get("/a/file.txt?q")->name, "file.txt");
  EXPECT_EQ(Get("/")->name, "");
}

TEST_F(DownloadTest, VerifiesAndRefuses) {
  EXPECT_OK(Get("/x", oci::Digest::Of("content").ToString()));
  EXPECT_THAT(Get("/x", oci::Digest::Of("other").ToString()),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("what came is sha256:")));
  EXPECT_THAT(Get("/x", "md5:1"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Get("/none"), StatusIs(absl::StatusCode::kNotFound, HasSubstr("404")));
  EXPECT_THAT(Get("/secret"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("401")));
  EXPECT_THAT(Get("/loop"), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("redirects")));
  EXPECT_THAT(Download("ftp://a/b", "", "", {}), StatusIs(absl::StatusCode::kInvalidArgument));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(Download(server_->url() + "/x", "", "", stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled));
}

}  // namespace
}  // namespace stevedore::worker::native
