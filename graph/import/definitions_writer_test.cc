#include "graph/import/definitions_writer.h"

#include <string>
#include <vector>

#include "base/testing/status_matchers.h"
#include "graph/import/round_trip.h"

namespace stevedore::graph {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

ImportedImage Image(const std::string& name, std::vector<std::string> references = {}) {
  return {.name = name, .place = "f#/" + name, .references = std::move(references)};
}

TEST(DefinitionsWriterTest, NamesAndVersions) {
  struct Case {
    std::vector<std::string> references;
    const char* want;
  };
  const Case cases[] = {
      {{}, R"({"a":{"latest":{"builder":"a"}}})"},
      {{"a"}, R"({"a":{"latest":{"builder":"a"}}})"},
      {{"team/b:1"}, R"({"a":{"1":{"name":"b","namespace":"team","builder":"a"}}})"},
      {{"r.test:5000/x/y/b:1"},
       R"({"a":{"1":{"name":"b","registry":"r.test:5000","namespace":"x/y","builder":"a"}}})"},
      {{"localhost/a:1"}, R"({"a":{"1":{"registry":"localhost","builder":"a"}}})"},
      {{"a:latest", "a:2", "a:1"}, R"({"a":{"2":{"builder":"a","tags":["latest","1"]}}})"},
  };
  for (const Case& one : cases) {
    ImportedFile file;
    file.images.push_back(Image("a", one.references));
    ASSERT_OK_AND_ASSIGN(const ImportedDefinitions made, ToDefinitions(std::move(file)));
    EXPECT_EQ(made.document["images"].dump(), one.want);
  }
}

TEST(DefinitionsWriterTest, NamesThatLoadingWouldSkip) {
  ImportedFile file;
  file.images.push_back(Image("x-tool"));
  ImportedDefinitions made;
  ASSERT_OK_AND_ASSIGN(const auto images, RoundTrip(std::move(file), &made));
  EXPECT_THAT(images, SizeIs(1));
  EXPECT_EQ(images.begin()->first, "image-x-tool:latest");
  ASSERT_THAT(made.notes, SizeIs(1));
  EXPECT_THAT(made.notes[0].text, HasSubstr("is called image-x-tool here"));
}

TEST(DefinitionsWriterTest, SameReferenceIsMentioned) {
  ImportedFile file;
  file.images = {Image("a", {"r.test/x:1"}), Image("b", {"r.test/x:1"})};
  ASSERT_OK_AND_ASSIGN(const ImportedDefinitions made, ToDefinitions(std::move(file)));
  ASSERT_THAT(made.notes, SizeIs(1));
  EXPECT_THAT(made.notes[0].text, HasSubstr("cannot be built at once"));
}

TEST(DefinitionsWriterTest, DockerfilesOutsideAndOddContexts) {
  ImportedFile file;
  file.images = {Image("a"), Image("b"), Image("c"), Image("d")};
  file.images[0].dockerfile = "../x/Dockerfile.a";
  file.images[1].dockerfile = "./sub/../Dockerfile.b";
  file.images[2].context = "https://h.test/x.tar.gz";
  file.images[3].context = "git@h.test:o/r.git#main";
  ImportedDefinitions made;
  ASSERT_OK_AND_ASSIGN(const auto images, RoundTrip(std::move(file), &made));
  EXPECT_THAT(images.at("a:latest").options_json, HasSubstr("\"Dockerfile.a\""));
  EXPECT_THAT(images.at("b:latest").options_json, HasSubstr("\"Dockerfile.b\""));
  EXPECT_EQ(images.at("c:latest").contexts.at(0).path, ".");
  EXPECT_EQ(images.at("d:latest").contexts.at(0).git->repository, "git@h.test:o/r.git");
  EXPECT_EQ(images.at("d:latest").contexts.at(0).git->reference, "main");
  std::vector<std::string> places;
  for (const ImportNote& note : made.notes) places.push_back(note.place);
  EXPECT_THAT(places, ElementsAre("f#/a", "f#/c"));
}

TEST(DefinitionsWriterTest, BracesComeOutAsTheyWere) {
  ImportedFile file;
  file.images.push_back(Image("a"));
  file.images[0].arguments = {{"T{{x}}", "{{ .A }} {{- 3"}};
  ASSERT_OK_AND_ASSIGN(const auto images, RoundTrip(std::move(file)));
  EXPECT_EQ(images.at("a:latest").arguments.at("T{{x}}"), "{{ .A }} {{- 3");
}

TEST(DefinitionsWriterTest, CheckedTextIsOursToRead) {
  EXPECT_THAT(CheckImportedText("f.yaml", "images: {a: {1: {builder: none_such}}}"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("f.yaml:1:")));
}

}  // namespace
}  // namespace stevedore::graph
