#include "worker/drivers/dockerfile/dockerfile.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"

namespace stevedore::worker::dockerfile {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

// "3-5 COPY a b" per line: lines, keyword and text.
std::string Show(const Dockerfile& file) {
  std::string out;
  for (const Instruction& in : file.global_arguments()) {
    absl::StrAppend(&out, in.line, "-", in.last_line, " global ", in.rest, "\n");
  }
  for (const Stage& stage : file.stages()) {
    absl::StrAppend(&out, stage.line, "-", stage.last_line, " FROM ", stage.image, " ", stage.name,
                    "\n");
    for (const Instruction& in : stage.instructions) {
      absl::StrAppend(&out, in.line, "-", in.last_line, " ", in.keyword(), " ", in.rest);
      const Instruction& inner = in.trigger.empty() ? in : in.trigger[0];
      for (const Heredoc& heredoc : inner.heredocs) {
        absl::StrAppend(&out, " [", heredoc.name, ":", heredoc.content, "]");
      }
      absl::StrAppend(&out, "\n");
    }
  }
  return out;
}

TEST(DockerfileTest, LinesAndStages) {
  ASSERT_OK_AND_ASSIGN(const Dockerfile file, Dockerfile::Parse("\xEF\xBB\xBF"
                                                                "# a comment\r\n"
                                                                "ARG V=1\n"
                                                                "\n"
                                                                "  FROM a:$V AS Build\r\n"
                                                                "RUN a && \\\n"
                                                                "  # inside\n"
                                                                "\n"
                                                                "  b \\  \n"
                                                                "  c\n"
                                                                "\t# indented\n"
                                                                "ENV X=y\\\\\n"
                                                                "CMD a\\\n"
                                                                "FROM build\n"
                                                                "COPY a b",
                                                                "df"));
  EXPECT_EQ(Show(file),
            "2-2 global V=1\n"
            "4-4 FROM a:$V build\n"
            "5-9 RUN a &&   b   c\n"
            "11-11 ENV X=y\\\\\n"
            "12-13 CMD aFROM build\n"
            "14-14 COPY a b\n");
  EXPECT_EQ(file.Place(3), "df:3");
}

TEST(DockerfileTest, Heredocs) {
  ASSERT_OK_AND_ASSIGN(const Dockerfile file, Dockerfile::Parse("FROM a\n"
                                                                "COPY <<A <<-'B' /x/\n"
                                                                "# no comment\n"
                                                                " A\n"
                                                                "A\n"
                                                                "\tb\\\n"
                                                                "\tB\n"
                                                                "COPY [\"<<C\", \"x\"]\n"
                                                                "ONBUILD RUN <<D\n"
                                                                "d\n"
                                                                "D\n"
                                                                "ENV A=<<E\n",
                                                                "df"));
  EXPECT_EQ(Show(file),
            "1-1 FROM a \n"
            "2-7 COPY <<A <<-'B' /x/ [A:# no comment\n A\n] [B:\tb\\\n]\n"
            "8-8 COPY [\"<<C\", \"x\"]\n"
            "9-11 ONBUILD RUN <<D [D:d\n]\n"
            "12-12 ENV A=<<E\n");
}

TEST(DockerfileTest, Directives) {
  ASSERT_OK_AND_ASSIGN(const Dockerfile file, Dockerfile::Parse("# Syntax = docker/dockerfile:1\n"
                                                                "#check=skip=all\n"
                                                                "# escape=`\n"
                                                                "FROM a\n"
                                                                "# escape=\\\n"
                                                                "RUN a `\n  b\\\n",
                                                                "df"));
  EXPECT_EQ(file.directives().escape, '`');
  EXPECT_EQ(file.directives().syntax, "docker/dockerfile:1");
  EXPECT_EQ(file.directives().check, "skip=all");
  EXPECT_EQ(file.stages()[0].instructions[0].rest, "a   b\\");
  // After a comment that is none they are comments.
  ASSERT_OK_AND_ASSIGN(const Dockerfile late,
                       Dockerfile::Parse("# hello\n# escape=`\nFROM a", "df"));
  EXPECT_EQ(late.directives().escape, '\\');
}

TEST(DockerfileTest, Targets) {
  ASSERT_OK_AND_ASSIGN(
      const Dockerfile file,
      Dockerfile::Parse("FROM a AS one\nFROM b AS Two\nFROM c AS one\nFROM d", "df"));
  EXPECT_THAT(file.FindTarget(""), IsOkAndHolds(3u));
  EXPECT_THAT(file.FindTarget("ONE"), IsOkAndHolds(2u));
  EXPECT_THAT(file.FindTarget("two"), IsOkAndHolds(1u));
  EXPECT_THAT(file.FindTarget("0"), IsOkAndHolds(0u));
  EXPECT_THAT(file.FindTarget("tow"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("df: no stage `tow`; did you mean `two`?; stages are one, two")));
  EXPECT_THAT(file.FindTarget("4"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(file.FindStage("one", 2), 0u);
  EXPECT_EQ(file.FindStage("one", 0), std::nullopt);
}

TEST(DockerfileTest, SaysWhereItIsWrong) {
  struct Vector {
    const char* text;
    const char* want;
  };
  const std::vector<Vector> vectors = {
      {"", "df: no FROM in it"},
      {"# only\n", "df: no FROM in it"},
      {"ARG A", "df: no FROM in it"},
      {"RUN a\nFROM b", "df:1: RUN before the first FROM; only ARG may be there"},
      {"FROM a\n\nCOPPY a b\n", "df:3: unknown instruction `COPPY`; did you mean `COPY`?"},
      {"FROM a\nRUN b \\\n c\nENV\n", "df:4: ENV has nothing after it"},
      {"FROM a AS 1x\n", "df:1: `1x` is no name for a stage"},
      {"FROM a AS scratch\n", "df:1: a stage cannot be called `scratch`"},
      {"# escape=x\nFROM a\n", "df:1: escape is `x`; it is \\ or `"},
      {"# escape=`\n# escape=`\nFROM a\n", "df:2: directive `escape` is there twice"},
      {"FROM a\nCOPY <<EOF /x\nabc\n", "df:2: no line `EOF` ends the heredoc <<EOF"},
      {"FROM a\nRUN <<-E\n x\n E\n", "df:2: no line `E` ends the heredoc <<-E"},
  };
  for (const Vector& v : vectors) {
    EXPECT_THAT(Dockerfile::Parse(v.text, "df"),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(v.want)))
        << v.text;
  }
  EXPECT_THAT(Dockerfile::Parse(std::string(kMaxFileBytes + 1, '#'), "df"),
              StatusIs(absl::StatusCode::kResourceExhausted));
}

}  // namespace
}  // namespace stevedore::worker::dockerfile
