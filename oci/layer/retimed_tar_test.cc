#include "oci/layer/retimed_tar.h"

#include <string>
#include <vector>

#include "base/byte_sink.h"
#include "base/testing/status_matchers.h"
#include "oci/layer/tar_writer.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::ElementsAre;

// Some entries of all kinds, as our writer makes them at `mtime`.
std::string Tar(int64_t mtime) {
  std::string bytes;
  base::StringSink sink(&bytes);
  TarWriter writer(&sink, {.mtime = mtime});
  EXPECT_OK(writer.Append({.path = "etc", .type = LayerEntry::Type::kDirectory, .mode = 0755}));
  EXPECT_OK(writer.Append({.path = "etc/hi", .uid = 1000}, "hello"));
  EXPECT_OK(writer.Append({.path = "etc/.wh.gone"}, ""));
  EXPECT_OK(writer.Append({.path = "etc/full"}, std::string(1024, 'x')));
  LayerEntry link{.path = "link", .type = LayerEntry::Type::kSymlink, .mode = 0777};
  link.link_target = "etc/hi";
  EXPECT_OK(writer.Append(link));
  EXPECT_OK(writer.Append({.path = "a-name-" + std::string(300, 'n')}, "long"));
  EXPECT_OK(writer.Finish());
  return bytes;
}

absl::StatusOr<std::string> Retime(std::string tar, int64_t mtime, size_t at_once) {
  base::StringSource source(std::move(tar));
  RetimedTar retimed(&source, mtime);
  std::string out;
  std::vector<char> buffer(at_once);
  while (true) {
    ASSIGN_OR_RETURN(const size_t n, retimed.Read(buffer.data(), buffer.size()));
    if (n == 0) return out;
    out.append(buffer.data(), n);
  }
}

TEST(RetimedTarTest, OnlyTheTimesChange) {
  for (const size_t at_once : {size_t{1}, size_t{7}, size_t{512}, size_t{1} << 16}) {
    EXPECT_THAT(Retime(Tar(1234567890), 0, at_once), base::testing::IsOkAndHolds(Tar(0)));
    EXPECT_THAT(Retime(Tar(0), 77, at_once), base::testing::IsOkAndHolds(Tar(77)));
  }
}

TEST(RetimedTarTest, AnEmptyTarStaysEmpty) {
  EXPECT_THAT(Retime(std::string(10240, '\0'), 0, 512),
              base::testing::IsOkAndHolds(std::string(1024, '\0')));
}

TEST(RetimedTarTest, RefusesWhatEndsEarly) {
  const std::string tar = Tar(0);
  for (const size_t size : {size_t{100}, size_t{512 * 2 + 3}, size_t{512 * 5 + 1}}) {
    EXPECT_THAT(Retime(tar.substr(0, size), 0, 512), StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace stevedore::oci
