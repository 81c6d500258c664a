#include "worker/drivers/dockerfile/references.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/testing/status_matchers.h"

namespace stevedore::worker::dockerfile {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

constexpr char kFile[] =
    "ARG V=1\n"                                          // 1
    "FROM base:$V AS a\n"                                // 2
    "FROM --platform=$BUILDPLATFORM \\\n"                // 3
    "  other AS b\n"                                     // 4
    "COPY --from=tools:2 /x /y\n"                        // 5
    "FROM unused AS c\n"                                 // 6
    "FROM a AS d\n"                                      // 7
    "COPY --from=b / /\n"                                // 8
    "COPY --from=0 / /\n"                                // 9
    "RUN --mount=type=bind,from=tools:2,target=/t \\\n"  // 10
    "  x\n"                                              // 11
    "FROM scratch\n"                                     // 12
    "COPY --from=d / /\n";                               // 13

// "base:1@2 other@3(linux/amd64)": references with line and platform.
absl::StatusOr<std::string> Images(const std::string& text, const std::string& target = "") {
  absl::StatusOr<Dockerfile> file = Dockerfile::Parse(text, "df");
  if (!file.ok()) return file.status();
  BuildArguments arguments;
  arguments.build_platform = oci::Platform::Parse("linux/amd64").value();
  absl::StatusOr<GlobalVariables> global = GlobalVariables::Create(*file, arguments);
  if (!global.ok()) return global.status();
  absl::StatusOr<size_t> index = file->FindTarget(target);
  if (!index.ok()) return index.status();
  absl::StatusOr<std::vector<ExternalImage>> images = ExternalImages(*file, *index, *global);
  if (!images.ok()) return images.status();
  return absl::StrJoin(*images, " ", [](std::string* out, const ExternalImage& image) {
    absl::StrAppend(out, image.reference, "@", image.line,
                    image.platform.empty() ? "" : absl::StrCat("(", image.platform, ")"));
  });
}

TEST(ReferencesTest, OnlyWhatTheTargetNeeds) {
  EXPECT_THAT(Images(kFile), IsOkAndHolds(std::string("base:1@2 other@3(linux/amd64) tools:2@5")));
  EXPECT_THAT(Images(kFile, "a"), IsOkAndHolds(std::string("base:1@2")));
  EXPECT_THAT(Images(kFile, "c"), IsOkAndHolds(std::string("unused@6")));
}

TEST(ReferencesTest, SaysWhatCannotBe) {
  EXPECT_THAT(Images("FROM $X\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("df:1: FROM `$X` names no")));
  EXPECT_THAT(Images("FROM a\nCOPY --from=1 x y\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("df:2: COPY: --from=1: no")));
  EXPECT_THAT(Images("FROM a\nCOPY --from=0 x y\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("this is the first")));
  EXPECT_THAT(Images("FROM a AS a1\nCOPY --from=b1 x y\nFROM b AS b1", "a1"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("begins in line 3")));
  EXPECT_THAT(Images("FROM a\nCOPY --from=$X x y\n"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("variables do not count")));
}

}  // namespace
}  // namespace stevedore::worker::dockerfile
