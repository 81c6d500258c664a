// What `.dockerignore` leaves out, compared with what Docker's own client sends.

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "context/ignore_rules.h"
#include "context/local_tree.h"
#include "oci/layer/tar_reader.h"
#include "tests/harness/docker_engine.h"
#include "tests/harness/process.h"

namespace stevedore::testing {
namespace {

constexpr const char* kFiles[] = {
    "a.md",
    "README.md",
    "README-secret.md",
    "src/main.c",
    "src/main.o",
    "src/lib/x.c",
    "src/lib/x.o",
    "src/lib/keep/k",
    "node_modules/a",
    "node_modules/b/keep",
    ".hidden/f",
    ".git/HEAD",
    "docs/a.txt",
    "docs/README",
    "docs/deep/README",
    "odd/[x]",
    "odd/x",
    "odd/a*b",
    "odd/aXb",
    "odd/a b",
    "odd/#hash",
    "odd/!bang",
    "deep/a/b/c/d",
    "deep/a/b/e",
    "top",
    "topper",
    "x/top",
    "empty-parent/sub/f",
};

// Without `**foo` and `a**`: Docker has changed its mind about those between versions.
constexpr const char* kIgnoreFiles[] = {
    "",
    "*.md\n!README*.md\nREADME-secret.md\n",
    "# comment\n .git \n**/*.o\n/node_modules/\n!node_modules/b\n",
    "*\n!src\nsrc/lib\n!src/lib/keep\n",
    "**/keep\n!src/lib/keep/k\n",
    "docs/*\n!docs/README*\n",
    "odd/[[]x]\nodd/a\\*b\nodd/a b\nodd/#hash\nodd/!bang\n",
    "!top\ntop\n",
    "top\n!top\n",
    "deep/**/d\n",
    "deep\n!deep/a/b/e\n",
    "*/top\n./x/../docs//deep/\n",
    "**\n!odd/x\n",
    "empty-parent/sub\n",
    "*\n!**/main.c\n",
    ".*\n",
    "[a-d]*\n?op\n",
};

class DockerignoreTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::string full = root_ + "/" + path;
    ASSERT_OK(base::MakeDirectories(full.substr(0, full.rfind('/'))));
    ASSERT_OK(base::WriteFileAtomically(full, text));
  }
  std::string Docker(const DockerEngine& engine, std::vector<std::string> arguments) {
    const absl::StatusOr<ProcessResult> result = engine.Docker(arguments);
    EXPECT_OK(result);
    EXPECT_EQ(result->exit_code, 0) << absl::StrJoin(arguments, " ") << result->err;
    return std::string(absl::StripAsciiWhitespace(result->out));
  }

  // All paths that reach the engine.
  std::set<std::string> SentByDocker(const DockerEngine& engine) {
    std::set<std::string> paths;
    Docker(engine, {"build", "-q", "-t", "ignored:1", root_});
    const std::string container = Docker(engine, {"create", "ignored:1", "none"});
    const std::string tar = directory_.path() + "/export.tar";
    Docker(engine, {"export", "-o", tar, container});
    Docker(engine, {"rm", container});
    const auto source = base::FileSource::Open(tar);
    EXPECT_OK(source);
    oci::TarReader reader(source->get());
    while (true) {
      const absl::StatusOr<std::optional<oci::TarEntry>> next = reader.Next();
      EXPECT_OK(next);
      if (!next.ok() || !next->has_value()) return paths;
      absl::string_view path = (*next)->entry.path;
      if (absl::ConsumePrefix(&path, "ctx/") && !path.empty()) {
        paths.insert(std::string(absl::StripSuffix(path, "/")));
      }
    }
  }

  std::set<std::string> LeftByUs(const std::string& text) {
    std::set<std::string> paths;
    const absl::StatusOr<context::IgnoreRules> rules =
        context::IgnoreRules::Parse(text, ".dockerignore");
    EXPECT_OK(rules);
    context::LocalTreeOptions options;
    options.ignore = &*rules;
    const auto tree = context::LocalTree::Open(root_, options);
    EXPECT_OK(tree);
    for (const context::TreeEntry& entry : (*tree)->entries()) paths.insert(entry.path);
    return paths;
  }

  const base::TemporaryDirectory directory_ =
      base::TemporaryDirectory::Create("/tmp/ignore.").value();
  const std::string root_ = directory_.path() + "/context";
};

TEST_F(DockerignoreTest, TheSameFilesAsDocker) {
  const auto engine = DockerEngine::Start();
  if (absl::IsFailedPrecondition(engine.status())) GTEST_SKIP() << engine.status().message();
  ASSERT_OK(engine);
  for (const char* file : kFiles) Write(file, file);
  ASSERT_EQ(mkdir((root_ + "/empty").c_str(), 0755), 0);
  ASSERT_EQ(symlink("top", (root_ + "/link").c_str()), 0);
  Write("Dockerfile", "FROM scratch\nCOPY . /ctx/\n");
  const std::set<std::string> own = {"Dockerfile", ".dockerignore"};
  const auto without_own = [&own](std::set<std::string> paths) {
    for (const std::string& name : own) paths.erase(name);
    return absl::StrJoin(paths, "\n");
  };
  for (const char* text : kIgnoreFiles) {
    Write(".dockerignore", text);
    EXPECT_EQ(without_own(LeftByUs(text)), without_own(SentByDocker(**engine))) << text;
  }
}

}  // namespace
}  // namespace stevedore::testing
