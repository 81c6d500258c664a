#include "graph/import/import_options.h"

#include <string>
#include <vector>

#include "base/testing/status_matchers.h"
#include "graph/import/import_value.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

ImportValue Yaml(const std::string& text) {
  const absl::StatusOr<ImportValue> value = ParseImportYaml("f", text);
  EXPECT_OK(value);
  return value.ok() ? *value : ImportValue();
}

TEST(ImportOptionsTest, ArgumentsWithoutValueAreMentioned) {
  ImportedImage image;
  std::vector<ImportNote> notes;
  ASSERT_OK(ReadImportArguments(Yaml("{A: 1, TOKEN: }"), &image, &notes));
  EXPECT_THAT(image.arguments, ElementsAre(Pair("A", "1")));
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_THAT(notes[0].text, HasSubstr("--variable TOKEN=VALUE"));
}

TEST(ImportOptionsTest, Caches) {
  ImportedImage image;
  std::vector<ImportNote> notes;
  ASSERT_OK(ReadImportCaches(
      Yaml("[app:cache, 'type=registry,ref=r.test/a:c', {type: registry, ref: b:c}, 'type=gha']"),
      "cache_from", &image, &notes));
  ASSERT_OK(ReadImportCaches(Yaml("['type=registry,ref=r.test/a:c,mode=max', 'type=inline']"),
                             "cache_to", &image, &notes));
  EXPECT_EQ(image.options.dump(),
            R"({"cache_from":["app:cache","r.test/a:c","b:c"],)"
            R"("cache_to":["type=registry,ref=r.test/a:c,mode=max","type=inline"]})");
  ASSERT_THAT(notes, SizeIs(1));
  EXPECT_THAT(notes[0].text, HasSubstr("cache_from of type gha"));
  EXPECT_THAT(ReadImportCaches(Yaml("['type=registry']"), "cache_from", &image, &notes),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("needs `ref`")));
}

TEST(ImportOptionsTest, HostsLimitsAndAgents) {
  ImportedImage image;
  ASSERT_OK(ReadImportHosts(Yaml("{db: 10.0.0.5}"), &image));
  EXPECT_EQ(image.options["extra_hosts"].dump(), R"(["db:10.0.0.5"])");
  ASSERT_OK(ReadImportHosts(Yaml("[db=10.0.0.5, 'x:::1']"), &image));
  EXPECT_EQ(image.options["extra_hosts"].dump(), R"(["db:10.0.0.5","x:::1"])");
  ASSERT_OK(ReadImportUlimits(Yaml("{nofile: {soft: 1, hard: 2}, nproc: 3}"), &image));
  EXPECT_EQ(image.options["ulimits"].dump(), R"(["nofile=1:2","nproc=3"])");
  EXPECT_THAT(ReadImportUlimits(Yaml("{nofile: {soft: 1}}"), &image),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("{soft, hard}")));
  ASSERT_OK(ReadImportSsh(Yaml("[default, {id: git, paths: [k]}, {a: p, b: }]"), &image));
  EXPECT_EQ(image.options["ssh"].dump(), R"(["default","git=k","a=p","b"])");
}

TEST(ImportOptionsTest, RemoteContexts) {
  for (const char* url : {"https://h/r.git", "git@h:r.git", "ssh://h/r", "github.com/a/b"}) {
    EXPECT_TRUE(IsRemoteContext(url)) << url;
  }
  for (const char* folder : {".", "../x", "/abs", "git", "http"}) {
    EXPECT_FALSE(IsRemoteContext(folder)) << folder;
  }
}

TEST(ImportOptionsTest, LabelsWithoutValue) {
  ImportedImage image;
  std::vector<ImportNote> notes;
  ASSERT_OK(ReadImportLabels(Yaml("[a=1, b]"), &image, &notes));
  EXPECT_THAT(image.labels, ElementsAre(Pair("a", "1"), Pair("b", "")));
  EXPECT_THAT(notes, IsEmpty());
  ASSERT_OK(ReadImportLabels(Yaml("{c: }"), &image, &notes));
  EXPECT_THAT(notes, SizeIs(1));
}

}  // namespace
}  // namespace stevedore::graph
