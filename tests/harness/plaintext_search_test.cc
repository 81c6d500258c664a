#include "tests/harness/plaintext_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "tests/harness/process.h"

namespace stevedore::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kSecret[] = "open sesame, cave";

TEST(PlaintextSearchTest, FindsATextInAllItsForms) {
  PlaintextSearch search;
  search.AddText("plain", absl::StrCat("{\"password\":\"", kSecret, "\"}"));
  search.AddText("hex", absl::BytesToHexString(kSecret));
  search.AddText("login 1", absl::Base64Escape(absl::StrCat("a:", kSecret)));
  search.AddText("login 2", absl::Base64Escape(absl::StrCat("ab:", kSecret, "!")));
  search.AddText("login 3", absl::Base64Escape(absl::StrCat("abc:", kSecret, "!!")));
  search.AddText("other", "open the door");
  EXPECT_THAT(search.Find(kSecret), ElementsAre("hex", "login 1", "login 2", "login 3", "plain"));
  EXPECT_THAT(search.Find("nothing of this"), IsEmpty());
}

TEST(PlaintextSearchTest, LooksIntoFilesAndProcesses) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  ASSERT_OK(base::MakeDirectories(directory.path() + "/a/b"));
  const std::string file = directory.path() + "/a/b/blob";
  ASSERT_OK(base::WriteFileAtomically(file, absl::StrCat(std::string(5000, 'x'), kSecret)));
  ASSERT_OK(Process::Run({.argv = {"gzip", file}}));
  PlaintextSearch search;
  search.AddFiles(directory.path());
  EXPECT_THAT(search.Find(kSecret), ElementsAre(EndsWith("/a/b/blob.gz (inside)")));
  ASSERT_OK_AND_ASSIGN(const auto process, Process::Start({.argv = {"sleep", "30.1234567"}}));
  search.AddCommandLines();
  EXPECT_THAT(search.Find("30.1234567"),
              Contains(absl::StrCat("/proc/", process->pid(), "/cmdline")));
}

}  // namespace
}  // namespace stevedore::testing
