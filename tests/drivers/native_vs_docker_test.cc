// The same Dockerfiles through driver `native` and through dockerd, and some through all three of
// our drivers that read Dockerfiles: equal files, equal config.

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/memory_budget.h"
#include "base/status.h"
#include "base/testing/status_matchers.h"
#include "context/local_tree.h"
#include "credentials/credential_store.h"
#include "http/client.h"
#include "nlohmann/json.hpp"
#include "oci/image/reference.h"
#include "oci/layer/tar_reader.h"
#include "tests/harness/docker_engine.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"
#include "transfer/image_sink.h"
#include "transfer/registry_client.h"
#include "worker/drivers/drivers.h"
#include "worker/executor.h"
#include "worker/publish.h"
#include "worker/registry_provider.h"

namespace stevedore::testing {
namespace {

using Json = nlohmann::json;

// Which of Docker's builders does the same as we do.
enum class Like { kBoth, kBuildkit, kClassic };

struct Case {
  const char* name;
  const char* dockerfile;  // BASE and REGISTRY are replaced.
  Like like = Like::kBoth;
  std::vector<std::string> arguments = {};  // NAME=value.
  const char* target = "";
};

// What all cases copy from.
void MakeContext(const std::string& root) {
  const auto write = [&root](const std::string& path, const std::string& text, mode_t mode) {
    const std::string full = base::JoinPath(root, path);
    ASSERT_OK(base::MakeDirectories(full.substr(0, full.rfind('/'))));
    ASSERT_OK(base::WriteFileAtomically(full, text, mode));
  };
  write("a.txt", "a\n", 0644);
  write("b.txt", "b\n", 0644);
  write("run.sh", "#!/bin/sh\n", 0755);
  write("dir/one", "1\n", 0644);
  write("dir/sub/two", "2\n", 0600);
  write("dir/sub/deep/three", "3\n", 0644);
  write("tree/tmp/in-tmp", "t\n", 0644);
  write("tree/opt/library", "l\n", 0644);
  write("x[1].txt", "brackets\n", 0644);
  write("space name", "s\n", 0644);
  ASSERT_EQ(symlink("one", (root + "/dir/link").c_str()), 0);
  ASSERT_EQ(symlink("dir", (root + "/linked").c_str()), 0);
  ASSERT_EQ(mkdir((root + "/empty").c_str(), 0755), 0);
  // Archives with owners and modes of their own.
  const std::string stuff = root + "/stuff";
  write("stuff/bin/tool", "tool\n", 0755);
  write("stuff/etc/conf", "conf\n", 0640);
  ASSERT_EQ(symlink("conf", (stuff + "/etc/alias").c_str()), 0);
  ASSERT_EQ(::link((stuff + "/bin/tool").c_str(), (stuff + "/bin/tool2").c_str()), 0);
  for (const auto& [option, suffix] : std::map<std::string, std::string>{
           {"-c", ".tar"}, {"-cz", ".tgz"}, {"-cJ", ".tar.xz"}, {"-cj", ".tar.bz2"}}) {
    const auto made =
        Process::Run({.argv = {"tar", "--owner=7", "--group=8", "--sort=name", option + "f",
                               root + "/stuff" + suffix, "-C", stuff, "bin", "etc"}});
    ASSERT_OK(made);
    ASSERT_EQ(made->exit_code, 0) << made->err;
  }
}

// Busybox, users, a sticky folder and links: what bases of people have.
constexpr char kBase[] =
    "FROM scratch\n"
    "COPY rootfs/ /\n"
    "ENV BASE=1 PATH=/bin\n"
    "LABEL from=base\n"
    "WORKDIR /home\n"
    "CMD [\"/bin/sh\"]\n";

const std::vector<Case>& Cases() {
  static const auto& cases = *new std::vector<Case>{
      {"CopyFile", "FROM BASE\nCOPY a.txt /x/y/\nCOPY a.txt /z\n"},
      {"CopySeveral", "FROM BASE\nCOPY a.txt b.txt /m/\n"},
      {"CopyDirectory", "FROM BASE\nCOPY dir /d\nCOPY dir/ /e/\nCOPY dir/sub /home/\n"},
      {"CopyAll", "FROM scratch\nCOPY dir /\n"},
      {"CopyEmptyDirectory", "FROM BASE\nCOPY empty /new\n"},
      {"CopyWildcards", "FROM BASE\nCOPY *.txt /w/\nCOPY d?r/s* /s/\nCOPY [ab].txt /c/\n"},
      {"CopyEscapedWildcard", "FROM BASE\nCOPY x[[]1].txt /lit/\n"},
      {"CopyJson", "FROM BASE\nCOPY [\"space name\", \"/with space\"]\n"},
      {"CopyRelative", "FROM BASE\nWORKDIR /srv\nCOPY a.txt .\nCOPY b.txt sub/\nCOPY dir ./\n"},
      {"CopyIntoExisting", "FROM BASE\nCOPY a.txt /tmp\nCOPY b.txt /etc\n"},
      {"CopyOntoFile", "FROM BASE\nCOPY a.txt /etc/motd\n"},
      {"CopyThroughLink", "FROM BASE\nCOPY a.txt /lib/a\nCOPY dir /lib/\n"},
      {"CopyThroughFileLink", "FROM BASE\nCOPY a.txt /motd\n", Like::kBuildkit},
      {"CopyLinkOfContext", "FROM BASE\nCOPY dir/link /l\nCOPY dir /keeps\n"},
      {"CopyLinkedDirectory", "FROM BASE\nCOPY linked /l/\n"},
      {"CopyChown",
       "FROM BASE\nCOPY --chown=5:6 a.txt /n/m/\nCOPY --chown=app:staff dir /o\n"
       "COPY --chown=9 a.txt /p\n"},
      // The classic builder wants a group called as the user.
      {"CopyChownUserOnly", "FROM BASE\nCOPY --chown=app dir /app\n", Like::kBuildkit},
      {"CopyChmod", "FROM BASE\nCOPY --chmod=751 a.txt /n\nCOPY --chmod=0700 dir /d\n",
       Like::kBuildkit},
      {"CopyTwiceSamePlace", "FROM BASE\nCOPY a.txt /f\nCOPY b.txt /f\n"},
      {"CopyMergesDirectories", "FROM BASE\nCOPY dir /d\nCOPY tree /d\nCOPY a.txt /d/sub/two\n"},
      {"CopyFromStage",
       "FROM BASE AS One\nCOPY --chown=app:staff dir /out\nFROM BASE\nCOPY --from=one /out /in\n"
       "COPY --from=0 /out/sub/two /etc/passwd /in/\n",
       Like::kBuildkit},
      {"CopyFromStageFile",
       "FROM scratch AS one\nCOPY run.sh /r\nFROM BASE\nCOPY --from=one /r /bin/r\n"},
      {"CopyFromImage",
       "FROM scratch\nCOPY --from=BASE /etc/passwd /p\nCOPY --from=BASE /lib /l\n"},
      {"CopyFromWildcard",
       "FROM scratch AS one\nCOPY dir /dir\nFROM scratch\nCOPY --from=one /dir/s*/* /w/\n"},
      {"StageOnStage",
       "FROM BASE AS one\nENV A=1\nCOPY a.txt /\nFROM one AS two\nENV B=$A\nFROM two\nCMD "
       "[\"x\"]\n"},
      {"Target",
       "FROM BASE AS one\nCOPY a.txt /\nFROM one AS two\nCOPY b.txt /\nFROM nowhere:1\n",
       Like::kBuildkit,
       {},
       "two"},
      {"Env",
       "FROM BASE\nENV A=a B=\"b c\" C=d\\ e\nENV D $A-${B:-x}-${NONE:-y}\nENV A=z E=$A F=${A:+w}\n"
       "ENV PATH=$PATH:/more G='$A' H=\\$A I=\n"},
      {"Arguments",
       "ARG V=1\nARG U=2\nFROM BASE\nARG V\nARG W=w$V\nARG U=own\nARG NONE\n"
       "LABEL v=$V u=$U w=$W none=x${NONE}x\nARG GIVEN=no\nLABEL given=$GIVEN\n",
       Like::kBoth,
       {"GIVEN=yes", "U=over"}},
      {"ArgumentInFrom",
       "ARG WHICH=nothing\nFROM ${WHICH}\nCOPY a.txt /\n",
       Like::kBoth,
       {"WHICH=BASE"}},
      {"PlatformArguments",
       "FROM BASE\nARG TARGETOS\nARG TARGETARCH\nLABEL p=$TARGETOS/$TARGETARCH\n", Like::kBuildkit},
      {"Labels",
       "FROM BASE\nLABEL a=b \"c d\"=\"e f\" from=child\nLABEL multi=\"x \\\n y\"\nLABEL o p q\n"},
      {"Commands", "FROM BASE\nENTRYPOINT [\"/e\", \"x y\"]\nCMD [\"a\", \"b\"]\n"},
      {"ShellForms", "FROM BASE\nENTRYPOINT exec $X\nCMD a && b\n"},
      {"EntrypointResetsCmd", "FROM BASE\nENTRYPOINT [\"/e\"]\n"},
      {"CmdBeforeEntrypoint", "FROM BASE\nCMD [\"c\"]\nENTRYPOINT [\"/e\"]\n"},
      {"Shell", "FROM BASE\nSHELL [\"/bin/ash\", \"-ec\"]\nCMD run me\n"},
      {"Expose", "FROM BASE\nARG P=99\nEXPOSE 80 443/tcp 53/udp 8000-8002 $P\n"},
      {"Volume", "FROM BASE\nVOLUME /v1 /v2\nVOLUME [\"/v 3\"]\n"},
      {"User", "FROM BASE\nUSER app:staff\nCOPY a.txt /u\n"},
      {"Workdir", "FROM BASE\nWORKDIR /w1\nWORKDIR w2/../w3\nWORKDIR $BASE\nWORKDIR /tmp\n"},
      {"WorkdirAsUser", "FROM BASE\nUSER app\nWORKDIR /mine/deep\n", Like::kBuildkit},
      {"WorkdirThroughLink", "FROM BASE\nWORKDIR /lib/w\nCOPY a.txt .\n"},
      {"StopSignal", "FROM BASE\nSTOPSIGNAL SIGQUIT\n"},
      {"Health",
       "FROM BASE\nHEALTHCHECK --interval=5s --timeout=1m30s --start-period=100ms --retries=4 "
       "CMD curl -f x\n"},
      {"HealthList", "FROM BASE\nHEALTHCHECK CMD [\"/bin/check\", \"-x\"]\n"},
      {"HealthNone", "FROM BASE\nHEALTHCHECK NONE\n"},
      {"OnBuild", "FROM BASE\nONBUILD COPY a.txt /t\nONBUILD ENV T=1\n"},
      {"Triggers", "FROM TRIGGERS\nCOPY b.txt /own\n"},
      {"Maintainer", "FROM BASE\nMAINTAINER A <a@b.test>\n"},
      {"Continuations", "# escape=`\nFROM BASE\nENV A=a `\n # note\n\n  B=b\nCOPY a.txt `\n  /c\n"},
      {"Scratch", "FROM scratch\nCOPY run.sh /run\nENTRYPOINT [\"/run\"]\n"},
      {"AddTar", "FROM BASE\nADD stuff.tar /add\nADD stuff.tgz /add2/\nADD a.txt /add/\n"},
      {"AddOtherTars", "FROM BASE\nADD stuff.tar.xz /x\nADD stuff.tar.bz2 /b\n"},
      {"AddTarOverExisting", "FROM BASE\nADD stuff.tar /\n"},
      {"AddDirectory", "FROM BASE\nADD dir /d\nADD --chown=3:4 run.sh /r\n"},
      {"AddUrl", "FROM BASE\nADD http://REGISTRY/v2/ /url/file\n", Like::kBuildkit},
      {"NestedMetadata", "FROM BASE\nCOPY tree /\n"},
  };
  return cases;
}

// Engines are told to, and started, once for all cases of a shard.
class ThreeDrivers : public ::testing::Test {
 protected:
  struct Suite {
    base::TemporaryDirectory directory = base::TemporaryDirectory::Create("/tmp/native.").value();
    std::unique_ptr<DockerEngine> engine;
    std::unique_ptr<Registry> registry;
    http::Client http;
    credentials::MemoryCredentialStore credentials;
    base::MemoryBudget budget{256 << 20};
    std::unique_ptr<transfer::RegistryClient> client;
    std::unique_ptr<worker::RegistryProvider> provider;
    std::string base() const { return registry->host() + "/test/base:1"; }
    std::string triggers() const { return registry->host() + "/test/triggers:1"; }
    std::string context() const { return directory.path() + "/context"; }
  };

  static void SetUpTestSuite() {
    absl::StatusOr<std::unique_ptr<DockerEngine>> engine = DockerEngine::Start();
    start_ = engine.status();
    if (!engine.ok()) return;
    suite_ = new Suite;
    suite_->engine = *std::move(engine);
    ASSERT_OK_AND_ASSIGN(suite_->registry, Registry::Start());
    suite_->client = std::make_unique<transfer::RegistryClient>(&suite_->http, &suite_->credentials,
                                                                transfer::RegistryClientOptions());
    suite_->provider = std::make_unique<worker::RegistryProvider>(suite_->client.get());
    MakeContext(suite_->context());
    MakeBase();
  }
  static void TearDownTestSuite() {
    delete suite_;
    suite_ = nullptr;
  }
  void SetUp() override {
    if (absl::IsFailedPrecondition(start_)) GTEST_SKIP() << start_.message();
    ASSERT_OK(start_);
    setenv("DOCKER_HOST", suite_->engine->Address().c_str(), 1);
  }
  void TearDown() override { unsetenv("DOCKER_HOST"); }

  static std::string Docker(std::vector<std::string> arguments, bool buildkit = false) {
    arguments.insert(arguments.begin(), "/usr/bin/docker");
    const absl::StatusOr<ProcessResult> result =
        Process::Run({.argv = arguments,
                      .environment = {{"DOCKER_HOST", suite_->engine->Address()},
                                      {"DOCKER_API_VERSION", "1.41"},
                                      {"DOCKER_BUILDKIT", buildkit ? "1" : "0"},
                                      {"DOCKER_CONFIG", suite_->directory.path()}}},
                     absl::Seconds(200));
    EXPECT_OK(result);
    if (!result.ok()) return "";
    EXPECT_EQ(result->exit_code, 0) << arguments[1] << ": " << result->out << result->err;
    return std::string(absl::StripAsciiWhitespace(result->out));
  }

  static void MakeBase() {
    const std::string root = suite_->directory.path() + "/base";
    const auto write = [&root](const std::string& path, const std::string& text, mode_t mode) {
      const std::string full = base::JoinPath(root, path);
      ASSERT_OK(base::MakeDirectories(full.substr(0, full.rfind('/'))));
      ASSERT_OK(base::WriteFileAtomically(full, text, mode));
    };
    ASSERT_OK_AND_ASSIGN(const std::string busybox, base::ReadFile("/bin/busybox"));
    write("rootfs/bin/busybox", busybox, 0755);
    write("rootfs/etc/passwd", "root:x:0:0::/:/bin/sh\napp:x:1000:1001::/:/bin/sh\n", 0644);
    write("rootfs/etc/group", "root:x:0:\nstaff:x:50:\n", 0644);
    write("rootfs/etc/motd", "hello\n", 0600);
    write("rootfs/usr/lib/old", "old\n", 0644);
    write("rootfs/tmp/kept", "kept\n", 0644);
    write("Dockerfile", kBase, 0644);
    ASSERT_EQ(chmod((root + "/rootfs/tmp").c_str(), 01777), 0);
    ASSERT_EQ(symlink("usr/lib", (root + "/rootfs/lib").c_str()), 0);
    ASSERT_EQ(symlink("etc/motd", (root + "/rootfs/motd").c_str()), 0);
    ASSERT_EQ(symlink("busybox", (root + "/rootfs/bin/sh").c_str()), 0);
    Docker({"build", "-q", "-t", suite_->base(), root});
    write("t/Dockerfile",
          absl::StrCat("FROM ", suite_->base(),
                       "\nONBUILD COPY a.txt /triggered/\nONBUILD ENV T=$BASE\n"
                       "ONBUILD COPY --chown=app:staff dir/one /t\nONBUILD CMD [\"t\"]\n"),
          0644);
    Docker({"build", "-q", "-t", suite_->triggers(), root + "/t"});
    Docker({"push", "-q", suite_->base()});
    Docker({"push", "-q", suite_->triggers()});
  }

  static std::string Filled(const std::string& text) {
    return absl::StrReplaceAll(text, {{"BASE\n", suite_->base() + "\n"},
                                      {"=BASE", "=" + suite_->base()},
                                      {"FROM BASE ", absl::StrCat("FROM ", suite_->base(), " ")},
                                      {"TRIGGERS", suite_->triggers()},
                                      {"REGISTRY", suite_->registry->host()}});
  }

  // With our driver of that name, into the registry.
  static absl::Status BuildBy(const std::string& name, const Case& test,
                              const std::string& reference) {
    worker::DriverResources resources;
    resources.budget = &suite_->budget;
    resources.threads = 2;
    resources.cache_directory = suite_->directory.path() + "/cache";
    resources.repositories = suite_->provider.get();
    resources.registries = suite_->provider.get();
    const worker::DriverSet drivers = worker::CreateDrivers(resources);
    ASSIGN_OR_RETURN(const oci::Reference parsed, oci::Reference::Parse(reference));
    ASSIGN_OR_RETURN(const worker::Repository target, suite_->provider->Open(parsed));
    worker::BuildRequest request;
    request.id = test.name;
    request.reference = reference;
    request.facts = {.name = "test", .version = parsed.tag(), .registry = parsed.registry()};
    request.facts.to_registry = true;
    request.platform = oci::Platform::Host();
    Json options = {{"dockerfile", DockerfileName(test)}, {"target", test.target}};
    if (name != "native") options["network"] = "none";
    request.options_json = options.dump();
    for (const std::string& argument : test.arguments) {
      const size_t equals = argument.find('=');
      request.arguments[argument.substr(0, equals)] = Value(argument.substr(equals + 1));
    }
    ASSIGN_OR_RETURN(request.context, context::LocalTree::Open(suite_->context()));
    request.output = target.sink.get();
    ASSIGN_OR_RETURN(const worker::BuiltImage built, drivers.at(name)->Build(request, {}));
    worker::RunMonitor monitor;
    RETURN_IF_ERROR(worker::Publish(built, target, built.other_places, monitor, {}));
    return target.sink
        ->PutManifest(parsed.tag(), built.image.manifest.bytes(), built.image.manifest.media_type())
        .status();
  }

  static void WriteDockerfile(const Case& test) {
    ASSERT_OK(base::MakeDirectories(suite_->context() + "/df"));
    ASSERT_OK(base::WriteFileAtomically(absl::StrCat(suite_->context(), "/", DockerfileName(test)),
                                        Filled(test.dockerfile)));
  }
  static std::string DockerfileName(const Case& test) { return absl::StrCat("df/", test.name); }
  static std::string Value(const std::string& value) {
    return value == "BASE" ? suite_->base() : value;
  }

  // Path to "type mode owner content" of everything, as the engine unpacks the image.
  static std::map<std::string, std::string> FilesOf(const std::string& image) {
    std::map<std::string, std::string> files;
    const std::string container = Docker({"create", image, "none"});
    const std::string tar = suite_->directory.path() + "/export.tar";
    Docker({"export", "-o", tar, container});
    Docker({"rm", container});
    absl::StatusOr<std::unique_ptr<base::FileSource>> source = base::FileSource::Open(tar);
    EXPECT_OK(source);
    oci::TarReader reader(source->get());
    while (true) {
      absl::StatusOr<std::optional<oci::TarEntry>> next = reader.Next();
      EXPECT_OK(next);
      if (!next.ok() || !next->has_value()) break;
      const oci::LayerEntry& entry = (*next)->entry;
      absl::StatusOr<std::string> content = base::ReadAll(reader.Content(), 1 << 30);
      EXPECT_OK(content);
      // The engine writes hard links as it meets them: the content is what counts.
      if (entry.type == oci::LayerEntry::Type::kHardLink) {
        files[entry.path] = files[entry.link_target];
        continue;
      }
      files[entry.path] =
          absl::StrCat(static_cast<int>(entry.type), " ", entry.mode, " ", entry.uid, ":",
                       entry.gid, " ", entry.link_target, " ", base::Sha256Hex(*content));
    }
    return files;
  }

  // What runs the image, without what engines fill in by themselves.
  static Json ConfigOf(const std::string& image) {
    const Json all = Json::parse(Docker({"inspect", "--type", "image", image}), nullptr, false);
    EXPECT_TRUE(all.is_array() && all.size() == 1);
    Json config = Json::object();
    if (!all.is_array() || all.empty()) return config;
    for (const auto& [key, value] : all[0]["Config"].items()) {
      static const auto& left_out = *new std::set<std::string>{"Image", "Hostname", "ArgsEscaped"};
      const bool empty = value.is_null() || value == "" || value == false || value == 0 ||
                         (value.is_structured() && value.empty());
      if (!empty && left_out.count(key) == 0) config[key] = value;
    }
    // Of images from scratch: BuildKit says it, the classic builder does not.
    if (config.value("WorkingDir", "") == "/") config.erase("WorkingDir");
    config["author"] = all[0].value("Author", "");
    return config;
  }

  static void Compare(const Case& test, bool buildkit, const Json& config,
                      const std::map<std::string, std::string>& files) {
    SCOPED_TRACE(buildkit ? "BuildKit" : "classic builder");
    const std::string tag = absl::StrCat("docker:", buildkit ? "b" : "c");
    std::vector<std::string> arguments = {
        "build", "-t", tag, "-f", absl::StrCat(suite_->context(), "/", DockerfileName(test))};
    for (const std::string& argument : test.arguments) {
      const size_t equals = argument.find('=');
      arguments.push_back("--build-arg");
      arguments.push_back(
          absl::StrCat(argument.substr(0, equals), "=", Value(argument.substr(equals + 1))));
    }
    if (*test.target != '\0') {
      arguments.push_back("--target");
      arguments.push_back(test.target);
    }
    arguments.push_back(suite_->context());
    Docker(arguments, buildkit);
    if (HasFailure()) return;
    EXPECT_EQ(config.dump(1), ConfigOf(tag).dump(1));
    std::map<std::string, std::string> theirs = FilesOf(tag);
    for (const auto& [path, ours] : files) {
      EXPECT_EQ(ours, theirs.count(path) == 0 ? "not there" : theirs[path]) << path;
      theirs.erase(path);
    }
    for (const auto& [path, their] : theirs) ADD_FAILURE() << "only docker has " << path << their;
  }

  static absl::Status start_;
  static Suite* suite_;
};

absl::Status ThreeDrivers::start_;
ThreeDrivers::Suite* ThreeDrivers::suite_ = nullptr;

class NativeVersusDocker : public ThreeDrivers, public ::testing::WithParamInterface<Case> {};

TEST_P(NativeVersusDocker, SameImage) {
  const Case& test = GetParam();
  WriteDockerfile(test);
  const std::string reference = absl::StrCat(suite_->registry->host(), "/test/native:", test.name);
  ASSERT_OK(BuildBy("native", test, reference));
  Docker({"pull", "-q", reference});
  const Json config = ConfigOf(reference);
  const std::map<std::string, std::string> files = FilesOf(reference);
  ASSERT_FALSE(HasFailure());
  if (test.like != Like::kBuildkit) Compare(test, /*buildkit=*/false, config, files);
  if (test.like != Like::kClassic) Compare(test, /*buildkit=*/true, config, files);
}

// What people have in their Dockerfiles, all at once.
constexpr char kEverything[] =
    "# syntax of all drivers\nARG FLAVOUR=plain\nFROM BASE AS tools\nADD stuff.tgz /tools/\n"
    "COPY --chown=app:staff dir /tools/dir\n"
    "FROM BASE AS final\nARG FLAVOUR\nARG GIVEN\nENV FLAVOUR=$FLAVOUR GIVEN=${GIVEN:-none}\n"
    "LABEL flavour=$FLAVOUR team=\"the shop\"\nWORKDIR /srv/app\nCOPY --from=tools /tools tools\n"
    "COPY *.txt run.sh ./\nCOPY [\"space name\", \"/with space\"]\nCOPY tree /\n"
    "EXPOSE 8080/tcp\nVOLUME /data\nSTOPSIGNAL SIGQUIT\nUSER app\n"
    "HEALTHCHECK --interval=5s CMD [\"/bin/check\"]\nENTRYPOINT [\"/srv/app/run.sh\"]\n"
    "CMD [\"serve\"]\nFROM nowhere:1 AS later\n";

TEST_F(ThreeDrivers, MakeTheSameImage) {
  const std::vector<Case> cases = {
      {"Everything", kEverything, Like::kBoth, {"FLAVOUR=strong", "GIVEN=yes"}, "final"},
      {"OfTriggers", "FROM TRIGGERS\nCOPY b.txt /own\n"},
      {"FromNothing", "FROM scratch\nCOPY run.sh dir /\nCMD [\"/run.sh\"]\n"},
      {"ThroughLinks", "FROM BASE\nCOPY a.txt /lib/a\nCOPY dir /tmp/deep/er\nWORKDIR /lib/w\n"},
  };
  for (const Case& test : cases) {
    SCOPED_TRACE(test.name);
    WriteDockerfile(test);
    std::map<std::string, Json> configs;
    std::map<std::string, std::map<std::string, std::string>> files;
    for (const char* driver : {"native", "docker", "buildkit"}) {
      const std::string reference =
          absl::StrCat(suite_->registry->host(), "/test/", driver, ":", test.name);
      ASSERT_OK(BuildBy(driver, test, reference)) << driver;
      Docker({"pull", "-q", reference});
      configs[driver] = ConfigOf(reference);
      files[driver] = FilesOf(reference);
    }
    EXPECT_GT(files["native"].size(), 2u);
    for (const char* driver : {"docker", "buildkit"}) {
      EXPECT_EQ(configs["native"].dump(1), configs[driver].dump(1)) << driver;
      EXPECT_EQ(files["native"], files[driver]) << driver;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, NativeVersusDocker, ::testing::ValuesIn(Cases()),
                         [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace stevedore::testing
