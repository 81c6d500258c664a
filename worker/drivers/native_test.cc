#include "worker/drivers/native.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/file.h"
#include "base/memory_budget.h"
#include "base/mutex.h"
#include "base/testing/status_matchers.h"
#include "context/tree.h"
#include "oci/image/image_config.h"
#include "oci/image/manifest.h"
#include "oci/image/reference.h"
#include "oci/layer/decompress.h"
#include "oci/layer/tar_reader.h"
#include "oci/layout/layout.h"
#include "transfer/image_sink.h"
#include "worker/executor.h"
#include "worker/layout_provider.h"
#include "worker/publish.h"

namespace stevedore::worker {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Item = context::MemoryTree::Item;

class NativeTest : public ::testing::Test {
 protected:
  // A context with this Dockerfile and a few files.
  std::shared_ptr<const context::Tree> Context(const std::string& dockerfile) {
    std::vector<Item> items = {
        {"Dockerfile", dockerfile},
        {"a.txt", "a"},
        {"b.txt", "b"},
        {"dir/one.c", "1"},
        {"dir/one.h", "2"},
        {"dir/sub/two.c", "3"},
        {"dir/sub/two.h", "4"},
        {"run", "r", context::TreeEntry::Type::kFile, 0755},
        {"passwd", "app:x:1000:1001::/:"},
        {"group", "staff:x:50:"},
    };
    return context::MemoryTree::Create(std::move(items)).value();
  }

  absl::StatusOr<BuiltImage> Build(const std::string& dockerfile, const std::string& options = "{}",
                                   std::vector<ParentImage> parents = {},
                                   std::map<std::string, std::string> arguments = {}) {
    DriverResources resources;
    resources.budget = &budget_;
    resources.threads = 2;
    resources.cache_directory = directory_.path() + "/cache";
    resources.repositories = &provider_;
    NativeDriver driver(resources);
    const oci::Reference reference = oci::Reference::Parse("r.test/app:1").value();
    const Repository target = provider_.Open(reference).value();
    BuildRequest request;
    request.id = "app:1";
    request.reference = "r.test/app:1";
    request.platform = oci::Platform::Parse("linux/amd64").value();
    request.options_json = options;
    request.context = Context(dockerfile);
    request.parents = std::move(parents);
    request.arguments = std::move(arguments);
    request.output = target.sink.get();
    request.log = [this](absl::string_view line) {
      base::MutexLock lock(&mu_);
      absl::StrAppend(&log_, line, "\n");
    };
    return driver.Build(request, {});
  }

  // Builds and stores the image under `name`, so that it can be a base.
  ParentImage Store(const std::string& dockerfile, const std::string& name) {
    const absl::StatusOr<BuiltImage> built = Build(dockerfile);
    EXPECT_OK(built);
    const oci::Reference reference = oci::Reference::Parse(name).value();
    const Repository target = provider_.Open(reference).value();
    RunMonitor monitor;
    EXPECT_OK(Publish(*built, target, built->other_places, monitor, {}));
    EXPECT_OK(target.sink->PutManifest(reference.tag(), built->image.manifest.bytes(),
                                       built->image.manifest.media_type()));
    return ParentImage{"parent:1", name, built->image};
  }

  // "path mode uid:gid content|-> link" of each entry of each layer; layers by "--".
  std::vector<std::string> Entries(const absl::StatusOr<BuiltImage>& built) {
    std::vector<std::string> entries;
    if (!built.ok()) return {std::string(built.status().message())};
    for (const oci::Descriptor& layer : built->image.manifest.layers()) {
      if (!entries.empty()) entries.push_back("--");
      const auto opened = oci::OpenDecompressed(layout_.OpenBlob(layer.digest).value());
      EXPECT_OK(opened);
      oci::TarReader reader(opened->source.get());
      while (true) {
        const auto next = reader.Next();
        EXPECT_OK(next);
        if (!next.ok() || !next->has_value()) break;
        const oci::LayerEntry& entry = (*next)->entry;
        const bool directory = entry.type == oci::LayerEntry::Type::kDirectory;
        entries.push_back(
            absl::StrCat(entry.path, directory ? "/" : "", " ", absl::StrFormat("%o", entry.mode),
                         " ", entry.uid, ":", entry.gid, directory ? "" : " ",
                         entry.link_target.empty() ? base::ReadAll(reader.Content(), 1000).value()
                                                   : absl::StrCat("-> ", entry.link_target)));
      }
    }
    return entries;
  }
  std::vector<std::string> EntriesOf(const std::string& instructions) {
    return Entries(Build(absl::StrCat("FROM scratch\n", instructions)));
  }

  base::TemporaryDirectory directory_ = base::TemporaryDirectory::Create().value();
  oci::Layout layout_ = oci::Layout::OpenOrCreate(directory_.path() + "/layout").value();
  LayoutProvider provider_{&layout_};
  base::MemoryBudget budget_{256 << 20};
  base::Mutex mu_;
  std::string log_ ABSL_GUARDED_BY(mu_);
};

TEST_F(NativeTest, FilesAndConfig) {
  const auto built = Build(
      "FROM scratch\nENV A=1\nCOPY a.txt run /x/\nWORKDIR /w\nCMD [\"/x/run\"]\nLABEL l=$A\n");
  EXPECT_THAT(Entries(built), ElementsAre("x/ 755 0:0", "x/a.txt 644 0:0 a", "x/run 755 0:0 r",
                                          "--", "w/ 755 0:0"));
  ASSERT_OK(built);
  const oci::ImageConfig& config = built->image.config;
  EXPECT_THAT(
      config.env(),
      ElementsAre("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "A=1"));
  EXPECT_THAT(*config.cmd(), ElementsAre("/x/run"));
  EXPECT_EQ(config.working_dir(), "/w");
  EXPECT_EQ(config.labels().at("l"), "1");
  std::vector<std::string> steps;
  for (const oci::HistoryEntry& step : config.history()) {
    steps.push_back(absl::StrCat(step.empty_layer ? "- " : "+ ", step.created_by));
  }
  EXPECT_THAT(steps, ElementsAre("- ENV A=1", "+ COPY a.txt run /x/", "+ WORKDIR /w",
                                 "- CMD [\"/x/run\"]", "- LABEL l=1"));
}

TEST_F(NativeTest, TwiceTheSame) {
  const std::string dockerfile = "FROM scratch\nCOPY dir /d\nCOPY a.txt /\n";
  ASSERT_OK_AND_ASSIGN(const BuiltImage first, Build(dockerfile));
  ASSERT_OK_AND_ASSIGN(const BuiltImage second, Build(dockerfile));
  EXPECT_EQ(first.image.manifest.digest(), second.image.manifest.digest());
  EXPECT_GT(first.new_layer_bytes, 0u);
  EXPECT_EQ(second.new_layer_bytes, 0u);  // The layer cache.
}

TEST_F(NativeTest, Heredocs) {
  EXPECT_THAT(EntriesOf("ENV W=world\nCOPY <<A <<-'B' /h/\nhello $W \"q\"\nA\n\t$W\n\tB\n"),
              ElementsAre("h/ 755 0:0", "h/A 644 0:0 hello world \"q\"\n", "h/B 644 0:0 $W\n"));
  EXPECT_THAT(EntriesOf("COPY --chmod=755 --chown=3 <<EOF /bin/x\n#!\nEOF\n"),
              ElementsAre("bin/ 755 3:3", "bin/x 755 3:3 #!\n"));
}

TEST_F(NativeTest, Excludes) {
  EXPECT_THAT(
      EntriesOf("COPY --exclude=**/*.h dir /d\n"),
      ElementsAre("d/ 755 0:0", "d/one.c 644 0:0 1", "d/sub/ 755 0:0", "d/sub/two.c 644 0:0 3"));
  EXPECT_THAT(EntriesOf("COPY --exclude=sub --exclude=*.h dir /d\n"),
              ElementsAre("d/ 755 0:0", "d/one.c 644 0:0 1"));
  EXPECT_THAT(EntriesOf("COPY --exclude=b* *.txt /d/\n"),
              ElementsAre("d/ 755 0:0", "d/a.txt 644 0:0 a"));
}

TEST_F(NativeTest, Parents) {
  EXPECT_THAT(EntriesOf("COPY --parents dir/sub/two.c a.txt /p/\n"),
              ElementsAre("p/ 755 0:0", "p/a.txt 644 0:0 a", "p/dir/ 755 0:0", "p/dir/sub/ 755 0:0",
                          "p/dir/sub/two.c 644 0:0 3"));
  EXPECT_THAT(EntriesOf("COPY --parents dir/./sub/*.h /p/\n"),
              ElementsAre("p/ 755 0:0", "p/sub/ 755 0:0", "p/sub/two.h 644 0:0 4"));
  EXPECT_THAT(EntriesOf("COPY --parents dir/sub /p/\n"),
              ElementsAre("p/ 755 0:0", "p/dir/ 755 0:0", "p/dir/sub/ 755 0:0",
                          "p/dir/sub/two.c 644 0:0 3", "p/dir/sub/two.h 644 0:0 4"));
}

TEST_F(NativeTest, LinkedCopiesDoNotLookBelow) {
  const std::string base = "COPY passwd /etc/passwd\nCOPY --chown=app a.txt /d/\n";
  EXPECT_THAT(EntriesOf(base + "COPY b.txt /d/\n").back(), "d/b.txt 644 0:0 b");
  const std::vector<std::string> entries = EntriesOf(base + "COPY --link b.txt /d/\n");
  ASSERT_GE(entries.size(), 3u);
  EXPECT_EQ(entries[entries.size() - 2], "d/ 755 0:0");
  EXPECT_EQ(entries.back(), "d/b.txt 644 0:0 b");
}

TEST_F(NativeTest, SymbolicModes) {
  EXPECT_THAT(
      EntriesOf("COPY --chmod=u=rwX,go= dir/sub run /m/\n"),
      ElementsAre("m/ 755 0:0", "m/run 700 0:0 r", "m/two.c 600 0:0 3", "m/two.h 600 0:0 4"));
}

TEST_F(NativeTest, ParentsOfTheDefinition) {
  const ParentImage parent =
      Store("FROM scratch\nCOPY passwd group /etc/\nCOPY a.txt /d/\nENV B=1\nCMD [\"x\"]\n",
            "r.test/base:1");
  const auto built = Build(
      "ARG image_from\nFROM ${image_from}\nCOPY --chown=app:staff a.txt /d/new\n"
      "COPY --from=r.test/base:1 /etc/group /g\nENTRYPOINT [\"e\"]\n",
      "{}", {parent}, {{"image_from", "r.test/base:1"}});
  const std::vector<std::string> entries = Entries(built);
  ASSERT_OK(built);
  EXPECT_EQ(entries[entries.size() - 3], "d/new 644 1000:50 a");
  EXPECT_EQ(entries.back(), "g 644 0:0 staff:x:50:");
  ASSERT_EQ(built->inherited.size(), 2u);
  EXPECT_EQ(built->inherited[0].parent, 0);
  EXPECT_THAT(built->other_places, IsEmpty());
  EXPECT_FALSE(built->image.config.cmd().has_value());
  EXPECT_THAT(built->image.config.env().back(), "B=1");
  // By digest, as pinned arguments name it.
  const std::string pinned =
      absl::StrCat("r.test/base:1@", parent.image.manifest.digest().ToString());
  EXPECT_OK(
      Build("ARG image_from\nFROM ${image_from}\n", "{}", {parent}, {{"image_from", pinned}}));
}

TEST_F(NativeTest, ImagesMadeElsewhere) {
  Store("FROM scratch\nCOPY a.txt /\nONBUILD COPY b.txt /from-trigger\n", "r.test/other:1");
  const auto built = Build("FROM r.test/other:1\n");
  EXPECT_EQ(Entries(built).back(), "from-trigger 644 0:0 b");
  ASSERT_OK(built);
  ASSERT_EQ(built->other_places.size(), 1u);
  EXPECT_EQ(built->inherited[0].parent, 0);  // The first after no parents.
  EXPECT_EQ(built->image.manifest.annotations().at("org.opencontainers.image.base.name"),
            "r.test/other:1");
  base::MutexLock lock(&mu_);
  EXPECT_THAT(log_, HasSubstr("image r.test/other:1 is r.test/other:1@sha256:"));
}

struct Wrong {
  const char* dockerfile;
  absl::StatusCode code;
  const char* text;
};

TEST_F(NativeTest, SaysWhatIsWrong) {
  using Code = absl::StatusCode;
  const std::vector<Wrong> wrongs = {
      {"FROM scratch\nRUN x\n", Code::kUnimplemented,
       "Dockerfile:2: RUN in stage 0, which the build needs: driver native runs no commands; use "
       "driver docker or buildkit"},
      {"FROM scratch AS a\nRUN x\nFROM scratch\nCOPY --from=a / /\n", Code::kUnimplemented,
       "Dockerfile:2: RUN in stage a"},
      {"FROM scratch\nONBUILD RUN x\nFROM r.test/none:1\n", Code::kNotFound, "r.test/none:1"},
      {"FROM scratch\nCOPY none /\n", Code::kNotFound,
       "Dockerfile:2: COPY: `none`: no `none`; the root has `Dockerfile`"},
      {"FROM scratch\nCOPY dir/nine.c /\n", Code::kNotFound, "`dir` has `one.c`, `one.h`, `sub/`"},
      {"FROM scratch\nCOPY ../x /\n", Code::kInvalidArgument, "leads out of the source"},
      {"FROM scratch\nCOPY a[ /\n", Code::kInvalidArgument, "is damaged"},
      {"FROM scratch\nCOPY a.txt b.txt /x\n", Code::kInvalidArgument,
       "several sources, but `/x` is no directory"},
      {"FROM scratch\nCOPY a.txt /x\nCOPY dir /x\n", Code::kInvalidArgument, "/x is no directory"},
      {"FROM scratch\nCOPY dir /x/one.c\nCOPY dir /x\n", Code::kInvalidArgument,
       "/x/one.c is a directory in the image"},
      {"FROM scratch\nCOPY --chown=app a.txt /\n", Code::kInvalidArgument,
       "the image has no /etc/passwd"},
      {"FROM scratch\nCOPY --chmod=9 a.txt /\n", Code::kInvalidArgument, "--chmod=9 is no mode"},
      {"FROM scratch\nCOPY ${X:?unset} /\n", Code::kInvalidArgument, "variable X: unset"},
      {"FROM scratch\nEXPOSE 99999\n", Code::kInvalidArgument, "`99999` is no port"},
      {"FROM scratch\nSTOPSIGNAL SIGNONE\n", Code::kInvalidArgument, "`SIGNONE` is no signal"},
      {"FROM scratch\nHEALTHCHECK --interval=5 CMD x\n", Code::kInvalidArgument,
       "--interval=5 is no duration"},
      {"FROM scratch\nUSER $NONE\n", Code::kInvalidArgument, "is an empty name"},
      {"FROM scratch\nADD --keep-git-dir git@host:x.git /\n", Code::kUnimplemented,
       "leave --keep-git-dir out"},
      {"FROM scratch\nCOPY a b\n\nFORM c\n", Code::kInvalidArgument, "Dockerfile:4: unknown"},
  };
  for (const Wrong& wrong : wrongs) {
    EXPECT_THAT(Build(wrong.dockerfile), StatusIs(wrong.code, HasSubstr(wrong.text)))
        << wrong.dockerfile;
  }
  EXPECT_THAT(Build("FROM scratch\n", "{\"target\": \"x\"}"),
              StatusIs(Code::kInvalidArgument, HasSubstr("no stage `x`")));
  EXPECT_THAT(Build("FROM scratch\n", "{\"dockerfile\": \"x/D\"}"),
              StatusIs(Code::kNotFound, HasSubstr("no file `x/D` in the context")));
}

TEST_F(NativeTest, OnlyNeededStagesCount) {
  EXPECT_THAT(Entries(Build("FROM scratch AS a\nRUN x\nFROM none:1 AS b\nFROM scratch AS c\n"
                            "COPY a.txt /\nFROM a\n",
                            "{\"target\": \"C\"}")),
              ElementsAre("a.txt 644 0:0 a"));
}

}  // namespace
}  // namespace stevedore::worker
