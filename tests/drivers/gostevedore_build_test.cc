// A tree of gostevedore's, with files that nobody touched, built with a Docker engine and pushed to
// a registry that wants tokens over TLS: on this machine, and by a fleet.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "context/testing/git_workshop.h"
#include "tests/build/fleet.h"
#include "tests/build/project.h"
#include "tests/harness/docker_engine.h"
#include "tests/harness/git_server.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"

namespace stevedore::testing {
namespace {

using context::testing::GitWorkshop;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr char kConfiguration[] = R"yaml(images_path: images
builders_path: builders
num_workers: 2
push_images: true
semantic_version_tags_enabled: true
semantic_version_tags_templates:
  - "{{ .Major }}.{{ .Minor }}"
credentials:
  storage_type: local
  format: json
  local_storage_path: credentials
  encryption_key: unit-test-key
)yaml";

// GIT is replaced by the server's URL.
constexpr char kBuilders[] = R"yaml(builders:
  # The sources are in git, and the Dockerfile is not among them.
  sources:
    driver: docker
    options:
      dockerfile: build/Dockerfile
      context:
        - git:
            repository: GIT/shop/.git
            reference: main
            path: api
            auth:
              credentials_id: shop-git
        - path: docker/app
  library:
    driver: docker
    options:
      context:
        - path: docker/common
        - git:
            repository: GIT/shop/.git
            path: lib
            auth:
              credentials_id: shop-git
        - path: docker/lib
    variables_mapping:
      image_from_name_key: PARENT_NAME
      image_from_registry_host_key: PARENT_HOST
      image_from_registry_namespace_key: PARENT_NAMESPACE
      image_from_tag_key: PARENT_TAG
)yaml";

// REGISTRY is replaced.
constexpr char kFoundation[] = R"yaml(images:
  os:
    "1.10":
      registry: REGISTRY
      namespace: shop
      persistent_vars:
        tz: UTC
      persistent_labels:
        team: shop
      builder:
        driver: docker
        options:
          context:
            path: docker/os
  lib:
    2.1.0:
      registry: REGISTRY
      namespace: shop
      version: "{{ .Version }}-{{ .Parent.Name }}{{ .Parent.Version }}"
      builder: library
      parents:
        os: ["1.10"]
)yaml";

constexpr char kApps[] = R"yaml(images:
  web:
    1.4.2:
      registry: REGISTRY
      namespace: shop
      builder:
        driver: docker
        options:
          dockerfile: build/Dockerfile
          context:
            - git:
                repository: GIT/shop/.git
                path: "{{ .Name }}"
                auth:
                  credentials_id: shop-git
            - path: docker/app
      tags: [stable]
      vars:
        greeting: hello
      parents:
        lib: ["2.1.0"]
  api:
    3.0.1:
      registry: REGISTRY
      namespace: shop
      builder: sources
      labels:
        kind: api
      parents:
        lib: ["2.1.0"]
)yaml";

// The steps check by themselves that each file is the one that should have won.
constexpr char kOs[] =
    "FROM scratch\nCOPY busybox /bin/busybox\n"
    "RUN [\"/bin/busybox\", \"--install\", \"-s\", \"/bin\"]\nENV PATH=/bin\n"
    "ARG tz\nRUN test \"$tz\" = UTC && mkdir -p /etc && echo $tz > /etc/timezone\n";
constexpr char kLib[] =
    "ARG PARENT_HOST\nARG PARENT_NAMESPACE\nARG PARENT_NAME\nARG PARENT_TAG\n"
    "FROM ${PARENT_HOST}/${PARENT_NAMESPACE}/${PARENT_NAME}:${PARENT_TAG}\n"
    "COPY . /usr/lib/shop\n"
    "RUN grep -q 'from git' /usr/lib/shop/shared && grep -q common /usr/lib/shop/only-common && "
    "test -x /usr/lib/shop/tool\n";
constexpr char kApp[] =
    "ARG image_from_fully_qualified_name\nFROM ${image_from_fully_qualified_name}\n"
    "ARG greeting=none\nARG tz\nCOPY main settings /srv/\n"
    "RUN grep -q injected /srv/settings && test \"$tz\" = UTC && echo $greeting > /srv/greeting\n"
    "CMD [\"cat\", \"/srv/main\", \"/srv/settings\", \"/srv/greeting\"]\n";

// {"username":"u","password":"p"}, encrypted with "unit-test-key" by gostevedore's rules.
constexpr char kEncrypted[] =
    "000102030405060708090a0b83f6a1e94d0552e19d3e44f51ff82b7cac790d2eb6730797b5dd56bc31aa0c0b9c274a"
    "375fdd4af799cb5b7d35c467";

class GostevedoreBuildTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<DockerEngine>> engine = DockerEngine::Start();
    if (absl::IsFailedPrecondition(engine.status())) GTEST_SKIP() << engine.status().message();
    ASSERT_OK(engine);
    engine_ = *std::move(engine);
    ASSERT_OK_AND_ASSIGN(project_, Project::Create());
    MakeSources();
    ASSERT_OK_AND_ASSIGN(
        git_, GitHttpServer::Start(project_->Scratch("git"), {"u", "p", /*tls=*/true, ""}));
    setenv("DOCKER_HOST", engine_->Address().c_str(), 1);
  }
  void TearDown() override {
    unsetenv("DOCKER_HOST");
    unsetenv("SSL_CERT_FILE");
  }

  static RegistryOptions TokensOverTls() {
    return {.auth = RegistryOptions::Auth::kToken, .username = "u", .password = "p", .tls = true};
  }

  // The repository that the images' sources are in.
  void MakeSources() {
    const GitWorkshop sources(project_->Scratch("git/shop"));
    sources.Write("web/main", "web's main\n");
    sources.Write("web/settings", "from git\n");
    sources.Write("api/main", "api's main\n");
    sources.Write("api/settings", "from git\n");
    sources.Write("lib/shared", "from git\n");
    sources.Write("lib/tool", "#!/bin/sh\n", /*executable=*/true);
    sources.Write("library/not-lib", "a prefix is not a folder\n");
    sources.Commit("one");
  }

  // All authorities of this test, as machines of gostevedore's users are told of theirs.
  void Trust(const Registry& registry) {
    ASSERT_OK_AND_ASSIGN(const std::string one, base::ReadFile(registry.ca_file()));
    ASSERT_OK_AND_ASSIGN(const std::string two, base::ReadFile(git_->ca_file()));
    const std::string file = project_->Scratch("authorities.pem");
    ASSERT_OK(base::WriteFileAtomically(file, one + two));
    setenv("SSL_CERT_FILE", file.c_str(), 1);
  }

  void WriteTree(const std::string& registry) {
    const auto filled = [&](const char* text) {
      return absl::StrReplaceAll(text, {{"REGISTRY", registry}, {"GIT", git_->url()}});
    };
    project_->Write("stevedore.yaml", kConfiguration);
    project_->Write("builders/builders.yaml", filled(kBuilders));
    project_->Write("images/foundation.yaml", filled(kFoundation));
    project_->Write("images/apps.yml", filled(kApps));
    project_->Write("docker/os/Dockerfile", kOs);
    ASSERT_OK_AND_ASSIGN(const std::string busybox, base::ReadFile("/bin/busybox"));
    project_->Write("docker/os/busybox", busybox);
    ASSERT_EQ(chmod(project_->Path("docker/os/busybox").c_str(), 0755), 0);
    project_->Write("docker/common/shared", "common\n");
    project_->Write("docker/common/only-common", "common\n");
    project_->Write("docker/lib/Dockerfile", kLib);
    project_->Write("docker/app/build/Dockerfile", kApp);
    project_->Write("docker/app/settings", "injected\n");
    WriteCredential(registry);
    WriteCredential("shop-git");
  }
  // As gostevedore keeps it: the file's name is the id's MD5.
  void WriteCredential(const std::string& id) {
    ASSERT_OK_AND_ASSIGN(const ProcessResult sum, Process::Run({.argv = {"md5sum"}, .input = id}));
    const std::string path = absl::StrCat("credentials/", sum.out.substr(0, 32));
    project_->Write(path, kEncrypted);
    ASSERT_EQ(chmod(project_->Path(path).c_str(), 0600), 0);
  }

  // A registry on loopback is spoken to in plain HTTP unless one says that it may speak TLS.
  std::vector<std::string> Words(const std::string& command, const Registry& registry) {
    return {command,
            "os",
            "--build-on-cascade",
            "--insecure-registry",
            registry.host(),
            "--metadata-file",
            project_->Scratch("metadata.json")};
  }

  // What every build of the tree must have left in the registry.
  void ExpectTheImages(const Registry& registry) {
    const BuildOutcome outcome = project_->Outcome(project_->Scratch("metadata.json"));
    EXPECT_THAT(outcome.states,
                UnorderedElementsAre(Pair("os:1.10", "built"), Pair("lib:2.1.0-os1.10", "built"),
                                     Pair("web:1.4.2", "built"), Pair("api:3.0.1", "built")));
    const std::string shop = registry.host() + "/shop/";
    for (const char* tag : {"os:1.10", "lib:2.1.0-os1.10", "web:1.4.2", "web:1.4", "web:stable",
                            "api:3.0.1", "api:3.0"}) {
      EXPECT_THAT(outcome.tags, Contains(Pair(shop + tag, ::testing::_)));
    }
    const nlohmann::json config = ConfigOf(shop + "web:stable");
    EXPECT_EQ(config["config"]["Labels"]["team"], "shop");
    EXPECT_EQ(ConfigOf(shop + "api:3.0.1")["config"]["Labels"]["kind"], "api");
    // The engine itself logs in and runs what was built.
    const auto login = engine_->Docker({"login", "-u", "u", "--password-stdin", registry.host()},
                                       /*input=*/"p");
    ASSERT_OK(login);
    ASSERT_EQ(login->exit_code, 0) << login->err;
    const auto run = engine_->Docker({"run", "--rm", "--network", "none", shop + "web:1.4.2"});
    ASSERT_OK(run);
    EXPECT_EQ(run->out, "web's main\ninjected\nhello\n") << run->err;
  }

  // By skopeo, which trusts the same authorities.
  static nlohmann::json ConfigOf(const std::string& reference) {
    const auto result = Process::Run(
        {.argv = {"skopeo", "inspect", "--config", "--creds", "u:p", "docker://" + reference}});
    EXPECT_OK(result);
    EXPECT_EQ(result->exit_code, 0) << result->err;
    const auto config = nlohmann::json::parse(result->out, nullptr, /*allow_exceptions=*/false);
    return config.is_object() ? config : nlohmann::json::object();
  }

  std::unique_ptr<DockerEngine> engine_;
  std::unique_ptr<Project> project_;
  std::unique_ptr<GitHttpServer> git_;
};

TEST_F(GostevedoreBuildTest, OnThisMachine) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> registry, Registry::Start(TokensOverTls()));
  Trust(*registry);
  WriteTree(registry->host());
  const ProcessResult result = project_->Cli(Words("build", *registry), absl::Seconds(250));
  ASSERT_EQ(result.exit_code, 0) << result.err;
  ExpectTheImages(*registry);
  EXPECT_GT(registry->token_server().token_count(), 0);

  // Nothing changed since.
  const ProcessResult again = project_->Cli(Words("build", *registry), absl::Seconds(250));
  ASSERT_EQ(again.exit_code, 0) << again.err;
  for (const auto& [image, state] : project_->Outcome(project_->Scratch("metadata.json")).states) {
    EXPECT_EQ(state, "reused") << image;
  }

  // Without the authorities nothing is sent anywhere.
  unsetenv("SSL_CERT_FILE");
  const ProcessResult refused = project_->Cli(Words("build", *registry));
  EXPECT_EQ(refused.exit_code, 3) << refused.err;
  EXPECT_THAT(refused.err, AllOf(HasSubstr("certificate"), Not(HasSubstr("hello"))));
}

TEST_F(GostevedoreBuildTest, ByACoordinatorAndTwoWorkers) {
  FleetOptions options;
  options.registry = TokensOverTls();
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Fleet> fleet, Fleet::Start(options));
  Trust(fleet->real_registry());
  WriteTree(fleet->registry());
  // The same store and key, carried to the workers.
  const std::vector<std::string> store = {"--credentials-local-storage-path",
                                          project_->Path("credentials"), "--insecure-registry",
                                          fleet->registry()};
  for (const char* name : {"w1", "w2"}) {
    ASSERT_OK(fleet->StartWorker(name, store,
                                 {{"STEVEDORE_CREDENTIALS_ENCRYPTION_KEY", "unit-test-key"}}));
  }
  std::vector<std::string> words = Words("submit", fleet->real_registry());
  words.insert(words.end(), {"--coordinator", fleet->coordinator_address()});
  const ProcessResult result = project_->Cli(words, absl::Seconds(250));
  ASSERT_EQ(result.exit_code, 0) << result.err << fleet->worker("w1").output();
  ExpectTheImages(fleet->real_registry());
}

}  // namespace
}  // namespace stevedore::testing
