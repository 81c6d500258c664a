#include "cli/images/transfer_progress.h"

#include "base/testing/fake_clock.h"
#include "cli/testing/string_console.h"
#include "cli/text.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "oci/image/descriptor.h"

namespace stevedore::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using transfer::CopyEvent;

oci::Descriptor Blob(const std::string& name, uint64_t size) {
  return {.media_type = "", .digest = oci::Digest::Of(name), .size = size};
}

// What the screen shows below what has scrolled: the text after the last erasure.
std::string LastFrame(const std::string& output) {
  const size_t erase = output.rfind("\x1b[J");
  return erase == std::string::npos ? output : output.substr(erase + 3);
}

TEST(TransferProgress, ABarForEachBlobOnItsWayAndTheSum) {
  base::testing::FakeClock clock;
  testing::StringConsole console(/*interactive=*/true);
  TransferProgress progress(ProgressStyle::kAuto, &console, &clock);
  progress.OnEvent({.kind = CopyEvent::Kind::kFound, .content = Blob("a", 4096)}, "reg/app");
  progress.OnEvent({.kind = CopyEvent::Kind::kFound, .content = Blob("b", 4096)}, "reg/app");
  progress.OnEvent({.kind = CopyEvent::Kind::kBytes, .content = Blob("a", 4096), .bytes = 1024},
                   "reg/app");
  progress.OnEvent({.kind = CopyEvent::Kind::kThere, .content = Blob("b", 4096)}, "reg/app");
  clock.Advance(absl::Seconds(2));
  progress.Redraw();
  const std::string frame = LastFrame(console.TakeErr());
  EXPECT_THAT(frame, HasSubstr("  " + ShortDigest(oci::Digest::Of("a").ToString()) +
                               "  [#####...............]  1.00 KiB / 4.00 KiB\n"));
  EXPECT_THAT(frame, Not(HasSubstr(ShortDigest(oci::Digest::Of("b").ToString()))));
  EXPECT_THAT(frame, EndsWith("1/2 blobs  5.00 KiB / 8.00 KiB  512 B/s  2.0s\n"));
}

TEST(TransferProgress, ARepeatedUploadBeginsAnew) {
  base::testing::FakeClock clock;
  testing::StringConsole console(/*interactive=*/true);
  TransferProgress progress(ProgressStyle::kAuto, &console, &clock);
  const oci::Descriptor blob = Blob("a", 100);
  progress.OnEvent({.kind = CopyEvent::Kind::kFound, .content = blob}, "");
  progress.OnEvent({.kind = CopyEvent::Kind::kBytes, .content = blob, .bytes = 90}, "");
  progress.OnEvent({.kind = CopyEvent::Kind::kBytes, .content = blob, .bytes = 10}, "");
  progress.Redraw();
  EXPECT_THAT(LastFrame(console.TakeErr()), HasSubstr("10 B / 100 B\n0/1 blobs  10 B / 100 B"));
}

TEST(TransferProgress, TagsScrollAboveAndTheLiveLinesGo) {
  base::testing::FakeClock clock;
  testing::StringConsole console(/*interactive=*/true);
  TransferProgress progress(ProgressStyle::kAuto, &console, &clock);
  progress.OnEvent({.kind = CopyEvent::Kind::kFound, .content = Blob("a", 100)}, "reg/app");
  progress.OnEvent({.kind = CopyEvent::Kind::kTag, .content = Blob("m", 5), .tag = "1.0"},
                   "reg/app");
  EXPECT_THAT(console.TakeErr(), HasSubstr("tagged   reg/app:1.0  " +
                                           ShortDigest(oci::Digest::Of("m").ToString()) + "\n"));
  progress.Finish();
  EXPECT_THAT(console.TakeErr(), EndsWith("\x1b[J"));
  progress.Redraw();
  EXPECT_EQ(console.TakeErr(), "");
}

TEST(TransferProgress, PlainLinesElsewhere) {
  base::testing::FakeClock clock;
  testing::StringConsole console;
  TransferProgress progress(ProgressStyle::kAuto, &console, &clock);
  const oci::Descriptor blob = Blob("a", 2048);
  progress.OnEvent({.kind = CopyEvent::Kind::kFound, .content = blob}, "reg/app");
  progress.OnEvent({.kind = CopyEvent::Kind::kBytes, .content = blob, .bytes = 512}, "reg/app");
  progress.OnEvent({.kind = CopyEvent::Kind::kCopied, .content = blob}, "reg/app");
  progress.OnEvent({.kind = CopyEvent::Kind::kMounted, .content = Blob("b", 1)}, "reg/app");
  progress.OnEvent({.kind = CopyEvent::Kind::kTagKept, .tag = "1"}, "reg/app");
  progress.Finish();
  EXPECT_EQ(console.TakeErr(), "copied   " + ShortDigest(oci::Digest::Of("a").ToString()) +
                                   "  2.00 KiB\nmounted  " +
                                   ShortDigest(oci::Digest::Of("b").ToString()) +
                                   "  1 B\nkept     reg/app:1  it is there already\n");
}

TEST(TransferProgress, QuietIsQuiet) {
  base::testing::FakeClock clock;
  testing::StringConsole console(/*interactive=*/true);
  TransferProgress progress(ProgressStyle::kQuiet, &console, &clock);
  progress.Say("hello");
  progress.OnEvent({.kind = CopyEvent::Kind::kCopied, .content = Blob("a", 2048)}, "");
  progress.Finish();
  EXPECT_EQ(console.TakeErr(), "");
}

}  // namespace
}  // namespace stevedore::cli
