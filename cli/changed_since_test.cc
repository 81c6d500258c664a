#include "cli/changed_since.h"

#include <unistd.h>

#include <filesystem>
#include <map>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "cli/testing/git_tree.h"
#include "graph/catalog.h"
#include "graph/configuration.h"
#include "graph/selection.h"

namespace stevedore::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::Pair;
using ::testing::SizeIs;

constexpr char kImages[] = R"(builders:
  shared: {driver: assemble, options: {context: [{path: common}]}}
images:
  base: {"1": {builder: {driver: assemble, options: {context: [{path: rootfs}]}}}}
  web:
    "1":
      parents: {base: ["1"]}
      builder: {driver: assemble, options: {context: [{path: services/web}]}}
  job: {"1": {builder: shared}}
)";

// A project in a folder of a work tree.
class ChangedSinceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Write("stevedore.yaml", "images_path: defs\nbuilders_path: defs\n");
    Write("defs/a.yaml", kImages);
    Write("rootfs/motd", "1");
    Write("services/web/index.html", "1");
    Write("services/web2/index.html", "1");
    Write("common/x", "1");
    tree_.Write("other/README", "1");
    tree_.Commit("one");
    ASSERT_EQ(chdir(tree_.Path("project").c_str()), 0);
  }
  void TearDown() override { ASSERT_EQ(chdir("/"), 0); }

  void Write(const std::string& path, const std::string& content) {
    tree_.Write("project/" + path, content);
  }
  void Replace(const std::string& path, const std::string& from, const std::string& to) {
    ASSERT_OK_AND_ASSIGN(std::string text, base::ReadFile(path));
    ASSERT_NE(text.find(from), std::string::npos);
    text.replace(text.find(from), from.size(), to);
    Write(path, text);
  }

  // What is selected, and why.
  std::map<std::string, std::string> Changed(const std::string& config = "") {
    graph::ConfigurationSources sources;
    sources.file = config;
    const auto configuration = graph::Configuration::Load(sources);
    EXPECT_OK(configuration);
    const auto catalog = graph::Catalog::Load(*configuration, graph::CatalogOptions());
    EXPECT_OK(catalog);
    auto changed = ChangedSince::Find("HEAD", *configuration, config, {});
    EXPECT_OK(changed);
    if (!catalog.ok() || !changed.ok()) return {};
    graph::SelectionRequest request{.everything = true, .changed = &(*changed)->inputs()};
    request.runnable_drivers = {"assemble", "docker", "ansible-playbook"};
    auto selection = graph::Selection::Create(*catalog, request);
    EXPECT_OK(selection);
    warning_ = (*changed)->Warning();
    return selection.ok() ? selection->selected_because : std::map<std::string, std::string>();
  }

  const testing::GitTree tree_;
  std::string warning_;
};

TEST_F(ChangedSinceTest, NothingChanged) {
  EXPECT_THAT(Changed(), IsEmpty());
  tree_.Write("other/README", "2");
  Write("notes.txt", "in the project, in no context");
  Write("services/web2/index.html", "2");  // Only the name begins as that of a context.
  EXPECT_THAT(Changed(), IsEmpty());
  EXPECT_EQ(warning_, "");
}

TEST_F(ChangedSinceTest, FilesReachContextsImagesAndDescendants) {
  Write("services/web/index.html", "2");
  EXPECT_THAT(Changed(),
              ElementsAre(Pair("web:1", "its context services/web changed: index.html")));
  Write("rootfs/new", "untracked");
  EXPECT_THAT(Changed(),
              ElementsAre(Pair("base:1", "its context rootfs changed: new"), Key("web:1")));
  std::filesystem::remove_all("services/web/index.html");
  std::filesystem::remove_all("rootfs/new");
  EXPECT_THAT(Changed(), ElementsAre(Key("web:1")));
  Write("services/web/index.html", "1");
  // Out of one context and into another.
  std::filesystem::rename("common/x", "services/web/x");
  EXPECT_THAT(Changed(), ElementsAre(Key("job:1"), Key("web:1")));
}

TEST_F(ChangedSinceTest, DefinitionsThatReallyChanged) {
  Replace("defs/a.yaml", "images:", "# A comment.\nimages:");
  EXPECT_THAT(Changed(), IsEmpty());
  Replace("defs/a.yaml", "path: services/web", "path: services/web2");
  EXPECT_THAT(Changed(), ElementsAre(Pair("web:1", "its definition changed in defs/a.yaml")));
  Replace("defs/a.yaml", "path: common}", "path: common}, {path: rootfs}");
  EXPECT_THAT(Changed(), ElementsAre(Pair("job:1", "its builder shared changed in defs/a.yaml"),
                                     Key("web:1")));
  Write("defs/b.yaml", "images: {late: {\"1\": {builder: shared}}}");
  EXPECT_THAT(Changed(), AllOf(SizeIs(3), ::testing::Contains(Pair(
                                              "late:1", "its definition is new in defs/b.yaml"))));
}

TEST_F(ChangedSinceTest, DefinitionsMayMove) {
  std::filesystem::rename("defs/a.yaml", "defs/z.yaml");
  EXPECT_THAT(Changed(), IsEmpty());
}

TEST_F(ChangedSinceTest, SettingsReachAllImages) {
  Replace("stevedore.yaml", "images_path", "concurrency: 3\nimages_path");
  EXPECT_THAT(Changed(), IsEmpty());
  Write("stevedore.yaml",
        "images_path: defs\nbuilders_path: defs\nsemantic_version_tags_enabled: true\n");
  EXPECT_THAT(Changed(), AllOf(SizeIs(3), ::testing::Contains(Pair(
                                              "job:1", "the settings in stevedore.yaml changed"))));
}

TEST_F(ChangedSinceTest, WhatCannotBeDecidedIsBuilt) {
  const base::TemporaryDirectory outside = *base::TemporaryDirectory::Create();
  ASSERT_OK(base::WriteFileAtomically(outside.path() + "/stevedore.yaml",
                                      "images_path: defs\nbuilders_path: defs\n"));
  EXPECT_THAT(Changed(outside.path() + "/stevedore.yaml"), SizeIs(3));

  Write(".gitignore", "made/\n*.log\n");
  Write("made/x", "1");
  Write("defs/b.yaml",
        "images:\n"
        "  out: {\"1\": {builder: {driver: assemble, options: {context: [{path: " +
            outside.path() +
            "}]}}}}\n"
            "  made: {\"1\": {builder: {driver: assemble, options: {context: [{path: made}]}}}}\n"
            "  play: {\"1\": {builder: {driver: ansible-playbook, options: {playbook: p, "
            "inventory: i}}}}\n");
  tree_.Commit("two");
  EXPECT_THAT(Changed(), ElementsAre(Pair("made:1", "its context made is ignored by git"),
                                     Pair("out:1", HasSubstr("is outside of the repository")),
                                     Pair("play:1", HasSubstr("playbook"))));
  // Files that git ignores inside of a context are worth a word.
  Write("rootfs/a.log", "1");
  EXPECT_THAT(Changed(), SizeIs(3));
  EXPECT_THAT(warning_, HasSubstr("context rootfs holds files that git ignores"));
}

TEST_F(ChangedSinceTest, GitContextsThatMayMoveAreBuilt) {
  const std::string commit(40, 'a');
  Write("defs/b.yaml",
        "images:\n"
        "  moving: {\"1\": {builder: {driver: docker, options: {context: [{git: {repository: "
        "\"https://example.com/x.git\", reference: main}}]}}}}\n"
        "  fixed: {\"1\": {builder: {driver: docker, options: {context: [{git: {repository: "
        "\"https://example.com/x.git\", reference: " +
            commit + "}}]}}}}\n");
  tree_.Commit("two");
  EXPECT_THAT(Changed(), ElementsAre(Pair("moving:1", HasSubstr("x.git at main, may have moved"))));
}

TEST_F(ChangedSinceTest, LinksAreFollowed) {
  // rootfs -> real: files change where the link leads, and the link itself may change.
  std::filesystem::rename("rootfs", "real");
  std::filesystem::create_directory_symlink("real", "rootfs");
  tree_.Commit("two");
  EXPECT_THAT(Changed(), IsEmpty());
  Write("real/motd", "2");
  EXPECT_THAT(Changed(),
              ElementsAre(Pair("base:1", "its context rootfs changed: motd"), Key("web:1")));
  tree_.Commit("three");
  std::filesystem::remove("rootfs");
  std::filesystem::create_directory_symlink("common", "rootfs");
  EXPECT_THAT(Changed(),
              ElementsAre(Pair("base:1", HasSubstr("rootfs, which changed")), Key("web:1")));
}

}  // namespace
}  // namespace stevedore::cli
