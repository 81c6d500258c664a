#include "worker/drivers/dockerfile/instruction.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/testing/status_matchers.h"

namespace stevedore::worker::dockerfile {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

// "COPY --from=a [json] (x|y)": everything that was understood.
std::string Show(const Instruction& in) {
  std::string out(in.keyword());
  for (const Flag& flag : in.flags) {
    absl::StrAppend(&out, " --", flag.name, "=", flag.value.value_or(""));
  }
  if (in.json) absl::StrAppend(&out, " json");
  if (!in.words.empty()) absl::StrAppend(&out, " (", absl::StrJoin(in.words, "|"), ")");
  for (const Pair& pair : in.pairs) {
    absl::StrAppend(&out, " ", pair.name, "=", pair.value.value_or("?"));
  }
  for (const Instruction& trigger : in.trigger) absl::StrAppend(&out, " <", Show(trigger), ">");
  return out;
}

struct Vector {
  const char* line;
  const char* want;
};

TEST(InstructionTest, Reads) {
  const std::vector<Vector> vectors = {
      {"FROM a", "FROM (a)"},
      {"from a as b", "FROM (a|as|b)"},
      {"FROM --platform=$BUILDPLATFORM a AS b", "FROM --platform=$BUILDPLATFORM (a|AS|b)"},
      {"COPY a b c/", "COPY (a|b|c/)"},
      {"COPY [\"a b\", \"c\"]", "COPY json (a b|c)"},
      {"COPY [a b", "COPY ([a|b)"},
      {"COPY --from=build --chown=1:2 --chmod=755 --link a b",
       "COPY --from=build --chown=1:2 --chmod=755 --link=true (a|b)"},
      {"COPY --link=FALSE a b", "COPY --link=false (a|b)"},
      {"COPY --exclude=*.a --exclude=*.b a b", "COPY --exclude=*.a --exclude=*.b (a|b)"},
      {"COPY --parents a b", "COPY --parents=true (a|b)"},
      {"COPY --chown=\"a b\" x y", "COPY --chown=a b (x|y)"},
      {"ADD --checksum=sha256:aa --keep-git-dir=true https://x/y /z",
       "ADD --checksum=sha256:aa --keep-git-dir=true (https://x/y|/z)"},
      {"ENV A=b", "ENV A=b"},
      {"ENV A=b  C='d e' F=\"g h\" I=j\\ k", "ENV A=b C='d e' F=\"g h\" I=j\\ k"},
      {"ENV A b c  d", "ENV A=b c  d"},
      {"ENV A= B=", "ENV A= B="},
      {"LABEL \"a.b\"=\"c\"", "LABEL \"a.b\"=\"c\""},
      {"LABEL a b c", "LABEL a=b c"},
      {"ARG A", "ARG A=?"},
      {"ARG A=b C", "ARG A=b C=?"},
      {"ARG A=", "ARG A="},
      {"CMD [\"a\", \"b c\"]", "CMD json (a|b c)"},
      {"CMD [ ]", "CMD json"},
      {"CMD", "CMD"},
      {"CMD a  'b'", "CMD (a  'b')"},
      {"CMD ['a']", "CMD (['a'])"},
      {"ENTRYPOINT [\"\\u0061\"]", "ENTRYPOINT json (a)"},
      {"RUN --mount=type=cache,target=/x --network=none a && b",
       "RUN --mount=type=cache,target=/x --network=none (a && b)"},
      {"RUN -- --x", "RUN (--x)"},
      {"SHELL [\"/bin/bash\", \"-c\"]", "SHELL json (/bin/bash|-c)"},
      {"EXPOSE 80 443/tcp", "EXPOSE (80|443/tcp)"},
      {"VOLUME /a /b", "VOLUME (/a|/b)"},
      {"VOLUME [\"/a b\"]", "VOLUME json (/a b)"},
      {"USER a:b", "USER (a:b)"},
      {"WORKDIR /a b", "WORKDIR (/a b)"},
      {"STOPSIGNAL 9", "STOPSIGNAL (9)"},
      {"MAINTAINER A <a@b>", "MAINTAINER (A <a@b>)"},
      {"HEALTHCHECK NONE", "HEALTHCHECK (NONE)"},
      {"HEALTHCHECK --interval=5s --retries=3 CMD curl -f x",
       "HEALTHCHECK --interval=5s --retries=3 (CMD|curl -f x)"},
      {"HEALTHCHECK cmd [\"a\", \"b\"]", "HEALTHCHECK json (CMD|a|b)"},
      {"ONBUILD COPY . /x", "ONBUILD <COPY (.|/x)>"},
      {"onbuild run a", "ONBUILD <RUN (a)>"},
  };
  for (const Vector& v : vectors) {
    const absl::StatusOr<Instruction> in = ParseInstruction(v.line, '\\');
    ASSERT_OK(in) << v.line;
    EXPECT_EQ(Show(*in), v.want) << v.line;
  }
}

TEST(InstructionTest, SaysWhatIsWrong) {
  const std::vector<Vector> vectors = {
      {"FORM a", "unknown instruction `FORM`; did you mean `FROM`?"},
      {"XYZZYX", "instructions are ADD, ARG"},
      {"FROM", "FROM has nothing after it; write FROM IMAGE"},
      {"FROM a b", "FROM has 2 words"},
      {"FROM a as", "FROM has 2 words"},
      {"FROM a as b c", "FROM has 4 words"},
      {"FROM --platfrom=x a", "did you mean `platform`?"},
      {"FROM --platform a", "--platform has no value"},
      {"COPY a", "COPY has only one word after it"},
      {"COPY", "COPY has nothing after it"},
      {"COPY --form=x a b", "flags of COPY are --chmod"},
      {"COPY --from=a --from=b c d", "--from is given twice"},
      {"COPY --link=yes a b", "--link is `yes`; it is true or false"},
      {"COPY [\"a\", 1]", "item 2 of the JSON list is number"},
      {"CMD --x a", "CMD takes no flags"},
      {"ENV", "ENV has nothing after it"},
      {"ENV A", "`A` has no value; write ENV NAME=value"},
      {"ENV A=b c", "`c` has no ="},
      {"ENV =b", "no name before the ="},
      {"LABEL a=b c", "`c` has no ="},
      {"ARG =b", "no name before the ="},
      {"ARG", "ARG has nothing after it"},
      {"RUN", "RUN has nothing after it"},
      {"SHELL /bin/sh -c", "SHELL takes a JSON list"},
      {"VOLUME [\"\"]", "VOLUME has an empty path"},
      {"HEALTHCHECK", "HEALTHCHECK has nothing after it"},
      {"HEALTHCHECK NONE x", "takes nothing more"},
      {"HEALTHCHECK curl", "followed by `curl`"},
      {"HEALTHCHECK CMD", "has no command"},
      {"ONBUILD ONBUILD RUN a", "ONBUILD ONBUILD is not allowed"},
      {"ONBUILD FROM a", "ONBUILD FROM is not allowed"},
      {"ONBUILD MAINTAINER a", "ONBUILD MAINTAINER is not allowed"},
      {"ONBUILD COPY a", "ONBUILD: COPY has only one word"},
      {"ONBUILD", "ONBUILD has nothing after it"},
      {"STOPSIGNAL", "write STOPSIGNAL SIGTERM"},
  };
  for (const Vector& v : vectors) {
    EXPECT_THAT(ParseInstruction(v.line, '\\'),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(v.want)))
        << v.line;
  }
}

TEST(InstructionTest, Heredocs) {
  const auto show = [](absl::string_view text) {
    return absl::StrJoin(FindHeredocs(text), " ", [](std::string* out, const Heredoc& heredoc) {
      absl::StrAppend(out, heredoc.name, heredoc.expand ? "" : "!", heredoc.chomp ? "-" : "");
    });
  };
  EXPECT_EQ(show("COPY <<EOF /x"), "EOF");
  EXPECT_EQ(show("COPY <<-EOF /x"), "EOF-");
  EXPECT_EQ(show("COPY <<'EOF' <<\"B c\" <<\\D /x"), "EOF! B c! D!");
  EXPECT_EQ(show("RUN 3<<A cat <<B"), "A B");
  EXPECT_EQ(show("RUN cat <<<x"), "");
  EXPECT_EQ(show("RUN a << b"), "");
  EXPECT_EQ(show("RUN echo $((1<<2))"), "");
  EXPECT_EQ(show("RUN echo '<<EOF"), "");
  EXPECT_EQ((Heredoc{"E", true, true, "\ta\n\t\tb\nc\td\n"}.Content()), "a\nb\nc\td\n");
}

}  // namespace
}  // namespace stevedore::worker::dockerfile
