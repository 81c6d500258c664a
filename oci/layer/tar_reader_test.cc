#include "oci/layer/tar_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "oci/layer/tar_writer.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Type = LayerEntry::Type;

struct Raw {
  std::string name;
  char type = '0';
  std::string size = "00000000000";
  std::string link = "";
  std::string magic = std::string("ustar\00000", 8);
  std::string prefix = "";
  std::string uid = "0000000";
};

// Header with any field as wanted; `signed_sum` sums as machines with signed chars did.
std::string Header(const Raw& raw, bool signed_sum = false) {
  std::string block(512, '\0');
  const auto put = [&block](size_t offset, const std::string& text) {
    block.replace(offset, text.size(), text);
  };
  put(0, raw.name);
  put(100, "0000644");
  put(108, raw.uid);
  put(116, "0000000");
  put(124, raw.size);
  put(136, "00000000000");
  put(148, "        ");
  block[156] = raw.type;
  put(157, raw.link);
  put(257, raw.magic);
  put(345, raw.prefix);
  int64_t sum = 0;
  for (const char c : block) {
    sum += signed_sum ? static_cast<signed char>(c) : static_cast<unsigned char>(c);
  }
  char text[8];
  std::snprintf(text, sizeof(text), "%06o", static_cast<unsigned>(sum));
  put(148, std::string(text, 7) + " ");
  return block;
}

std::string Octal(uint64_t value) {
  char text[16];
  std::snprintf(text, sizeof(text), "%011lo", static_cast<unsigned long>(value));
  return text;
}

std::string Padded(std::string text) {
  text.resize(TarPadded(text.size()), '\0');
  return text;
}

std::string File(const std::string& name, const std::string& content) {
  return Header({.name = name, .size = Octal(content.size())}) + Padded(content);
}

std::string Pax(char type, const std::vector<std::pair<std::string, std::string>>& records) {
  std::string text;
  for (const auto& record : records) {
    size_t size = record.first.size() + record.second.size() + 4;
    while (absl::StrCat(size).size() + record.first.size() + record.second.size() + 3 != size)
      ++size;
    absl::StrAppend(&text, size, " ", record.first, "=", record.second, "\n");
  }
  return Header({.name = "PaxHeaders.0/x", .type = type, .size = Octal(text.size())}) +
         Padded(text);
}

const std::string& End() {
  static const auto* const end = new std::string(1024, '\0');
  return *end;
}

struct Read {
  absl::Status status;
  std::vector<TarEntry> entries;
  std::vector<std::string> contents;
};

Read ReadTar(const std::string& tar, TarReaderLimits limits = {}) {
  Read read;
  base::StringSource source(tar);
  TarReader reader(&source, limits);
  while (true) {
    absl::StatusOr<std::optional<TarEntry>> next = reader.Next();
    read.status = next.status();
    if (!next.ok() || !next->has_value()) return read;
    absl::StatusOr<std::string> content = base::ReadAll(reader.Content(), 1 << 24);
    read.status = content.status();
    if (!content.ok()) return read;
    read.entries.push_back(**std::move(next));
    read.contents.push_back(*std::move(content));
  }
}

// Reads a tar of one entry that must be good.
TarEntry One(const std::string& tar) {
  const Read read = ReadTar(tar + End());
  EXPECT_OK(read.status);
  EXPECT_EQ(read.entries.size(), 1u);
  return read.entries.empty() ? TarEntry() : read.entries[0];
}

TEST(TarReaderTest, ReadsWhatTheWriterWrites) {
  std::vector<LayerEntry> entries(7);
  entries[0] = {.path = "dir", .type = Type::kDirectory, .mode = 0750};
  entries[1] = {.path = "dir/" + std::string(150, 'x'), .mode = 04755, .uid = 3000000, .gid = 5};
  entries[1].xattrs = std::make_shared<const std::vector<std::pair<std::string, std::string>>>(
      std::vector<std::pair<std::string, std::string>>{{"user.a", std::string("1\n\0=2", 5)}});
  entries[2] = {.path = "h\xc3\xa9", .type = Type::kHardLink};
  entries[2].link_target = entries[1].path;
  entries[3] = {.path = "s", .type = Type::kSymlink, .mode = 0777};
  entries[3].link_target = std::string(120, 't');
  entries[4] = {.path = "c", .type = Type::kCharacterDevice, .device_major = 5, .device_minor = 1};
  entries[5] = {.path = "b", .type = Type::kBlockDevice, .device_major = 8, .device_minor = 2};
  entries[6] = {.path = "f", .type = Type::kFifo};
  std::string tar;
  base::StringSink sink(&tar);
  TarWriter writer(&sink, {.mtime = 12345});
  for (const LayerEntry& entry : entries) {
    ASSERT_OK(writer.Append(entry, entry.type == Type::kFile ? "content" : ""));
  }
  ASSERT_OK(writer.Finish());
  const Read read = ReadTar(tar);
  ASSERT_OK(read.status);
  ASSERT_EQ(read.entries.size(), entries.size());
  for (size_t i = 0; i < entries.size(); ++i) {
    const LayerEntry& got = read.entries[i].entry;
    EXPECT_EQ(got.path, entries[i].path);
    EXPECT_EQ(got.type, entries[i].type);
    EXPECT_EQ(got.mode, entries[i].mode);
    EXPECT_EQ(got.uid, entries[i].uid);
    EXPECT_EQ(got.gid, entries[i].gid);
    EXPECT_EQ(got.link_target, entries[i].link_target);
    EXPECT_EQ(got.device_major, entries[i].device_major);
    EXPECT_EQ(got.device_minor, entries[i].device_minor);
    EXPECT_EQ(read.entries[i].mtime, 12345);
    ASSERT_EQ(got.xattrs == nullptr, entries[i].xattrs == nullptr);
    if (got.xattrs != nullptr) EXPECT_EQ(*got.xattrs, *entries[i].xattrs);
  }
  EXPECT_EQ(read.contents[1], "content");
  EXPECT_EQ(tar.substr(read.entries[1].content_offset, 7), "content");
}

// Defect 4 of the predecessor: owners, times, attributes and devices lost; no long links, global
// records, base-256 numbers, sizes and links in pax.
TEST(TarReaderTest, OldAndGnuForms) {
  const std::string long_name = "d/" + std::string(300, 'n');
  // GNU: long name and link in headers of their own, with the NUL.
  TarEntry entry = One(Header({.name = "././@LongLink", .type = 'L', .size = Octal(303)}) +
                       Padded(long_name + std::string(1, '\0')) +
                       Header({.name = "././@LongLink", .type = 'K', .size = Octal(5)}) +
                       Padded("to/a") + Header({.name = "short", .type = '2', .link = "short"}));
  EXPECT_EQ(entry.entry.path, long_name);
  EXPECT_EQ(entry.entry.link_target, "to/a");
  // Before POSIX: no magic, NUL type, a slash for a directory.
  EXPECT_EQ(One(Header({.name = "old/", .type = '\0', .magic = std::string(8, '\0')})).entry.type,
            Type::kDirectory);
  EXPECT_EQ(One(Header({.name = "old", .type = '\0', .magic = std::string(8, '\0')})).entry.type,
            Type::kFile);
  // GNU's magic has no prefix field: times stand there.
  EXPECT_EQ(One(Header({.name = "gnu", .magic = std::string("ustar  \0", 8), .prefix = "junk"}))
                .entry.path,
            "gnu");
  EXPECT_EQ(One(Header({.name = "b", .prefix = "a"})).entry.path, "a/b");
  // Base-256 numbers.
  std::string uid(8, '\0');
  uid[0] = '\x80';
  uid[4] = 1;
  EXPECT_EQ(One(Header({.name = "f", .uid = uid})).entry.uid, 1u << 24);
  // Both ways of summing bytes above 127.
  EXPECT_EQ(One(Header({.name = "caf\xc3\xa9"}, /*signed_sum=*/true)).entry.path, "caf\xc3\xa9");
  EXPECT_EQ(One(Header({.name = "caf\xc3\xa9"})).entry.path, "caf\xc3\xa9");
}

TEST(TarReaderTest, PaxOverridesTheHeader) {
  const std::string content(700, 'c');
  const Read read = ReadTar(Pax('g', {{"uid", "7"}, {"comment", "of all"}}) +
                            Pax('x', {{"path", "new\nline"},
                                      {"size", "700"},
                                      {"mtime", "1700000000.25"},
                                      {"gid", "9"},
                                      {"LIBARCHIVE.xattr.user.%41", "aGk="},
                                      {"hdrcharset", "BINARY"}}) +
                            Header({.name = "f"}) + Padded(content) +
                            Pax('x', {{"uid", ""}, {"linkpath", "there"}}) +
                            Header({.name = "l", .type = '2'}) + End());
  ASSERT_OK(read.status);
  ASSERT_EQ(read.entries.size(), 2u);
  const LayerEntry& file = read.entries[0].entry;
  EXPECT_EQ(file.path, "new\nline");
  EXPECT_EQ(file.size, 700u);
  EXPECT_EQ(file.uid, 7u);
  EXPECT_EQ(file.gid, 9u);
  EXPECT_EQ(read.entries[0].mtime, 1700000000);
  ASSERT_NE(file.xattrs, nullptr);
  EXPECT_EQ(file.xattrs->at(0), (std::pair<std::string, std::string>("user.A", "hi")));
  EXPECT_EQ(read.contents[0], content);
  EXPECT_EQ(read.entries[1].entry.uid, 0u) << "an empty value takes a global one back";
  EXPECT_EQ(read.entries[1].entry.link_target, "there");
}

TEST(TarReaderTest, NamesAreNormalisedAndTheRootIsLeftOut) {
  const Read read = ReadTar(Header({.name = "./", .type = '5'}) +
                            Header({.name = ".//a/./b/", .type = '5'}) + End());
  ASSERT_OK(read.status);
  ASSERT_EQ(read.entries.size(), 1u);
  EXPECT_EQ(read.entries[0].entry.path, "a/b");
}

TEST(TarReaderTest, EndsAtTheEndMarkerOrTheEnd) {
  EXPECT_EQ(ReadTar(File("a", "1")).entries.size(), 1u);
  EXPECT_OK(ReadTar(File("a", "1")).status);
  EXPECT_OK(ReadTar("").status);
  const Read read = ReadTar(File("a", "1") + End() + "trailing garbage" + File("b", "2"));
  EXPECT_OK(read.status);
  EXPECT_EQ(read.entries.size(), 1u);
}

struct Hostile {
  std::string name;
  std::string tar;
  std::string message;
};

std::vector<Hostile> HostileTars() {
  const std::string good = File("good", "1");
  std::string bad_sum = Header({.name = "f"});
  bad_sum[0] = 'g';
  return {
      {"Absolute", Header({.name = "/etc/passwd"}), "is absolute"},
      {"DotDot", Header({.name = "a/../../etc/passwd"}), "\"..\""},
      {"Backslashes", Header({.name = "..\\..\\tmp\\evil"}), "\"..\""},
      {"Drive", Header({.name = "C:\\tmp\\evil"}), "drive"},
      {"DotDotInPax", Pax('x', {{"path", "../x"}}) + Header({.name = "f"}), "\"..\""},
      {"DotDotInGnuName",
       Header({.name = "L", .type = 'L', .size = Octal(4)}) + Padded("../x") +
           Header({.name = "f"}),
       "\"..\""},
      {"SymlinkOut", Header({.name = "etc/foo", .type = '2', .link = "../../../tmp/evil"}),
       "leads out of the root"},
      {"BelowSymlink",
       Header({.name = "a", .type = '2', .link = "/etc"}) + File("a/passwd", "root::0:0"),
       "`a/passwd` is below `a`"},
      {"HardLinkThroughSymlink",
       Header({.name = "a", .type = '2', .link = "/etc"}) +
           Header({.name = "b", .type = '1', .link = "a/shadow"}),
       "`a/shadow` is below `a`"},
      {"HardLinkOutside", Header({.name = "b", .type = '1', .link = "../../etc/shadow"}),
       "hard link `b` to a path `../../etc/shadow`"},
      {"HardLinkAbsolute", Header({.name = "b", .type = '1', .link = "/etc/shadow"}),
       "is absolute"},
      {"EmptyName", Header({.name = ""}), "is empty"},
      {"NulInPaxPath", Pax('x', {{"path", std::string("a\0b", 3)}}) + Header({.name = "f"}), "NUL"},
      {"Truncated", Header({.name = "f", .size = Octal(600)}) + std::string(512, 'x'),
       "88 bytes before the end"},
      {"TruncatedPadding", Header({.name = "f", .size = Octal(10)}) + std::string(10, 'x'),
       "in the padding"},
      {"HalfHeader", std::string(100, 'x'), "in the middle of a header"},
      {"Huge", Header({.name = "f", .size = "77777777777"}), "before the end"},
      {"NegativeSize", Header({.name = "f", .size = std::string(12, '\xff')}), "size is no number"},
      {"SizeOfABillionTera", Pax('x', {{"size", "99999999999999999999"}}) + Header({.name = "f"}),
       "size is no number"},
      {"DirectoryWithContent", Header({.name = "d", .type = '5', .size = Octal(512)}),
       "is no file but claims 512"},
      {"LinkWithContent", Header({.name = "d", .type = '1', .size = Octal(1), .link = "a"}),
       "is no file but claims 1"},
      {"Checksum", bad_sum, "checksum does not match"},
      {"Garbage", std::string(1024, 'g'), "checksum does not match"},
      {"Sparse", Header({.name = "f", .type = 'S'}), "sparse"},
      {"PaxSparse", Pax('x', {{"GNU.sparse.major", "1"}}) + Header({.name = "f"}), "sparse"},
      {"MultiVolume", Header({.name = "f", .type = 'M'}), "not supported"},
      {"PaxLength", Header({.name = "p", .type = 'x', .size = Octal(9)}) + Padded("99 a=b\nxx"),
       "wrong length"},
      {"PaxShortLength", Header({.name = "p", .type = 'x', .size = Octal(7)}) + Padded("3 a=b\n\n"),
       "wrong length"},
      {"PaxNoKey", Header({.name = "p", .type = 'x', .size = Octal(6)}) + Padded("6 =ab\n"),
       "no KEY=VALUE"},
      {"PaxThenEnd", Pax('x', {{"path", "a"}}) + End(), "after an extended header"},
      {"PaxCharset", Pax('x', {{"hdrcharset", "EBCDIC"}}) + Header({.name = "f"}), "hdrcharset"},
      {"AfterGood", good + Header({.name = "/abs"}), "header at byte 1024"},
  };
}

class HostileTarTest : public ::testing::TestWithParam<Hostile> {};

TEST_P(HostileTarTest, IsRefusedWithThePlace) {
  EXPECT_THAT(ReadTar(GetParam().tar).status,
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("header at byte "), HasSubstr(GetParam().message))));
}

INSTANTIATE_TEST_SUITE_P(All, HostileTarTest, ::testing::ValuesIn(HostileTars()),
                         [](const auto& info) { return info.param.name; });

TEST(TarReaderTest, LimitsAreNamed) {
  const std::string two = File("a", "1") + File("b", "22");
  EXPECT_THAT(ReadTar(two, {.max_entries = 1}).status,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("max_entries of 1")));
  EXPECT_THAT(ReadTar(two, {.max_file_bytes = 1}).status,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("max_file_bytes")));
  EXPECT_THAT(ReadTar(Pax('x', {{"path", std::string(5000, 'p')}}) + Header({.name = "f"})).status,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("max_path_bytes of 4096")));
  EXPECT_THAT(ReadTar(Header({.name = "x", .type = 'x', .size = "77777777777"})).status,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("max_header_bytes")));
  std::string many;
  for (int i = 0; i < 30; ++i) many += Pax('x', {{"comment", std::string(100, 'c')}});
  EXPECT_THAT(ReadTar(many + File("f", ""), {.max_header_bytes = 2000}).status,
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("max_header_bytes")));
}

TEST(TarReaderTest, ALinkThatIsReplacedIsNoLinkAnyMore) {
  EXPECT_OK(ReadTar(Header({.name = "a", .type = '2', .link = "x"}) +
                    Header({.name = "a", .type = '5'}) + File("a/b", "1") + End())
                .status);
}

TEST(TarReaderTest, LinksThatClimbAreReportedToThoseWhoAskForThem) {
  const std::string out = Header({.name = "etc/foo", .type = '2', .link = "../../tmp/evil"});
  const std::string in = Header({.name = "etc/bar", .type = '2', .link = "../tmp"});
  const Read read = ReadTar(out + in + End(), {.allow_climbing_symlinks = true});
  ASSERT_OK(read.status);
  ASSERT_EQ(read.entries.size(), 2u);
  EXPECT_TRUE(read.entries[0].climbs);
  EXPECT_EQ(read.entries[0].entry.link_target, "../../tmp/evil");
  EXPECT_FALSE(read.entries[1].climbs);
  EXPECT_THAT(ReadTar(Header({.name = "l", .type = '2'}), {.allow_climbing_symlinks = true}).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("has no target")));
}

TEST(TarReaderTest, LayersMayBeginNamesWithASlash) {
  const std::string tar = Header({.name = "/", .type = '5'}) + File("//a/b", "1") +
                          Header({.name = "/c", .type = '1', .link = "/a/b"}) +
                          Header({.name = "/d", .type = '2', .link = "/a/b"}) + End();
  const Read read = ReadTar(tar, {.strip_leading_slashes = true});
  ASSERT_OK(read.status);
  ASSERT_EQ(read.entries.size(), 3u);
  EXPECT_EQ(read.entries[0].entry.path, "a/b");
  EXPECT_EQ(read.entries[1].entry.link_target, "a/b");
  EXPECT_EQ(read.entries[2].entry.link_target, "/a/b") << "what a link says is not changed";
  EXPECT_THAT(ReadTar(File("/../x", "1"), {.strip_leading_slashes = true}).status,
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("..")));
}

TEST(TarReaderTest, MoreOfPax) {
  // hdrcharset in its other form; SCHILY wins over LIBARCHIVE, values hold anything.
  const TarEntry entry = One(Pax('x', {{"LIBARCHIVE.xattr.user.a", "aGk="},
                                       {"SCHILY.xattr.user.a", std::string("\n1 x=\0\n", 8)},
                                       {"hdrcharset", "ISO-IR 10646 2000 UTF-8"},
                                       {"linkpath", "other\nline"}}) +
                             Header({.name = "l", .type = '2', .link = "short"}));
  EXPECT_EQ(entry.entry.link_target, "other\nline");
  ASSERT_NE(entry.entry.xattrs, nullptr);
  EXPECT_EQ(entry.entry.xattrs->at(0).second, std::string("\n1 x=\0\n", 8));
  EXPECT_THAT(
      ReadTar(Pax('x', {{"LIBARCHIVE.xattr.user.%4", "aGk="}}) + Header({.name = "f"})).status,
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("not encoded as libarchive")));
}

}  // namespace
}  // namespace stevedore::oci
