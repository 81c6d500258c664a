#include "oci/layer/tar_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "base/hash.h"
#include "base/testing/status_matchers.h"

namespace stevedore::oci {
namespace {

using base::testing::StatusIs;
using ::testing::HasSubstr;
using Type = LayerEntry::Type;

struct Item {
  std::string path;
  std::string content;  // Or link target.
  Type type = Type::kFile;
  uint32_t mode = 0644;
};

struct Vector {
  std::string name;
  std::vector<Item> items;
  size_t size;
  std::string sha256;
};

Item Dir(std::string path) { return {path, "", Type::kDirectory, 0755}; }
Item Link(std::string path, std::string target) { return {path, target, Type::kSymlink, 0777}; }

// Reproduced byte for byte by Go's archive/tar (T0, T1, T3, T4, F1 to F3).
std::vector<Vector> Vectors() {
  return {
      {"T0", {}, 1024, "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"},
      {"T1",
       {{"f", "hi"}},
       2048,
       "1b80537dc2bd16004b89f8c4ebd6ea9651081c5140c81926c4e30a80c3aff293"},
      {"T2", {Dir("d")}, 1536, "bfa2190f852790e2ca6c6029888d602e0f923256b96caf5115361a77c2951e4b"},
      {"T3",
       {Dir("etc/"), {"etc/hi", "hi"}},
       2560,
       "aeacf9c4267892f99dd3a9f8093352bdff8ee4b8b3243cc2033d6665552cbf98"},
      {"T4",
       {{"hello.txt", "hello"},
        Dir("subdir"),
        Link("link", "hello.txt"),
        {"hard", "hello.txt", Type::kHardLink}},
       3584,
       "df1681ee0df468d70a6f950ec191a118aea672fd158bac02429329299b7c1807"},
      {"T5",
       {{std::string(60, 'a') + "/" + std::string(60, 'b'), "abc"}},
       2048,
       "92b7191aa455fd54b8c0daef7396bc7eaf142fc48a16961c9cc8d6044b1247c7"},
      {"T6",
       {Dir("bin"),
        Dir("etc"),
        {"bin/busybox", "#!/bin/true\n"},
        {"etc/stevedore-test", "synthetic\n"},
        Link("bin/sh", "/bin/busybox")},
       4608,
       "48f0d8d4724d6ddf79167c3cf6ac44aba4152d2257d8c3a442e3c8037343a141"},
      {"T7",
       {{"f", "x"}},
       2048,
       "5990f42a62fc6dae2bfdb9f43cd4f1fb8122b549566195a6a60875adda7997bc"},
      {"TA",
       {{"a", "A"}, {"b", "B"}},
       3072,
       "ae7f1d1c266aba5adc43cbf568153fcd5525d3425f0bd681dec3a2a0fe530e3c"},
      {"T8",
       {{".wh.a", ""}, {"c", "C"}},
       2560,
       "84a66c1f5a256c735652558ca8afb841c094fcf08fd02d84e1889228f7135026"},
      {"T9",
       {{"b", "B"}, {"c", "C"}},
       3072,
       "539ab1442635b456484f9423df3cbd8321143f9d2fd9e60bc6cb14a43f3e0dbd"},
      {"T10",
       {Dir("etc/"), {"etc/hello", "world"}, {"run", "#!/bin/sh\n"}},
       3584,
       "71fc142bcd0552c7519b1a4c9d797a5df8ab2d5241957fc57e066fd49a651796"},
      {"F1",
       {{"/test", "testy", Type::kFile, 0}},
       2048,
       "23db89a59ae4a121b898c6ff3ed698fb76f34f02a59edc00b6a554f679297d11"},
      {"F2",
       {{"/test", "testy", Type::kFile, 0}, {"/testalt", "footesty", Type::kFile, 0}},
       3072,
       "1063e4d3e68a1de07d605c49885a488d3cb66d7263044b462856ba115daa6f35"},
      {"F3",
       {{"/1", "1", Type::kFile, 0},
        {"/2", "2", Type::kFile, 0},
        {"/3", "3", Type::kFile, 0},
        {"/4", "4", Type::kFile, 0},
        {"/5", "5", Type::kFile, 0},
        {"/6", "6", Type::kFile, 0},
        {"/7", "7", Type::kFile, 0},
        {"/8", "8", Type::kFile, 0},
        {"/9", "9", Type::kFile, 0}},
       10240,
       "7c313e84d0f5c815213ba85b726a1df71c3c6e038989187d5d2a9b40ee3330f3"},
  };
}

class TarVectorTest : public ::testing::TestWithParam<Vector> {};

TEST_P(TarVectorTest, KnownBytes) {
  std::string tar;
  base::StringSink sink(&tar);
  TarWriter writer(&sink, TarHeaderOptions{.directory_slash = false});
  for (const Item& item : GetParam().items) {
    LayerEntry entry{.path = item.path, .type = item.type, .mode = item.mode};
    if (item.type == Type::kFile) {
      ASSERT_OK(writer.Append(entry, item.content));
    } else {
      entry.link_target = item.content;
      ASSERT_OK(writer.Append(entry));
    }
  }
  ASSERT_OK(writer.Finish());
  EXPECT_EQ(tar.size(), GetParam().size);
  EXPECT_EQ(base::Sha256Hex(tar), GetParam().sha256);
}

INSTANTIATE_TEST_SUITE_P(KnownAnswers, TarVectorTest, ::testing::ValuesIn(Vectors()),
                         [](const auto& info) { return info.param.name; });

TEST(TarWriterTest, TakesContentFromAStreamOfTheSameBytes) {
  std::string from_text, from_stream;
  base::StringSink text_sink(&from_text), stream_sink(&from_stream);
  const std::string content(100'000, 'x');
  ASSERT_OK(TarWriter(&text_sink).Append({.path = "f"}, content));
  base::StringSource source(content);
  ASSERT_OK(TarWriter(&stream_sink).Append({.path = "f", .size = content.size()}, source));
  EXPECT_EQ(from_text, from_stream);
}

TEST(TarWriterTest, ContentThatIsNotAsLongAsSaidIsAnError) {
  std::string out;
  base::StringSink sink(&out);
  base::StringSource is_short("abc"), is_long("abcdef");
  EXPECT_THAT(TarWriter(&sink).Append({.path = "f", .size = 4}, is_short),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("`f`: content is shorter")));
  EXPECT_THAT(TarWriter(&sink).Append({.path = "f", .size = 4}, is_long),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("longer than 4")));
  EXPECT_THAT(TarWriter(&sink).Append({.path = "d", .type = Type::kDirectory}, "x"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("is no file")));
}

}  // namespace
}  // namespace stevedore::oci
