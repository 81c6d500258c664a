#include "worker/drivers/assemble.h"

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "context/tree.h"
#include "oci/image/media_type.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_contents.h"
#include "transfer/image_sink.h"
#include "transfer/image_source.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {
namespace {

using base::testing::StatusIs;
using context::MemoryTree;
using context::TreeEntry;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

// Keeps blobs by digest; knows how many were written. Thread-safe.
class RecordingSink final : public transfer::ImageSink {
 public:
  absl::StatusOr<bool> HasBlob(const oci::Digest& digest, std::stop_token) override {
    base::MutexLock lock(&mu_);
    return blobs_.count(digest) != 0;
  }
  absl::StatusOr<std::unique_ptr<transfer::BlobUpload>> StartBlob(std::stop_token) override {
    return std::make_unique<Upload>(this);
  }
  absl::Status PutBlob(const oci::Descriptor&, const transfer::BlobOpener&,
                       std::stop_token) override {
    return absl::InternalError("drivers stream their blobs");
  }
  absl::StatusOr<bool> MountBlob(const oci::Digest&, const std::string&, std::stop_token) override {
    return absl::InternalError("mounting is the caller's");
  }
  absl::Status AdoptBlobFile(const oci::Descriptor&, const std::string&, std::stop_token) override {
    return absl::InternalError("drivers stream their blobs");
  }
  absl::StatusOr<oci::Digest> PutManifest(const std::string&, absl::string_view, const std::string&,
                                          std::stop_token) override {
    return absl::InternalError("publishing is the caller's");
  }
  std::string Describe() const override { return "memory"; }

  std::map<oci::Digest, std::string> blobs() {
    base::MutexLock lock(&mu_);
    return blobs_;
  }
  void Forget() {
    base::MutexLock lock(&mu_);
    blobs_.clear();
  }

 private:
  class Upload final : public transfer::BlobUpload {
   public:
    explicit Upload(RecordingSink* sink) : sink_(sink) {}
    absl::Status Write(absl::string_view bytes) override {
      bytes_.append(bytes.data(), bytes.size());
      return absl::OkStatus();
    }
    absl::Status Close() override { return absl::OkStatus(); }
    absl::StatusOr<oci::Descriptor> Commit(const std::optional<oci::Digest>& expected) override {
      const oci::Digest digest = oci::Digest::Of(bytes_);
      if (expected.has_value() && *expected != digest) return absl::DataLossError("other bytes");
      base::MutexLock lock(&sink_->mu_);
      sink_->blobs_[digest] = bytes_;
      return oci::Descriptor{.media_type = "", .digest = digest, .size = bytes_.size()};
    }

   private:
    RecordingSink* const sink_;
    std::string bytes_;
  };

  base::Mutex mu_;
  std::map<oci::Digest, std::string> blobs_ ABSL_GUARDED_BY(mu_);
};

// What a RecordingSink has, for reading. Thread-safe.
class RecordedSource final : public transfer::ImageSource {
 public:
  explicit RecordedSource(RecordingSink* sink) : sink_(sink) {}

  absl::StatusOr<transfer::RawManifest> GetManifest(const std::string&, std::stop_token) override {
    return absl::InternalError("manifests of parents are in the request");
  }
  absl::StatusOr<std::optional<oci::Descriptor>> HeadManifest(const std::string&,
                                                              std::stop_token) override {
    return absl::InternalError("manifests of parents are in the request");
  }
  absl::StatusOr<std::unique_ptr<base::ByteSource>> OpenBlob(const oci::Descriptor& blob,
                                                             std::stop_token) override {
    ++opened_;
    return std::make_unique<base::StringSource>(sink_->blobs()[blob.digest]);
  }
  std::string Describe() const override { return "memory"; }
  int opened() const { return opened_; }

 private:
  RecordingSink* const sink_;
  std::atomic<int> opened_ = 0;
};

// One repository for all. Thread-safe.
class OneRepository final : public RepositoryProvider {
 public:
  explicit OneRepository(std::shared_ptr<RecordedSource> source) : source_(std::move(source)) {}
  absl::StatusOr<Repository> Open(const oci::Reference&) override {
    return Repository{.source = source_, .sink = nullptr, .mount_domain = ""};
  }

 private:
  const std::shared_ptr<RecordedSource> source_;
};

class AssembleTest : public testing::Test {
 protected:
  std::vector<MemoryTree::Item> Files() {
    return {{.path = "public/index.html", .content = std::string(100000, 'x')},
            {.path = "public/run", .content = "#!", .mode = 0755},
            {.path = "public/link", .content = "index.html", .type = TreeEntry::Type::kSymlink},
            {.path = "conf", .content = "x"}};
  }

  // Path to mode of what is in a layer.
  using Entries = std::map<std::string, uint32_t>;
  Entries EntriesOf(const oci::Descriptor& layer) {
    Entries entries;
    const auto opened = oci::OpenDecompressed(
        std::make_unique<base::StringSource>(sink_.blobs()[layer.digest]), {});
    EXPECT_OK(opened);
    if (!opened.ok()) return entries;
    const auto read = oci::ReadTarEntries(*opened->source);
    EXPECT_OK(read);
    if (!read.ok()) return entries;
    for (const oci::LayerEntry& entry : *read) entries[entry.path] = entry.mode;
    return entries;
  }

  BuildRequest Request(const std::string& options) {
    BuildRequest request;
    request.id = "web:1.0";
    request.reference = "localhost:5000/shop/web:1.0";
    request.source = "images/web.yaml:12";
    request.platform = *oci::Platform::Parse("linux/amd64");
    request.options_json = options;
    request.context = std::shared_ptr<const context::Tree>(*MemoryTree::Create(Files()));
    request.output = &sink_;
    return request;
  }

  absl::StatusOr<BuiltImage> Build(const BuildRequest& request, int threads = 2,
                                   std::stop_token stop = {}) {
    AssembleDriver driver({.budget = &budget_,
                           .threads = threads,
                           .cache_directory = cache_directory_,
                           .repositories = &repositories_,
                           .registries = nullptr,
                           .credentials = nullptr,
                           .scratch_directory = ""});
    return driver.Build(request, stop);
  }

  oci::Image Built(const std::string& options) {
    absl::StatusOr<BuiltImage> built = Build(Request(options));
    EXPECT_OK(built);
    return built.ok() ? built->image : oci::Image();
  }

  base::TemporaryDirectory temporary_ = *base::TemporaryDirectory::Create();
  std::string cache_directory_;
  base::MemoryBudget budget_{256 << 20};
  RecordingSink sink_;
  const std::shared_ptr<RecordedSource> source_ = std::make_shared<RecordedSource>(&sink_);
  OneRepository repositories_{source_};
};

constexpr char kWww[] = R"({"layers":[{"from":"public","to":"/srv/www"}]})";

TEST_F(AssembleTest, MakesAnImageOfFilesAndConfig) {
  BuildRequest request = Request(R"({
      "layers": [{"from": "public", "to": "/srv/www"}, {"from": "conf", "to": "/etc/conf"}],
      "config": {"entrypoint": ["/bin/httpd"], "cmd": ["-f"], "env": {"PORT": "8080", "A": "1"},
                 "user": "1000", "working_dir": "/srv/www", "labels": {"team": "shop"},
                 "exposed_ports": ["8080/tcp"], "volumes": ["/data"], "stop_signal": "SIGTERM"},
      "compression": "none"})");
  request.labels["team"] = "overridden";
  request.labels["from"] = "definition";
  ASSERT_OK_AND_ASSIGN(const BuiltImage built, Build(request));
  const oci::ImageConfig& config = built.image.config;
  EXPECT_THAT(*config.entrypoint(), ElementsAre("/bin/httpd"));
  EXPECT_THAT(*config.cmd(), ElementsAre("-f"));
  EXPECT_THAT(config.env(), ElementsAre("A=1", "PORT=8080"));
  EXPECT_EQ(config.user(), "1000");
  EXPECT_EQ(config.working_dir(), "/srv/www");
  EXPECT_EQ(config.stop_signal(), "SIGTERM");
  EXPECT_THAT(config.labels(), ElementsAre(Pair("from", "definition"), Pair("team", "shop")));
  EXPECT_THAT(config.exposed_ports(), ElementsAre("8080/tcp"));
  EXPECT_THAT(config.volumes(), ElementsAre("/data"));
  EXPECT_EQ(config.created(), "");
  EXPECT_THAT(config.history(), SizeIs(2));
  EXPECT_THAT(built.inherited, IsEmpty());
  // Uncompressed: the blob is the tar, so its digest is the diff id.
  ASSERT_THAT(built.image.manifest.layers(), SizeIs(2));
  const oci::Descriptor& layer = built.image.manifest.layers()[0];
  EXPECT_EQ(layer.media_type, oci::kOciLayer);
  EXPECT_EQ(layer.digest, config.diff_ids()[0]);
  EXPECT_EQ(sink_.blobs()[layer.digest].size(), layer.size);
  EXPECT_EQ(built.new_layer_bytes, layer.size + built.image.manifest.layers()[1].size);
}

TEST_F(AssembleTest, AParentContributesLayersHistoryAndConfig) {
  const oci::Image base = Built(R"({"layers":[{"from":"conf","to":"/etc/conf"}],
      "config":{"env":{"PATH":"/bin","LANG":"C"},"cmd":["/bin/sh"],"user":"7"}})");
  BuildRequest request = Request(R"({"layers":[{"from":"public","to":"/srv/www"}],
      "config":{"env":{"Z":"1","B":"2","LANG":"D"},"entrypoint":["/x"]}})");
  request.parents = {{.id = "base:1", .reference = "r/base:1", .image = base}};
  ASSERT_OK_AND_ASSIGN(const BuiltImage built, Build(request));
  const oci::ImageConfig& config = built.image.config;
  ASSERT_THAT(config.diff_ids(), SizeIs(2));
  EXPECT_EQ(config.diff_ids()[0], base.config.diff_ids()[0]);
  EXPECT_EQ(config.history()[0].created_by, base.config.history()[0].created_by);
  // The parent's order, replaced in place; new keys sorted behind.
  EXPECT_THAT(config.env(), ElementsAre("LANG=D", "PATH=/bin", "B=2", "Z=1"));
  EXPECT_EQ(config.user(), "7");
  EXPECT_FALSE(config.cmd().has_value());
  ASSERT_THAT(built.inherited, SizeIs(1));
  EXPECT_EQ(built.inherited[0].descriptor.digest, base.manifest.layers()[0].digest);
  EXPECT_EQ(built.inherited[0].parent, 0);
}

TEST_F(AssembleTest, FoldersAboveStayAsTheBaseHasThemAndLinksAreFollowed) {
  std::vector<MemoryTree::Item> items = Files();
  items.push_back({.path = "lib", .content = "usr/lib", .type = TreeEntry::Type::kSymlink});
  items.push_back({.path = "empty", .content = "", .type = TreeEntry::Type::kDirectory});
  const std::shared_ptr<const context::Tree> tree(*MemoryTree::Create(std::move(items)));
  BuildRequest first = Request(R"({"layers":[
      {"from":"empty","to":"/tmp","dir_mode":"1777"}, {"from":"empty","to":"/usr/lib"},
      {"from":"lib","to":"/lib"}]})");
  first.context = tree;
  ASSERT_OK_AND_ASSIGN(const BuiltImage built_base, Build(first));
  const oci::Image& base = built_base.image;
  const auto build = [&](const std::string& layer) {
    BuildRequest request = Request(absl::StrCat(R"({"layers":[)", layer, "]}"));
    request.context = tree;
    request.parents = {{.id = "base:1", .reference = "r/base:1", .image = base}};
    const absl::StatusOr<BuiltImage> built = Build(request);
    EXPECT_OK(built);
    return built.ok() ? EntriesOf(built->image.manifest.layers().back()) : Entries();
  };
  EXPECT_THAT(
      build(R"({"from":"public","to":"/tmp/x"})"),
      UnorderedElementsAre(Pair("tmp", 01777), Pair("tmp/x", 0755), Pair("tmp/x/index.html", 0644),
                           Pair("tmp/x/run", 0755), Pair("tmp/x/link", 0777)));
  EXPECT_THAT(build(R"({"from":"conf","to":"/lib/conf"})"),
              UnorderedElementsAre(Pair("usr/lib", 0755), Pair("usr/lib/conf", 0644)));
  EXPECT_THAT(build(R"({"from":"empty","to":"/lib"})"),
              UnorderedElementsAre(Pair("usr/lib", 0755)));
  // Layers of this image count as well.
  EXPECT_THAT(build(R"({"from":"empty","to":"/a","dir_mode":"0700"},{"from":"conf","to":"/a/b/"})"),
              UnorderedElementsAre(Pair("a", 0700), Pair("a/b", 0755), Pair("a/b/conf", 0644)));
  // Who puts nothing below a folder does not read the base.
  const int before = source_->opened();
  EXPECT_THAT(build(R"({"from":"conf","to":"/srv/"})"),
              UnorderedElementsAre(Pair("srv", 0755), Pair("srv/conf", 0644)));
  EXPECT_EQ(source_->opened(), before);
}

TEST_F(AssembleTest, LayersOfAnotherImageComeOnce) {
  const oci::Image base = Built(R"({"layers":[{"from":"conf","to":"/etc/conf"}]})");
  const auto child = [&](const std::string& options) {
    BuildRequest request = Request(options);
    request.parents = {{.id = "base:1", .reference = "r/base:1", .image = base}};
    return Build(request)->image;
  };
  const oci::Image httpd = child(R"({"layers":[{"from":"public/run","to":"/bin/"}]})");
  const oci::Image assets = child(R"({"layers":[{"from":"public/index.html","to":"/i"}]})");
  BuildRequest request =
      Request(R"({"layers":[{"image":{"assets":"1"}},{"from":"conf","to":"/last"}]})");
  request.parents = {{.id = "httpd:1", .reference = "r/httpd:1", .image = httpd},
                     {.id = "assets:1", .reference = "r/assets:1", .image = assets}};
  // The plan names layer images by id; the definition by name and version.
  request.options_json = R"({"layers":[{"image":"assets:1"},{"from":"conf","to":"/last"}]})";
  ASSERT_OK_AND_ASSIGN(const BuiltImage built, Build(request));
  ASSERT_THAT(built.image.config.diff_ids(), SizeIs(4));
  EXPECT_EQ(built.image.config.diff_ids()[0], base.config.diff_ids()[0]);
  EXPECT_EQ(built.image.config.diff_ids()[1], httpd.config.diff_ids()[1]);
  EXPECT_EQ(built.image.config.diff_ids()[2], assets.config.diff_ids()[1]);
  ASSERT_THAT(built.inherited, SizeIs(3));
  EXPECT_EQ(built.inherited[2].parent, 1);
  request.parents.pop_back();
  EXPECT_THAT(Build(request),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("parents are httpd:1")));
}

TEST_F(AssembleTest, NamesPlaceCauseAndRemedy) {
  EXPECT_THAT(
      Build(Request(R"({"layers":[{"from":"conf"},{"from":"pubic","to":"/srv"}]})")),
      StatusIs(absl::StatusCode::kNotFound,
               testing::AllOf(HasSubstr("images/web.yaml:12: image web:1.0: options.layers[1]"),
                              HasSubstr("`conf`, `public`"))));
  EXPECT_THAT(Build(Request(R"({"layers":[{"tar":"public"}]})")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("tar archive")));
  EXPECT_THAT(Build(Request(R"({"layers":[{"tar":"none.tar"}]})")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("`conf`")));
  EXPECT_THAT(Build(Request(R"({"compression":"lzma"})")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("compression")));
  BuildRequest no_context = Request(kWww);
  no_context.context = nullptr;
  EXPECT_THAT(Build(no_context),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("no context")));
  BuildRequest other_platform = Request("{}");
  other_platform.parents = {{.id = "base:1", .reference = "r/base:1", .image = Built("{}")}};
  other_platform.platform = *oci::Platform::Parse("linux/arm64");
  EXPECT_THAT(Build(other_platform),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("base:1")));
  EXPECT_THAT(sink_.blobs(), IsEmpty());
}

TEST_F(AssembleTest, TheResultDoesNotDependOnThreads) {
  const BuildRequest request = Request(
      R"({"layers":[{"from":"public","to":"/a"},{"from":"public","to":"/b"},{"from":".","to":"/c"}]})");
  ASSERT_OK_AND_ASSIGN(const BuiltImage one, Build(request, 1));
  ASSERT_OK_AND_ASSIGN(const BuiltImage eight, Build(request, 8));
  EXPECT_EQ(one.image.manifest.digest(), eight.image.manifest.digest());
}

TEST_F(AssembleTest, KnownLayersAreNotMadeAgain) {
  cache_directory_ = temporary_.path();
  ASSERT_OK_AND_ASSIGN(const BuiltImage first, Build(Request(kWww)));
  EXPECT_GT(first.new_layer_bytes, 0u);
  ASSERT_OK_AND_ASSIGN(const BuiltImage again, Build(Request(kWww)));
  EXPECT_EQ(again.new_layer_bytes, 0u);
  EXPECT_EQ(again.image.manifest.digest(), first.image.manifest.digest());
  // The cache says how the layer is called, not that it is there.
  sink_.Forget();
  ASSERT_OK_AND_ASSIGN(const BuiltImage elsewhere, Build(Request(kWww)));
  EXPECT_EQ(elsewhere.new_layer_bytes, first.new_layer_bytes);
  EXPECT_THAT(sink_.blobs(), SizeIs(1));
  ASSERT_OK_AND_ASSIGN(
      const BuiltImage zstd,
      Build(Request(R"({"layers":[{"from":"public","to":"/srv/www"}],"compression":"zstd"})")));
  EXPECT_EQ(zstd.image.manifest.layers()[0].media_type, oci::kOciLayerZstd);
}

TEST_F(AssembleTest, ATarIsRewrittenUnlessVerbatim) {
  // Layers made before serve as tars, plain and compressed.
  const auto blob = [&](const std::string& compression) {
    const oci::Image image = Built(absl::StrCat(
        R"({"layers":[{"from":"public","to":"/d"}],"compression":")", compression, "\"}"));
    return sink_.blobs()[image.manifest.layers()[0].digest];
  };
  const std::string plain = blob("none");
  std::vector<MemoryTree::Item> items = {{.path = "a.tar", .content = plain},
                                         {.path = "a.tar.gz", .content = blob("gzip")},
                                         {.path = "a.tar.zst", .content = blob("zstd")},
                                         {.path = "bad.tar", .content = "not a tar"}};
  const std::shared_ptr<const context::Tree> tree(*MemoryTree::Create(items));
  const auto diff_id = [&](const std::string& layer) -> absl::StatusOr<oci::Digest> {
    BuildRequest request = Request(absl::StrCat("{\"layers\":[", layer, "]}"));
    request.context = tree;
    ASSIGN_OR_RETURN(const BuiltImage built, Build(request));
    return built.image.config.diff_ids()[0];
  };
  for (const char* layer :
       {R"({"tar":"a.tar"})", R"({"tar":"a.tar.gz"})", R"({"tar":"a.tar.zst"})",
        R"({"tar":"a.tar","verbatim":true})", R"({"tar":"a.tar.zst","verbatim":true})"}) {
    ASSERT_OK_AND_ASSIGN(const oci::Digest digest, diff_id(layer));
    EXPECT_EQ(digest, oci::Digest::Of(plain)) << layer;
  }
  // Below /e it is the same as a folder that holds its content.
  BuildRequest below = Request(R"({"layers":[{"from":"w","to":"/e"}],"compression":"none"})");
  std::vector<MemoryTree::Item> moved = Files();
  for (MemoryTree::Item& item : moved) item.path.replace(0, item.path.find('/'), "w/d");
  moved.pop_back();
  below.context = std::shared_ptr<const context::Tree>(*MemoryTree::Create(moved));
  ASSERT_OK_AND_ASSIGN(const BuiltImage expected, Build(below));
  ASSERT_OK_AND_ASSIGN(const oci::Digest digest, diff_id(R"({"tar":"a.tar","to":"/e"})"));
  EXPECT_EQ(digest, expected.image.config.diff_ids()[0]);
  EXPECT_FALSE(diff_id(R"({"tar":"bad.tar"})").ok());
  EXPECT_FALSE(diff_id(R"({"tar":"bad.tar","verbatim":true})").ok());
}

TEST_F(AssembleTest, CreatedIsTheSourceDate) {
  BuildRequest request = Request(kWww);
  request.source_date_epoch = 1700000000;
  ASSERT_OK_AND_ASSIGN(const BuiltImage built, Build(request));
  EXPECT_EQ(built.image.config.created(), "2023-11-14T22:13:20Z");
  EXPECT_NE(built.image.config.diff_ids()[0], Built(kWww).config.diff_ids()[0]);
}

TEST_F(AssembleTest, StopsWhenTold) {
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THAT(Build(Request(kWww), 2, stop.get_token()), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(sink_.blobs(), IsEmpty());
}

TEST_F(AssembleTest, TellsHowFarItIs) {
  BuildRequest request = Request(kWww);
  std::vector<std::string> lines;
  request.log = [&lines](absl::string_view line) { lines.emplace_back(line); };
  ASSERT_OK(Build(request, 1));
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("from: public"));
}

}  // namespace
}  // namespace stevedore::worker
