#include "oci/layer/tar_header.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;
using Type = LayerEntry::Type;

std::string Header(const LayerEntry& entry, TarHeaderOptions options = {}) {
  std::string out;
  EXPECT_OK(AppendTarHeader(entry, options, &out));
  const absl::StatusOr<uint64_t> size = TarHeaderSize(entry, options);
  EXPECT_OK(size);
  EXPECT_EQ(*size, out.size());
  return out;
}

TEST(TarHeaderTest, FieldsOfASmallFile) {
  const std::string header = Header({.path = "f", .size = 2});
  ASSERT_EQ(header.size(), 512u);
  EXPECT_EQ(header.substr(100, 8), std::string("0000644\0", 8));
  EXPECT_EQ(header.substr(124, 12), std::string("00000000002\0", 12));
  EXPECT_EQ(header.substr(148, 8), std::string("007345\0 ", 8));
  EXPECT_EQ(header[156], '0');
}

TEST(TarHeaderTest, DirectoriesEndInASlash) {
  EXPECT_EQ(Header({.path = "d", .type = Type::kDirectory}).substr(0, 3), std::string("d/\0", 3));
  EXPECT_EQ(Header({.path = "d/", .type = Type::kDirectory}).substr(0, 3), std::string("d/\0", 3));
}

TEST(TarHeaderTest, OwnersTimesAndDevices) {
  const std::string header = Header({.path = "null",
                                     .type = Type::kCharacterDevice,
                                     .mode = 0666,
                                     .uid = 1000,
                                     .gid = 8,
                                     .device_major = 1,
                                     .device_minor = 3},
                                    {.mtime = 1704067200});
  EXPECT_EQ(header.substr(108, 16), std::string("0001750\0000000010\0", 16));
  EXPECT_EQ(header.substr(136, 11), "14544400200");
  EXPECT_EQ(header[156], '3');
  EXPECT_EQ(header.substr(329, 16), std::string("0000001\0000000003\0", 16));
}

// Defect 5 of the predecessor: names refused that a split, or pax, can say.
TEST(TarHeaderTest, LongNamesAreSplitAtTheRightMostSlashThatFits) {
  const std::string a(99, 'a'), b(40, 'b'), c(60, 'c');
  const std::string header = Header({.path = a + "/" + b + "/" + c});
  ASSERT_EQ(header.size(), 512u);
  EXPECT_EQ(header.substr(345, 140), a + "/" + b);
  EXPECT_EQ(header.substr(0, 61), c + std::string(1, '\0'));
  // The right-most slash leaves too long a prefix, the one before does not.
  const std::string far = Header({.path = a + "/" + std::string(40, 'b') + "/" +
                                          std::string(30, 'd') + "/" + std::string(20, 'e')});
  ASSERT_EQ(far.size(), 512u);
  EXPECT_EQ(far.substr(345, 141), a + "/" + b + std::string(1, '\0'));
}

TEST(TarHeaderTest, PaxOnlyWhereUstarHasNoRoom) {
  const std::string name(101, 'n');
  std::string header = Header({.path = name});
  ASSERT_EQ(header.size(), 1536u);
  EXPECT_EQ(header[156], 'x');
  EXPECT_EQ(header.substr(0, 16), "PaxHeaders.0/nnn");
  EXPECT_EQ(header.substr(512, 111), "111 path=" + name + "\n");
  EXPECT_EQ(header.substr(1024, 100), name.substr(0, 100));

  EXPECT_THAT(Header({.path = "caf\xc3\xa9"}), HasSubstr("14 path=caf\xc3\xa9\n"));
  EXPECT_THAT(Header({.path = "big", .size = uint64_t{8} << 30}),
              HasSubstr("19 size=8589934592\n"));
  EXPECT_EQ(Header({.path = "big", .size = (uint64_t{8} << 30) - 1}).size(), 512u);
  EXPECT_THAT(Header({.path = "u", .uid = 2097152}), HasSubstr("15 uid=2097152\n"));
  EXPECT_EQ(Header({.path = "u", .uid = 2097151}).size(), 512u);
  LayerEntry link{.path = "l", .type = Type::kSymlink};
  link.link_target = std::string(100, 't');
  EXPECT_EQ(Header(link).size(), 512u);
  link.link_target = std::string(101, 't');
  EXPECT_THAT(Header(link), HasSubstr("115 linkpath=ttt"));
}

TEST(TarHeaderTest, PaxRecordsAreSortedAndCountThemselves) {
  using Xattrs = std::vector<std::pair<std::string, std::string>>;
  LayerEntry entry{.path = std::string(90, 'p') + "\xc3\xa9", .uid = 3000000};
  entry.xattrs = std::make_shared<const Xattrs>(
      Xattrs{{"user.b", std::string("1\n2\0003", 5)}, {"security.capability", "\x01"}});
  const std::string header = Header(entry);
  const size_t capability = header.find("SCHILY.xattr.security.capability=\x01\n");
  const size_t user = header.find(std::string("SCHILY.xattr.user.b=1\n2\0003\n", 26));
  const size_t path = header.find("102 path=");
  const size_t uid = header.find("15 uid=3000000");
  ASSERT_NE(uid, std::string::npos);
  EXPECT_LT(capability, user);
  EXPECT_LT(user, path);
  EXPECT_LT(path, uid);
}

TEST(TarHeaderTest, WhatNoTarCanSayIsAnError) {
  std::string out;
  EXPECT_THAT(AppendTarHeader({.path = ""}, {}, &out),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("has no name")));
  EXPECT_THAT(AppendTarHeader({.path = std::string("a\0b", 3)}, {}, &out),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("NUL")));
  EXPECT_THAT(AppendTarHeader({.path = "d", .device_major = 1u << 30}, {}, &out),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("device number")));
}

TEST(TarHeaderTest, PathsThatLeadOutsideAreUnsafe) {
  for (const char* path : {"tmp/safe", "a", "a\\x2db.slice", "...", "a/..b", "B::Concise.3"}) {
    EXPECT_OK(CheckSafePath(path)) << path;
  }
  for (const char* path :
       {"", "../tmp/evil", "..\\..\\tmp\\evil", "\\tmp\\evil", "C:\\tmp\\evil", "C:/tmp/evil",
        "C:..\\evil", "/abs", "a/../b", "a/..", "a//b", "a/", "./a", "a/./b"}) {
    EXPECT_THAT(CheckSafePath(path), StatusIs(absl::StatusCode::kInvalidArgument)) << path;
  }
}

TEST(TarHeaderTest, SymlinksThatClimbOutAreUnsafe) {
  EXPECT_OK(CheckSafeSymlink("usr/local/bin/ld.so", "../lib/ld.so"));
  EXPECT_OK(CheckSafeSymlink("usr/local/bin/ld.so", "../../../lib/ld.so"));
  EXPECT_OK(CheckSafeSymlink("a", "/etc/../../passwd"));
  EXPECT_OK(CheckSafeSymlink("a", "."));
  EXPECT_THAT(CheckSafeSymlink("etc/foo", "../../../tmp/evil"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("leads out")));
  EXPECT_THAT(CheckSafeSymlink("etc/foo", "..\\..\\tmp"),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CheckSafeSymlink("foo", "a/../../b"), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(CheckSafeSymlink("foo", ""), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(TarHeaderTest, OrderIsDepthFirstAndBytewise) {
  std::vector<std::string> paths = {"a-b", "a/b", "a", "b", "a/b/c", "a/b-c", "a.b", "B", "\xff"};
  std::sort(paths.begin(), paths.end(),
            [](const auto& a, const auto& b) { return LayerPathLess(a, b); });
  EXPECT_THAT(paths,
              ::testing::ElementsAre("B", "a", "a/b", "a/b/c", "a/b-c", "a-b", "a.b", "b", "\xff"));
}

}  // namespace
}  // namespace stevedore::oci
