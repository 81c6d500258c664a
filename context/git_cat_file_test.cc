#include "context/git_cat_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <optional>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "context/testing/git_workshop.h"

namespace stevedore::context {
namespace {

using ::stevedore::base::testing::StatusIs;
using ::testing::HasSubstr;

// Keeps what is written; stops at a limit.
class TextSink final : public base::ByteSink {
 public:
  explicit TextSink(size_t limit = SIZE_MAX) : limit_(limit) {}
  absl::Status Write(absl::string_view bytes) override {
    text_.append(bytes.data(), bytes.size());
    if (text_.size() > limit_) return absl::ResourceExhaustedError("sink is full");
    return absl::OkStatus();
  }
  absl::Status Close() override { return absl::OkStatus(); }
  const std::string& text() const { return text_; }

 private:
  const size_t limit_;
  std::string text_;
};

class CatFileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(base::TemporaryDirectory directory, base::TemporaryDirectory::Create());
    directory_.emplace(std::move(directory));
    repository_.emplace(directory_->path() + "/web");
    content_.assign(3 << 20, 'x');
    content_ += "\nend";
    repository_->Write("large", content_);
    repository_->Commit("one");
    git_directory_ = repository_->path() + "/.git";
  }
  std::optional<base::TemporaryDirectory> directory_;
  std::optional<testing::GitWorkshop> repository_;
  std::string content_, git_directory_;
};

TEST_F(CatFileTest, StreamsWhatIsThere) {
  TextSink sink;
  ASSERT_OK(CatFile(git_directory_, repository_->Git({"rev-parse", "HEAD:large"}), sink, {}));
  EXPECT_TRUE(sink.text() == content_);
}

TEST_F(CatFileTest, OtherObjectsAreNone) {
  TextSink sink;
  EXPECT_THAT(CatFile(git_directory_, std::string(40, '0'), sink, {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("0000")));
  EXPECT_THAT(CatFile(git_directory_, repository_->Git({"rev-parse", "HEAD"}), sink, {}),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("commit")));
  EXPECT_EQ(sink.text(), "");
}

TEST_F(CatFileTest, NoRepositoryIsDamage) {
  TextSink sink;
  EXPECT_THAT(CatFile(directory_->path(), std::string(40, '0'), sink, {}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(directory_->path())));
}

TEST_F(CatFileTest, EndsWithTheSinkOrTheStop) {
  const std::string id = repository_->Git({"rev-parse", "HEAD:large"});
  TextSink small(1000);
  EXPECT_THAT(CatFile(git_directory_, id, small, {}),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("full")));
  std::stop_source stop;
  stop.request_stop();
  TextSink sink;
  EXPECT_THAT(CatFile(git_directory_, id, sink, stop.get_token()),
              StatusIs(absl::StatusCode::kCancelled, HasSubstr("cancel")));
}

TEST_F(CatFileTest, WithoutGitItSaysWhatToInstall) {
  const std::string path = std::getenv("PATH");
  ::setenv("PATH", "/nowhere", 1);
  TextSink sink;
  EXPECT_THAT(CatFile(git_directory_, std::string(40, '0'), sink, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("install")));
  ::setenv("PATH", path.c_str(), 1);
}

}  // namespace
}  // namespace stevedore::context
