#include "cli/sealed_submission.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/secret.h"
#include "base/testing/status_matchers.h"
#include "coordinator/submission.h"
#include "credentials/record.h"
#include "stevedore/v1/build_service.pb.h"

namespace stevedore::cli {
namespace {

using base::testing::StatusIs;
using credentials::Credential;
using credentials::CredentialBundle;
using credentials::MemoryCredentialStore;
using credentials::MemoryRecordStore;
using credentials::Record;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class SealedSubmissionTest : public ::testing::Test {
 protected:
  void AddImage(const std::string& id, const std::string& reference) {
    v1::Image& image = submission_.images.emplace_back();
    image.set_id(id);
    image.set_reference(reference);
    image.set_options_json("{}");
  }
  absl::StatusOr<CredentialBundle> Collect() {
    return CollectCredentials(submission_, needs_, logins_, &records_);
  }
  static Credential Login(const std::string& name) {
    return {name, base::Secret(absl::StrCat("password of ", name)), "here"};
  }
  static Record Named(const std::string& id) {
    Record record;
    record.id = id;
    record.username = "git";
    record.password = base::Secret("token");
    return record;
  }

  coordinator::Submission submission_;
  CredentialNeeds needs_;
  MemoryCredentialStore logins_{{{"one:5000", Login("ci")},
                                 {"one:5000/special", Login("special")},
                                 {"two:5000", Login("reader")},
                                 {"three:5000", Login("nobody needs this")}}};
  Record agent_ = [] {
    Record record;
    record.id = "agent";
    record.use_ssh_agent = true;
    return record;
  }();
  MemoryRecordStore records_{"store of the test", {Named("git"), Named("unused"), agent_}};
};

TEST_F(SealedSubmissionTest, TakesWhatTheBuildNeedsAndNothingElse) {
  AddImage("web:1", "one:5000/shop/web:1");
  submission_.images.back().add_tags("one:5000/shop/web:stable");
  AddImage("api:1", "one:5000/shop/api:1");
  AddImage("odd:1", "one:5000/special/odd:1");
  AddImage("free:1", "four:5000/free:1");
  v1::ExternalImage* parent = submission_.header.add_external_images();
  parent->set_id("base:1");
  parent->set_reference("two:5000/base:1");
  needs_.ids = {"git"};
  needs_.artifact_repository = "one:5000/artifacts";
  ASSERT_OK_AND_ASSIGN(const CredentialBundle bundle, Collect());
  ASSERT_EQ(bundle.registries.size(), 3u);
  EXPECT_EQ(bundle.registries[0].credential.username, "ci");
  EXPECT_THAT(bundle.registries[0].repositories,
              UnorderedElementsAre("one:5000/shop/web", "one:5000/shop/api"));
  EXPECT_EQ(bundle.registries[1].credential.username, "special");
  EXPECT_THAT(bundle.registries[1].repositories, ElementsAre("one:5000/special/odd"));
  EXPECT_EQ(bundle.registries[2].credential.username, "reader");
  EXPECT_THAT(bundle.registries[2].repositories, ElementsAre("two:5000/base"));
  ASSERT_EQ(bundle.records.size(), 1u);
  EXPECT_EQ(bundle.records[0].id, "git");

  submission_.images.back().add_contexts();
  ASSERT_OK_AND_ASSIGN(const CredentialBundle with_contexts, Collect());
  EXPECT_THAT(with_contexts.registries[0].repositories, ::testing::Contains("one:5000/artifacts"));
}

TEST_F(SealedSubmissionTest, ManyRepositoriesBecomeTheirRegistry) {
  for (int i = 0; i < 1001; ++i) AddImage(absl::StrCat("i", i), absl::StrCat("two:5000/i", i));
  ASSERT_OK_AND_ASSIGN(const CredentialBundle bundle, Collect());
  ASSERT_EQ(bundle.registries.size(), 1u);
  EXPECT_THAT(bundle.registries[0].repositories, ElementsAre("two:5000"));
}

TEST_F(SealedSubmissionTest, WhatTheUserAddsMustBeThere) {
  needs_.further = {"three:5000/base"};
  ASSERT_OK_AND_ASSIGN(const CredentialBundle bundle, Collect());
  EXPECT_THAT(bundle.registries[0].repositories, ElementsAre("three:5000/base"));
  needs_.further = {"four:5000"};
  EXPECT_THAT(Collect(), StatusIs(absl::StatusCode::kNotFound, HasSubstr("`four:5000`")));
}

TEST_F(SealedSubmissionTest, IdsComeFromOptionsToo) {
  EXPECT_THAT(CredentialIdsOf(R"({"secrets": [{"id": "x", "credentials_id": "b"},
                                              {"credentials_id": "a"}],
                                  "credentials_id": 3, "other": "credentials_id"})"),
              ElementsAre("a", "b"));
  EXPECT_THAT(CredentialIdsOf("no JSON"), ElementsAre());
  AddImage("web:1", "four:5000/web:1");
  submission_.images.back().set_options_json(R"({"secrets": [{"credentials_id": "missing"}]})");
  EXPECT_THAT(Collect(), StatusIs(absl::StatusCode::kNotFound,
                                  AllOf(HasSubstr("store of the test"), HasSubstr("`missing`"))));
}

TEST_F(SealedSubmissionTest, KeysTravelAgentsDoNot) {
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  Record with_key;
  with_key.id = "key";
  with_key.private_key_file = directory.path() + "/id_ed25519";
  const MemoryRecordStore records("store of the test", {with_key});
  needs_.ids = {"key"};
  EXPECT_THAT(CollectCredentials(submission_, needs_, logins_, &records),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("id_ed25519")));
  ASSERT_OK(base::WriteFileAtomically(with_key.private_key_file, "the key"));
  ASSERT_OK_AND_ASSIGN(const CredentialBundle bundle,
                       CollectCredentials(submission_, needs_, logins_, &records));
  EXPECT_EQ(bundle.records[0].private_key.Reveal(), "the key");

  needs_.ids = {"agent"};
  EXPECT_THAT(Collect(), StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("SSH agent")));
}

TEST_F(SealedSubmissionTest, TheKeyIsTheFilesElseTheCoordinators) {
  ASSERT_OK_AND_ASSIGN(const auto one, credentials::SealingPrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(const auto two, credentials::SealingPrivateKey::Generate());
  ASSERT_OK_AND_ASSIGN(const auto directory, base::TemporaryDirectory::Create());
  const std::string file = directory.path() + "/key.pub";
  ASSERT_OK(base::WriteFileAtomically(file, one.public_key().ToString() + "\n"));
  ASSERT_OK_AND_ASSIGN(auto key, ReadSealingKey("", two.public_key().ToString()));
  EXPECT_EQ(key.id(), two.public_key().id());
  ASSERT_OK_AND_ASSIGN(key, ReadSealingKey(file, two.public_key().ToString()));
  EXPECT_EQ(key.id(), one.public_key().id());
  EXPECT_THAT(ReadSealingKey("", ""),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("--sealing-public-key")));
  EXPECT_THAT(ReadSealingKey("", "nonsense"), StatusIs(absl::StatusCode::kInvalidArgument));
  ASSERT_OK(base::WriteFileAtomically(file, one.ToString().Reveal()));
  EXPECT_THAT(ReadSealingKey(file, ""),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr(file), HasSubstr("private half"))));
}

}  // namespace
}  // namespace stevedore::cli
