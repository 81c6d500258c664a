// Commands that look at images and change names: against real registries, beside skopeo, and with a
// real bash.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/image_editor.h"
#include "oci/image/index.h"
#include "oci/image/media_type.h"
#include "tests/build/project.h"
#include "tests/harness/faulty_proxy.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"
#include "tests/transfer/registry_test_client.h"

namespace stevedore::testing {
namespace {

namespace registry_test = transfer::registry_test;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

class LookCommandsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(auto folder, base::TemporaryDirectory::Create());
    folder_.emplace(std::move(folder));
    ASSERT_OK_AND_ASSIGN(registry_, Registry::Start({.auth = RegistryOptions::Auth::kToken}));
    ASSERT_OK_AND_ASSIGN(const std::string config, registry_->WriteDockerConfig());
    login_ = config + "/config.json";
    environment_ = {{"HOME", folder_->path()}, {"DOCKER_CONFIG", config}};
    name_ = registry_->host() + "/shop/web";
    Push();
  }

  // An index of two images, as shop/web:1.0 and latest.
  void Push() {
    registry_test::Client client(registry_test::LoggedIn(*registry_, "alice", "wonderland"));
    const oci::Reference image = registry_test::Ref(registry_->host(), "shop/web:1.0");
    layer_ = registry_test::Bytes(300000);
    ASSERT_OK(
        client->PutBlob(image, registry_test::Describe(layer_), registry_test::Opener(layer_)));
    std::vector<oci::Descriptor> entries;
    for (const char* architecture : {"amd64", "arm64"}) {
      oci::ImageEditor editor({.os = "linux", .architecture = architecture});
      editor.SetSourceDateEpoch(1700000000);
      ASSERT_OK(editor.AppendLayer(
          {.diff_id = oci::Digest::Of("tar"), .descriptor = registry_test::Describe(layer_)}));
      editor.ChangeConfig({.env = {{"PATH", "/bin"}}, .labels = {{"team", "shop"}}});
      ASSERT_OK_AND_ASSIGN(const oci::Image made, editor.Finish());
      const std::string& config = made.config.bytes();
      oci::Descriptor described = registry_test::Describe(config);
      ASSERT_OK(client->PutBlob(image, described, registry_test::Opener(config)));
      ASSERT_OK(client->PutManifest(image.WithDigest(made.manifest.digest()), made.manifest.bytes(),
                                    made.manifest.media_type()));
      entries.push_back(made.manifest.ToDescriptor());
      entries.back().platform = oci::Platform{.os = "linux", .architecture = architecture};
      configs_[architecture] = config;
      manifests_[architecture] = made.manifest.bytes();
    }
    ASSERT_OK_AND_ASSIGN(const oci::Index index, oci::Index::Create(entries));
    index_ = index.bytes();
    for (const char* tag : {"1.0", "latest"}) {
      ASSERT_OK(client->PutManifest(*image.WithTag(tag), index_, oci::kOciIndex));
    }
  }

  ProcessResult Run(std::vector<std::string> argv) {
    const auto result = Process::Run({.argv = std::move(argv),
                                      .environment = environment_,
                                      .working_directory = folder_->path()});
    EXPECT_OK(result);
    return result.ok() ? *result : ProcessResult{-1, "", ""};
  }
  ProcessResult Cli(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ProgramPath("cli/stevedore-cli"));
    return Run(std::move(arguments));
  }
  // Standard output of a command that succeeds.
  std::string Out(std::vector<std::string> arguments) {
    const std::string what = absl::StrJoin(arguments, " ");
    const ProcessResult result = Cli(std::move(arguments));
    EXPECT_EQ(result.exit_code, 0) << what << "\n" << result.err;
    EXPECT_EQ(result.err, "") << what;
    return result.out;
  }

  std::optional<base::TemporaryDirectory> folder_;
  std::unique_ptr<Registry> registry_;
  std::map<std::string, std::string> environment_;
  std::string name_, login_, layer_, index_;
  std::map<std::string, std::string> configs_, manifests_;  // By architecture.
};

TEST_F(LookCommandsTest, InspectTellsWhatSkopeoTells) {
  Json ours = Json::parse(Out({"inspect", name_ + ":1.0", "--platform", "linux/arm64"}));
  const ProcessResult skopeo =
      Run({"skopeo", "--override-arch", "arm64", "inspect", "--tls-verify=false", "--authfile",
           login_, absl::StrCat("docker://", name_, ":1.0")});
  ASSERT_EQ(skopeo.exit_code, 0) << skopeo.err;
  Json theirs = Json::parse(skopeo.out);
  std::sort(theirs["RepoTags"].begin(), theirs["RepoTags"].end());
  if (!theirs.contains("LayersData")) {  // Older ones do not have it.
    EXPECT_EQ(ours["LayersData"][0]["Size"], layer_.size());
    ours.erase("LayersData");
  }
  EXPECT_EQ(ours, theirs);
  EXPECT_EQ(Json::parse(Out({"inspect", "--config", name_, "--platform", "linux/arm64"})),
            Json::parse(configs_["arm64"]));
  EXPECT_EQ(Out({"inspect", "--config", "--raw", name_, "--platform", "linux/arm64"}),
            configs_["arm64"]);
  EXPECT_EQ(Out({"inspect", "--raw", name_}), index_);
  EXPECT_EQ(Json::parse(Out({"inspect", "--no-tags", name_}))["RepoTags"], Json::array());
  EXPECT_EQ(Out({"inspect", "--no-tags", name_, "--platform", "linux/amd64", "--format",
                 "{{.Architecture}} {{index .Labels \"team\"}}{{range .Env}} {{.}}{{end}}"}),
            "amd64 shop PATH=/bin\n");
  EXPECT_THAT(Out({"inspect", "--no-tags", name_, "--output", "yaml"}), HasSubstr("Os: linux"));
}

TEST_F(LookCommandsTest, ListsTagsAndRepositories) {
  EXPECT_EQ(Out({"ls", name_}), "1.0\nlatest\n");
  EXPECT_EQ(Out({"ls", "--full-ref", name_}), absl::StrCat(name_, ":1.0\n", name_, ":latest\n"));
  const std::string signature = absl::StrCat("sha256-", oci::Digest::Of(index_).hex(), ".sig");
  EXPECT_EQ(Out({"tag", name_ + ":1.0", signature}), absl::StrCat(name_, ":", signature, "\n"));
  EXPECT_THAT(Out({"ls", name_}), HasSubstr(signature));
  EXPECT_EQ(Out({"ls", "--omit-digest-tags", name_}), "1.0\nlatest\n");
  const Json json = Json::parse(Out({"list-tags", "-O", name_, "--output", "json"}));
  EXPECT_EQ(json["Repository"], name_);
  EXPECT_EQ(json["Tags"], Json({"1.0", "latest"}));
  // This registry lets alice read repositories, but perhaps not its catalogue.
  const ProcessResult catalog = Cli({"catalog", registry_->host()});
  if (catalog.exit_code == 0) {
    EXPECT_EQ(catalog.out, "shop/web\n");
  } else {
    EXPECT_EQ(catalog.exit_code, 3);
    EXPECT_THAT(catalog.err, HasSubstr("repositories of " + registry_->host()));
  }
}

TEST_F(LookCommandsTest, CatalogueOfAnOpenRegistry) {
  ASSERT_OK_AND_ASSIGN(const auto open, Registry::Start());
  registry_test::Client client;
  const oci::Reference image = registry_test::Ref(open->host(), "tools/a:1");
  ASSERT_OK(
      client->PutManifest(image, registry_test::PushEmptyConfig(client, image), oci::kOciManifest));
  EXPECT_EQ(Out({"catalog", open->host()}), "tools/a\n");
  EXPECT_EQ(Out({"catalog", "--full-ref", open->host()}), open->host() + "/tools/a\n");
  EXPECT_EQ(Json::parse(Out({"catalog", open->host(), "--output", "json"}))["Repositories"],
            Json({"tools/a"}));
}

TEST_F(LookCommandsTest, PrintsDocumentsByteForByte) {
  EXPECT_EQ(Out({"manifest", name_ + ":1.0"}), index_);
  EXPECT_EQ(Out({"manifest", name_ + ":1.0", "--platform", "linux/arm64"}), manifests_["arm64"]);
  EXPECT_EQ(Json::parse(Out({"manifest", name_, "--output", "json"})), Json::parse(index_));
  EXPECT_EQ(Out({"config", name_, "--platform", "linux/amd64"}), configs_["amd64"]);
  const std::string digest = oci::Digest::Of(index_).ToString();
  EXPECT_EQ(Out({"digest", name_}), digest + "\n");
  EXPECT_EQ(Out({"digest", "--full-ref", name_}), absl::StrCat(name_, "@", digest, "\n"));
  EXPECT_EQ(Out({"digest", name_, "--platform", "linux/arm64"}),
            oci::Digest::Of(manifests_["arm64"]).ToString() + "\n");
  EXPECT_EQ(Out({"blob", absl::StrCat(name_, "@", oci::Digest::Of(layer_).ToString())}), layer_);
}

TEST_F(LookCommandsTest, LooksIntoLayoutsAndChangesNamesThere) {
  const std::string place = "oci:layout:web";
  const ProcessResult copied = Run({"skopeo", "--override-arch", "amd64", "--insecure-policy",
                                    "copy", "--src-tls-verify=false", "--src-authfile", login_,
                                    absl::StrCat("docker://", name_, ":1.0"), place});
  ASSERT_EQ(copied.exit_code, 0) << copied.err;
  EXPECT_EQ(Json::parse(Out({"inspect", place}))["Architecture"], "amd64");
  // skopeo compresses layers on their way into a layout, which changes the manifest.
  EXPECT_EQ(Json::parse(Out({"manifest", place}))["config"]["digest"],
            oci::Digest::Of(configs_["amd64"]).ToString());
  EXPECT_EQ(Out({"tag", "oci:layout:web", "other"}), "other\n");
  EXPECT_EQ(Out({"digest", "oci:layout:other"}), Out({"digest", "oci:layout:web"}));
  EXPECT_EQ(Out({"delete", "oci:layout:other"}), "oci:layout:other\n");
  EXPECT_EQ(Cli({"digest", "oci:layout:other"}).exit_code, 1);
}

TEST_F(LookCommandsTest, TaggingMovesNoBlob) {
  ASSERT_OK_AND_ASSIGN(const auto open, Registry::Start());
  ASSERT_OK_AND_ASSIGN(const auto proxy, FaultyProxy::Start(open->port()));
  registry_test::Client client;
  const oci::Reference image = registry_test::Ref(proxy->host(), "tools/a:1");
  ASSERT_OK(
      client->PutManifest(image, registry_test::PushEmptyConfig(client, image), oci::kOciManifest));
  const int blobs = proxy->RequestCount("/blobs/");
  const int all = proxy->RequestCount("");
  EXPECT_EQ(Out({"tag", image.Canonical(), "2", "3"}),
            absl::StrCat(image.Name(), ":2\n", image.Name(), ":3\n"));
  EXPECT_EQ(proxy->RequestCount("/blobs/"), blobs);
  EXPECT_EQ(proxy->RequestCount(""), all + 3);
  EXPECT_EQ(Out({"digest", image.Name() + ":3"}), Out({"digest", image.Canonical()}));
}

TEST_F(LookCommandsTest, DeletesAndKeepsWhatItDidNotName) {
  const std::string by_digest = absl::StrCat(name_, "@", oci::Digest::Of(index_).ToString());
  EXPECT_EQ(Out({"delete", by_digest}), by_digest + "\n");
  const ProcessResult gone = Cli({"digest", name_ + ":1.0"});
  EXPECT_EQ(gone.exit_code, 1);
  EXPECT_THAT(gone.err, HasSubstr(name_ + ":1.0"));
  EXPECT_EQ(Cli({"delete", by_digest}).exit_code, 1);
  // The command of that name is still there.
  EXPECT_THAT(Cli({"delete", "credentials", "--help"}).out, HasSubstr("credentials"));
  EXPECT_EQ(Cli({"delete"}).exit_code, 2);
}

TEST_F(LookCommandsTest, ExitCodesSayWhatKindOfFailureItWas) {
  EXPECT_EQ(Cli({"inspect", name_ + ":none"}).exit_code, 1);
  EXPECT_EQ(Cli({"inspect", name_, "--platform", "linux/mips"}).exit_code, 1);
  EXPECT_EQ(Cli({"inspect", "ftp://nope"}).exit_code, 2);
  EXPECT_EQ(Cli({"inspect"}).exit_code, 2);
  EXPECT_EQ(Cli({"blob", name_}).exit_code, 2);
  EXPECT_EQ(Cli({"ls", name_, "--authfile", "/no/such/file"}).exit_code, 2);
  environment_["DOCKER_CONFIG"] = folder_->path();
  const ProcessResult stranger = Cli({"ls", name_});
  EXPECT_EQ(stranger.exit_code, 3);
  EXPECT_THAT(stranger.err, HasSubstr("docker login " + registry_->host()));
  // --authfile is a login like any other.
  EXPECT_EQ(Out({"ls", name_, "--authfile", login_}), "1.0\nlatest\n");
  registry_->Kill();
  EXPECT_EQ(Cli({"digest", name_}).exit_code, 3);
}

TEST_F(LookCommandsTest, SettingsOfTheProjectCount) {
  ASSERT_OK_AND_ASSIGN(const auto tls, Registry::Start({.tls = true}));
  EXPECT_EQ(Cli({"catalog", tls->host()}).exit_code, 3);
  const auto write = [&](const std::string& settings) {
    return base::WriteFileAtomically(
        base::JoinPath(folder_->path(), "stevedore.yaml"),
        absl::StrCat("registries:\n  \"", tls->host(), "\": {", settings, "}\n"));
  };
  ASSERT_OK(write("ca_file: " + tls->ca_file()));
  EXPECT_EQ(Out({"catalog", tls->host()}), "");
  ASSERT_OK(write("blocked: true"));
  const ProcessResult blocked = Cli({"catalog", tls->host()});
  EXPECT_EQ(blocked.exit_code, 2);
  EXPECT_THAT(blocked.err, HasSubstr("is blocked by stevedore.yaml:2:3"));
  ASSERT_OK(write("blokked: true"));
  EXPECT_THAT(Cli({"validate"}).err, HasSubstr("did you mean `blocked`?"));
}

TEST_F(LookCommandsTest, BashCompletesTagsAndRepositories) {
  const std::string script = base::JoinPath(folder_->path(), "completion.bash");
  ASSERT_OK(base::WriteFileAtomically(script, Out({"completion", "bash"})));
  // What bash hands to a completion function: words end at colons, too.
  const auto complete = [&](const std::string& command, const std::string& word) {
    const std::string program = ProgramPath("cli/stevedore-cli");
    const std::string words = absl::StrReplaceAll(word, {{":", " : "}});
    return Run({"bash", "-c",
                absl::StrCat("source ", script, "; COMP_LINE='", program, " ", command, " ", word,
                             "'; COMP_POINT=${#COMP_LINE}; COMP_WORDS=(", program, " ", command,
                             " ", words, "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); ",
                             "_stevedore_cli; printf '%s\\n' \"${COMPREPLY[@]}\"")})
        .out;
  };
  EXPECT_EQ(complete("inspect", name_ + ":"), "1.0\nlatest\n");
  EXPECT_EQ(complete("digest", name_ + ":l"), "latest\n");
  ASSERT_OK_AND_ASSIGN(const auto open, Registry::Start());
  registry_test::Client client;
  const oci::Reference image = registry_test::Ref(open->host(), "tools/a:1");
  ASSERT_OK(
      client->PutManifest(image, registry_test::PushEmptyConfig(client, image), oci::kOciManifest));
  EXPECT_EQ(complete("ls", open->host() + "/to"), absl::StrCat(open->port(), "/tools/a\n"));
  EXPECT_EQ(complete("manifest", "--pl"), "--platform\n");
  // Nobody there: nothing, and no word about it.
  open->Kill();
  EXPECT_EQ(complete("ls", open->host() + "/to"), "\n");
}

}  // namespace
}  // namespace stevedore::testing
