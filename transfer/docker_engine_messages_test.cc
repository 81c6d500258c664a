#include "transfer/docker_engine_messages.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace stevedore::transfer {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

// Gives `text` in pieces of `piece` bytes.
class Pieces final : public base::ByteSource {
 public:
  Pieces(std::string text, size_t piece) : text_(std::move(text)), piece_(piece) {}
  absl::StatusOr<size_t> Read(char* buffer, size_t size) override {
    const size_t count = text_.copy(buffer, std::min(size, piece_), position_);
    position_ += count;
    return count;
  }

 private:
  const std::string text_;
  const size_t piece_;
  size_t position_ = 0;
};

TEST(EngineMessageReaderTest, DocumentsInPiecesOfAnySize) {
  const std::string text =
      "{\"stream\":\"Step 1/2 : FROM x\\n\"}\r\n\n  {\"status\":\"Pulling {\\\"\",\"id\":\"ab\","
      "\"progress\":\"[=>\"}{\"aux\":{\"ID\":\"sha256:12\"}}\n"
      "{\"errorDetail\":{\"code\":3,\"message\":\"RUN failed\"},\"error\":\"old text\"}";
  for (const size_t piece : {size_t{1}, size_t{2}, size_t{7}, text.size()}) {
    Pieces source(text, piece);
    EngineMessageReader reader(&source);
    std::vector<EngineMessage> messages;
    while (true) {
      ASSERT_OK_AND_ASSIGN(std::optional<EngineMessage> message, reader.Next());
      if (!message.has_value()) break;
      messages.push_back(*std::move(message));
    }
    ASSERT_EQ(messages.size(), 4u);
    EXPECT_EQ(messages[0].stream, "Step 1/2 : FROM x\n");
    EXPECT_EQ(messages[1].status, "Pulling {\"");
    EXPECT_EQ(messages[1].id, "ab");
    EXPECT_EQ(messages[1].progress, "[=>");
    EXPECT_EQ(messages[2].AuxText("ID"), "sha256:12");
    EXPECT_EQ(messages[2].AuxText("Digest"), "");
    EXPECT_EQ(messages[3].error, "RUN failed");
    EXPECT_EQ(messages[3].error_code, 3);
  }
}

TEST(EngineMessageReaderTest, LongDocuments) {
  Pieces source(absl::StrCat("{\"stream\":\"", std::string(5 << 20, 'x'), "\"}"), 50'000);
  EngineMessageReader reader(&source);
  ASSERT_OK_AND_ASSIGN(const std::optional<EngineMessage> message, reader.Next());
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->stream.size(), size_t{5} << 20);
}

TEST(EngineMessageReaderTest, AnErrorNeedsNoText) {
  Pieces source("{\"errorDetail\":{}}", 100);
  EngineMessageReader reader(&source);
  ASSERT_OK_AND_ASSIGN(const std::optional<EngineMessage> message, reader.Next());
  EXPECT_THAT(message->error, HasSubstr("without a text"));
}

TEST(EngineMessageReaderTest, BrokenStreams) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"{\"stream\":\"a", "cut off after `{\"stream\":\"a`"},
      {"<html>\n", "no stream of JSON objects: `<html>"},
      {"[1]", "no stream of JSON objects"},
      {"]", "no stream of JSON objects"},
      {"{]", "no stream of JSON objects"},
      {"{\"a\":}\n", "no stream of JSON objects"},
      {"{\"a\":" + std::string(100, '[') + std::string(100, ']') + "}", "no stream"},
  };
  for (const auto& [text, message] : cases) {
    Pieces source(text, 3);
    EngineMessageReader reader(&source);
    EXPECT_THAT(reader.Next(), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(message))) << text;
  }
}

}  // namespace
}  // namespace stevedore::transfer
