#include "worker/drivers/dockerfile_references.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::worker {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> Images(absl::string_view dockerfile,
                                const std::map<std::string, std::string>& arguments = {}) {
  std::vector<std::string> images;
  for (const DockerfileReference& reference : FindReferences(dockerfile, arguments)) {
    EXPECT_EQ(dockerfile.substr(reference.offset, reference.text.size()), reference.text);
    images.push_back(reference.image);
  }
  return images;
}

TEST(DockerfileReferencesTest, FromCopyAndMount) {
  EXPECT_THAT(Images("# FROM no\n"
                     "from --platform=linux/amd64 busybox:1 as Build\n"
                     "RUN echo FROM x\n"
                     "RUN --mount=type=bind,from=tools:2,target=/t make\n"
                     "COPY --chown=1 --from=build /a /b\n"
                     "COPY --from=0 /a /b\n"
                     "COPY --from=reg:5000/x@sha256:12 /a \\\n"
                     "  # comment\n"
                     "  --from=y /b\n"
                     "FROM \\\n  alpine\n"
                     "FROM scratch\n"
                     "FROM build\n"),
              ElementsAre("busybox:1", "tools:2", "reg:5000/x@sha256:12", "alpine"));
}

TEST(DockerfileReferencesTest, Arguments) {
  const std::string text =
      "ARG registry\nARG tag=1.2 name=base\nARG full=${registry:-docker.io}/$name:${tag}\n"
      "FROM ${full}\nARG name=later\nFROM ${registry:+$registry/}${name}\nFROM $none\n";
  EXPECT_THAT(Images(text), ElementsAre("docker.io/base:1.2", "base"));
  EXPECT_THAT(Images(text, {{"registry", "r"}, {"tag", "3"}}), ElementsAre("r/base:3", "r/base"));
  // Only what ARG declares counts.
  EXPECT_THAT(Images("FROM $none\n", {{"none", "x"}}), ElementsAre());
}

TEST(DockerfileReferencesTest, EscapeDirective) {
  EXPECT_THAT(Images("# escape=`\nFROM `\n  a\nRUN x\\\nFROM b\n"), ElementsAre("a", "b"));
}

TEST(DockerfileReferencesTest, OddInput) {
  for (const char* text : {"", "FROM", "FROM \\", "FROM ${", "FROM ${a", "FROM ${a:", "FROM ${a:-",
                           "COPY --from=", "RUN --mount=", "\\", "FROM \"\"",
                           "ARG\nFROM ${a:-${b:-${c:-", "FROM --from"}) {
    EXPECT_THAT(Images(text), ElementsAre()) << text;
  }
}

TEST(DockerfileReferencesTest, Replace) {
  const std::string text = "ARG B=base:1\nFROM ${B} AS x\nCOPY --from=tools:2 /a /b\nFROM other\n";
  EXPECT_EQ(ReplaceReferences(text, FindReferences(text, {}),
                              {{"base:1", "base@sha256:1"}, {"tools:2", "t:3"}}),
            "ARG B=base:1\nFROM base@sha256:1 AS x\nCOPY --from=t:3 /a /b\nFROM other\n");
}

}  // namespace
}  // namespace stevedore::worker
