// export, flatten, from-dir and validate with real images, engines, registries and other people's
// tools.

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/byte_sink.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "oci/image/digest.h"
#include "oci/image/image_editor.h"
#include "oci/image/media_type.h"
#include "oci/layer/tar_reader.h"
#include "oci/layer/tar_writer.h"
#include "tests/build/project.h"
#include "tests/harness/docker_engine.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"
#include "transfer/layout_images.h"

namespace stevedore::testing {
namespace {

using base::JoinPath;
using ::testing::HasSubstr;
using ::testing::Not;
using Type = oci::LayerEntry::Type;

// One entry of a tar in a line: everything that an unpacked file shows.
std::map<std::string, std::string> TarLines(const std::string& path) {
  std::map<std::string, std::string> lines;
  absl::StatusOr<std::unique_ptr<base::FileSource>> file = base::FileSource::Open(path);
  EXPECT_OK(file.status());
  if (!file.ok()) return lines;
  oci::TarReader reader(file->get());
  while (true) {
    absl::StatusOr<std::optional<oci::TarEntry>> next = reader.Next();
    EXPECT_OK(next.status());
    if (!next.ok() || !next->has_value()) return lines;
    const oci::LayerEntry entry = (*next)->entry;
    absl::StatusOr<std::string> content = base::ReadAll(reader.Content(), 1 << 26);
    EXPECT_OK(content.status());
    const bool link = entry.type == Type::kHardLink;
    // An engine that adds a file to a folder, or takes one away, changes its time.
    const int64_t mtime = link || entry.type == Type::kDirectory ? 0 : (*next)->mtime;
    lines[entry.path] =
        absl::StrCat(static_cast<int>(entry.type), " ", absl::Hex(link ? 0 : entry.mode), " ",
                     link ? 0 : entry.uid, ":", link ? 0 : entry.gid, " ", mtime, " ",
                     entry.link_target, " ", oci::Digest::Of(*content).Short());
  }
}

class FilesystemCommandsTest : public ::testing::Test {
 protected:
  std::string At(absl::string_view name) const { return JoinPath(folder_.path(), name); }

  ProcessResult Run(std::vector<std::string> argv) {
    absl::StatusOr<ProcessResult> result =
        Process::Run({.argv = argv,
                      .environment = {{"HOME", At("home")}, {"XDG_CONFIG_HOME", At("home")}},
                      .working_directory = folder_.path()},
                     absl::Seconds(600));
    EXPECT_OK(result.status()) << absl::StrJoin(argv, " ");
    return result.ok() ? *result : ProcessResult{.exit_code = -1};
  }
  ProcessResult Stevedore(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), ProgramPath("cli/stevedore-cli"));
    return Run(std::move(arguments));
  }
  // The command must succeed.
  std::string Said(const ProcessResult& result) {
    EXPECT_EQ(result.exit_code, 0) << result.out << result.err;
    return result.out;
  }

  // Starts an engine, or says why there is none.
  absl::Status StartEngine() {
    absl::StatusOr<std::unique_ptr<DockerEngine>> engine = DockerEngine::Start();
    if (engine.ok()) engine_ = *std::move(engine);
    return engine.status();
  }
  void Load(const std::string& layout, const std::string& name) {
    const std::string archive = At("load.tar");
    std::filesystem::remove(archive);
    Said(Run({"skopeo", "copy", layout, absl::StrCat("docker-archive:", archive, ":", name)}));
    const absl::StatusOr<ProcessResult> loaded = engine_->Docker({"load", "--input", archive});
    ASSERT_OK(loaded.status());
    ASSERT_EQ(loaded->exit_code, 0) << loaded->err;
  }
  std::map<std::string, std::string> DockerExport(const std::string& name);

  void MakeImage(const std::string& tag);

  const base::TemporaryDirectory folder_ = *base::TemporaryDirectory::Create();
  std::unique_ptr<DockerEngine> engine_;
};

// What the engine unpacks of an image, without what it puts into each container itself.
std::map<std::string, std::string> FilesystemCommandsTest::DockerExport(const std::string& name) {
  const absl::StatusOr<ProcessResult> made =
      engine_->Docker({"create", "--network", "none", name, "/bin/sh"});
  EXPECT_OK(made.status());
  if (!made.ok() || made->exit_code != 0) return {{"docker create", made->err}};
  const std::string id = made->out.substr(0, made->out.find('\n'));
  const absl::StatusOr<ProcessResult> exported =
      engine_->Docker({"export", "--output", At("docker.tar"), id});
  EXPECT_OK(exported.status());
  std::map<std::string, std::string> lines = TarLines(At("docker.tar"));
  for (const char* own : {".dockerenv", "dev", "dev/console", "dev/pts", "dev/shm", "etc/hostname",
                          "etc/hosts", "etc/mtab", "etc/resolv.conf", "proc", "sys"}) {
    lines.erase(own);
  }
  return lines;
}

// A tar whose entries say owner, mode and time of their own.
class LayerBuilder {
 public:
  LayerBuilder& Add(const std::string& path, Type type, const std::string& text, uint32_t mode) {
    oci::LayerEntry entry{.path = path, .type = type, .mode = mode, .uid = 7, .gid = 8};
    entry.mtime = 1'600'000'000;
    if (type == Type::kSymlink || type == Type::kHardLink) {
      entry.link_target = text;
      EXPECT_OK(writer_.Append(entry));
    } else {
      EXPECT_OK(writer_.Append(entry, text));
    }
    return *this;
  }
  LayerBuilder& File(const std::string& path, const std::string& text, uint32_t mode = 0644) {
    return Add(path, Type::kFile, text, mode);
  }
  LayerBuilder& Folder(const std::string& path, uint32_t mode = 0755) {
    return Add(path, Type::kDirectory, "", mode);
  }
  LayerBuilder& Symlink(const std::string& path, const std::string& to) {
    return Add(path, Type::kSymlink, to, 0777);
  }
  // With the mode of its target, as whoever writes a tar finds it.
  LayerBuilder& HardLink(const std::string& path, const std::string& to, uint32_t mode = 0644) {
    return Add(path, Type::kHardLink, to, mode);
  }
  std::string Finish() {
    EXPECT_OK(writer_.Finish());
    return tar_;
  }

 private:
  std::string tar_;
  base::StringSink sink_{&tar_};
  oci::TarWriter writer_{&sink_};
};

// An image of three layers in which every rule of whiteouts has something to do, in `layout`.
void FilesystemCommandsTest::MakeImage(const std::string& tag) {
  ASSERT_OK_AND_ASSIGN(const std::string busybox, base::ReadFile("/bin/busybox"));
  const std::vector<std::string> tars = {LayerBuilder()
                                             .Folder("bin")
                                             .File("bin/busybox", busybox, 0755)
                                             .Symlink("bin/sh", "busybox")
                                             .Folder("etc")
                                             .File("etc/gone", "gone")
                                             .File("etc/changed", "old")
                                             .Folder("data", 01777)
                                             .File("data/a", "a")
                                             .Folder("data/sub")
                                             .File("data/sub/b", "b")
                                             .Folder("opaque")
                                             .File("opaque/old", "old")
                                             .Folder("kind")
                                             .File("kind/below", "x")
                                             .File("shared", "content of several names", 04711)
                                             .HardLink("second", "shared", 04711)
                                             .Finish(),
                                         LayerBuilder()
                                             .Folder("etc")
                                             .File("etc/.wh.gone", "")
                                             .File("etc/changed", "new", 0600)
                                             .Folder("opaque", 0700)
                                             .File("opaque/new", "new")
                                             .File("opaque/.wh..wh..opq", "")
                                             .Folder("data", 01777)
                                             .File("data/.wh.sub", "")
                                             .File("kind", "a file now")
                                             .Finish(),
                                         LayerBuilder()
                                             .File(".wh.shared", "")
                                             .File("motd", "hello\n")
                                             .Symlink("absolute", "/etc/changed")
                                             .HardLink("alias", "motd")
                                             .Finish()};
  ASSERT_OK_AND_ASSIGN(oci::Layout layout, oci::Layout::OpenOrCreate(At("layout")));
  transfer::LayoutImages images(std::move(layout));
  oci::ImageEditor editor(oci::Platform::Host());
  const auto put = [&](const std::string& bytes, const std::string& type) {
    const oci::Descriptor blob = {
        .media_type = type, .digest = oci::Digest::Of(bytes), .size = bytes.size()};
    EXPECT_OK(images.PutBlob(blob, [&]() -> absl::StatusOr<std::unique_ptr<base::ByteSource>> {
      return std::make_unique<base::StringSource>(bytes);
    }));
    return blob;
  };
  for (const std::string& tar : tars) {
    const oci::Descriptor blob = put(tar, oci::kOciLayer);
    ASSERT_OK(editor.AppendLayer({.diff_id = blob.digest, .descriptor = blob}));
  }
  oci::ConfigChanges changes;
  changes.cmd = {"/bin/sh", "-c", "cat /motd /etc/changed"};
  changes.env = {{"PATH", "/bin"}};
  changes.exposed_ports = {"80/tcp"};
  editor.ChangeConfig(changes);
  ASSERT_OK_AND_ASSIGN(const oci::Image image, editor.Finish());
  put(image.config.bytes(), oci::kOciConfig);
  ASSERT_OK(images.PutManifest(tag, image.manifest.bytes(), image.manifest.media_type()));
}

TEST_F(FilesystemCommandsTest, ExportIsWhatAnEngineUnpacksAndSoIsFlatten) {
  if (const absl::Status engine = StartEngine(); absl::IsFailedPrecondition(engine)) {
    GTEST_SKIP() << engine.message();
  } else {
    ASSERT_OK(engine);
  }
  ASSERT_NO_FATAL_FAILURE(MakeImage("v1"));
  const std::string image = absl::StrCat("oci:", At("layout"), ":v1");
  const std::string flat = absl::StrCat("oci:", At("layout"), ":flat");
  Load(image, "shop/web:1");
  std::map<std::string, std::string> unpacked = DockerExport("shop/web:1");
  Said(Stevedore({"export", image, At("ours.tar")}));
  std::map<std::string, std::string> ours = TarLines(At("ours.tar"));
  EXPECT_EQ(ours, unpacked);
  EXPECT_EQ(ours.count("second"), 1u);
  EXPECT_EQ(ours.count("shared"), 0u);

  EXPECT_THAT(Said(Stevedore({"flatten", image, "--tag", flat})),
              HasSubstr(absl::StrCat("oci:", At("layout"), "@sha256:")));
  Load(flat, "shop/flat:1");
  EXPECT_EQ(DockerExport("shop/flat:1"), unpacked);
  const auto run = [&](const std::string& name) {
    const absl::StatusOr<ProcessResult> result =
        engine_->Docker({"run", "--rm", "--network", "none", name});
    EXPECT_OK(result.status());
    return result.ok() ? result->out : "";
  };
  EXPECT_EQ(run("shop/web:1"), "hello\nnew");
  EXPECT_EQ(run("shop/flat:1"), "hello\nnew");
}

TEST_F(FilesystemCommandsTest, ExportPipesAndLeavesNothingHalf) {
  ASSERT_NO_FATAL_FAILURE(MakeImage("v1"));
  const std::string image = absl::StrCat("oci:", At("layout"), ":v1");
  const std::string program = ProgramPath("cli/stevedore-cli");
  EXPECT_THAT(Said(Run({"sh", "-c", "\"$0\" export \"$1\" | tar -tvf -", program, image})),
              HasSubstr("opaque/new"));
  EXPECT_THAT(Said(Run({"sh", "-c", "\"$0\" export \"$1\" - | tar -xOf - alias", program, image})),
              ::testing::StrEq("hello\n"));
  const ProcessResult none = Stevedore({"export", image + "x", At("none.tar")});
  EXPECT_EQ(none.exit_code, 1) << none.err;
  EXPECT_FALSE(base::Exists(At("none.tar")));
  for (const auto& file : std::filesystem::directory_iterator(folder_.path())) {
    EXPECT_THAT(file.path().string(), Not(HasSubstr("unfinished")));
  }
}

TEST_F(FilesystemCommandsTest, FlattenAndValidateInARegistry) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Registry> registry, Registry::Start());
  ASSERT_NO_FATAL_FAILURE(MakeImage("v1"));
  const std::string image = absl::StrCat(registry->host(), "/shop/web:1.0");
  Said(Run({"skopeo", "copy", "--dest-tls-verify=false", absl::StrCat("oci:", At("layout"), ":v1"),
            absl::StrCat("docker://", image)}));
  EXPECT_THAT(Said(Stevedore({"validate", "--remote", image})), HasSubstr("ok: " + image));
  std::string flat = Said(Stevedore({"flatten", image, "-t", image + "-flat"}));
  flat = flat.substr(0, flat.find('\n'));
  EXPECT_THAT(flat, HasSubstr(absl::StrCat(registry->host(), "/shop/web@sha256:")));
  EXPECT_THAT(Said(Stevedore({"validate", flat})), HasSubstr("2 blobs"));
  const std::string inspected = Said(
      Run({"skopeo", "inspect", "--tls-verify=false", absl::StrCat("docker://", image, "-flat")}));
  EXPECT_EQ(nlohmann::json::parse(inspected)["Layers"].size(), 1u);
  // By digest it stays beside the old one, and equal work makes the equal image.
  std::string again = Said(Stevedore({"flatten", flat}));
  EXPECT_THAT(again, HasSubstr("/shop/web@sha256:"));
  Said(Stevedore({"export", image, At("layers.tar")}));
  Said(Stevedore({"export", flat, At("flat.tar")}));
  EXPECT_EQ(TarLines(At("layers.tar")), TarLines(At("flat.tar")));

  // A layer that rots in the registry.
  const std::string layers = Said(Stevedore({"validate", "--output", "json", flat}));
  EXPECT_TRUE(nlohmann::json::parse(layers)["ok"].get<bool>());
  const std::string digest = std::string(nlohmann::json::parse(inspected)["Layers"][0]);
  const std::string hex = digest.substr(7);
  const std::string blob = JoinPath(
      registry->data_directory(),
      absl::StrCat("docker/registry/v2/blobs/sha256/", hex.substr(0, 2), "/", hex, "/data"));
  ASSERT_TRUE(base::Exists(blob)) << blob;
  {
    std::fstream file(blob, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file.write("rot", 3);
  }
  const ProcessResult rotten = Stevedore({"validate", "--output", "json", flat});
  EXPECT_EQ(rotten.exit_code, 1) << rotten.out << rotten.err;
  EXPECT_THAT(rotten.out, HasSubstr(digest));
  EXPECT_EQ(Stevedore({"validate", "--fast", flat}).exit_code, 0);
  EXPECT_EQ(Stevedore({"validate", image + "none"}).exit_code, 1);
  EXPECT_EQ(Stevedore({"validate", "ftp://nope"}).exit_code, 2);
}

TEST_F(FilesystemCommandsTest, FoldersBecomeImagesThatOthersRead) {
  ASSERT_OK(base::MakeDirectories(At("site/bin")));
  ASSERT_OK(base::MakeDirectories(At("site/cache")));
  ASSERT_OK(base::WriteFileAtomically(At("site/bin/run"), "#!/bin/sh\n", 0700));
  ASSERT_OK(base::WriteFileAtomically(At("site/index.html"), "<html>", 0600));
  ASSERT_OK(base::WriteFileAtomically(At("site/cache/big"), "big"));
  ASSERT_EQ(symlink("index.html", At("site/start").c_str()), 0);
  ASSERT_OK(base::WriteFileAtomically(At("ignore"), "cache\n"));
  const std::string to = absl::StrCat("oci:", At("out"), ":v1");
  const std::vector<std::string> command = {
      "from-dir",      At("site"),    "-t",         to,           "--ignore-file", At("ignore"),
      "--entrypoint",  "/bin/run,-v", "--env",      "A=1,2",      "--label",       "k=v",
      "--user",        "1000",        "--workdir",  "/srv",       "--owner",       "1000:100",
      "--source-date", "1700000000",  "--platform", "linux/arm64"};
  const std::string name = Said(Stevedore(command));
  EXPECT_THAT(name, HasSubstr(absl::StrCat("oci:", At("out"), "@sha256:")));
  EXPECT_EQ(Said(Stevedore(command)), name) << "equal folders make equal images";
  const nlohmann::json config =
      nlohmann::json::parse(Said(Run({"skopeo", "inspect", "--config", to})));
  EXPECT_EQ(config["architecture"], "arm64");
  EXPECT_EQ(config["created"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(config["config"]["Entrypoint"].dump(), R"(["/bin/run","-v"])");
  EXPECT_EQ(config["config"]["Env"].dump(), R"(["A=1,2"])");
  EXPECT_EQ(config["config"]["User"], "1000");
  EXPECT_EQ(config["config"]["WorkingDir"], "/srv");
  Said(Run(
      {"umoci", "unpack", "--rootless", "--image", absl::StrCat(At("out"), ":v1"), At("bundle")}));
  struct stat status;
  ASSERT_EQ(stat(At("bundle/rootfs/bin/run").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0755u);
  ASSERT_EQ(stat(At("bundle/rootfs/index.html").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0644u);
  EXPECT_EQ(std::filesystem::read_symlink(At("bundle/rootfs/start")), "index.html");
  EXPECT_FALSE(base::Exists(At("bundle/rootfs/cache")));
  Said(Stevedore({"export", "--platform", "linux/arm64", to, At("site.tar")}));
  EXPECT_THAT(TarLines(At("site.tar"))["bin/run"], HasSubstr(" 1ed 1000:100 1700000000 "));

  const ProcessResult bad = Stevedore({"from-dir", At("site"), "-t", to, "--owner", "root"});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.err, HasSubstr("--owner"));
  EXPECT_EQ(Stevedore({"from-dir", At("nowhere"), "-t", to}).exit_code, 1);
}

// A damage of a layout on disk, and what validate must say of it.
struct Damage {
  const char* name;
  // Of the config, manifest or first layer of the image.
  std::function<void(const std::string& config, const std::string& manifest,
                     const std::string& layer)>
      damage;
  const char* said;
};

void PrintTo(const Damage& damage, std::ostream* out) { *out << damage.name; }

class DamagedLayoutTest : public FilesystemCommandsTest,
                          public ::testing::WithParamInterface<Damage> {};

TEST_P(DamagedLayoutTest, IsToldAndExitsWithOne) {
  ASSERT_NO_FATAL_FAILURE(MakeImage("v1"));
  const std::string image = absl::StrCat("oci:", At("layout"), ":v1");
  EXPECT_EQ(Stevedore({"validate", image}).exit_code, 0);
  const nlohmann::json index = nlohmann::json::parse(*base::ReadFile(At("layout/index.json")));
  const auto path = [this](const nlohmann::json& descriptor) {
    const std::string digest = descriptor["digest"];
    return At("layout/blobs/sha256/" + digest.substr(7));
  };
  const std::string manifest_path = path(index["manifests"][0]);
  const nlohmann::json manifest = nlohmann::json::parse(*base::ReadFile(manifest_path));
  for (const auto& file : std::filesystem::recursive_directory_iterator(At("layout"))) {
    std::filesystem::permissions(file.path(), std::filesystem::perms::owner_all,
                                 std::filesystem::perm_options::add);
  }
  GetParam().damage(path(manifest["config"]), manifest_path, path(manifest["layers"][0]));
  const ProcessResult result = Stevedore({"validate", image});
  EXPECT_EQ(result.exit_code, 1) << result.out << result.err;
  EXPECT_THAT(absl::StrCat(result.out, result.err), HasSubstr(GetParam().said));
}

void Overwrite(const std::string& path, std::streamoff offset, const std::string& text) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(offset);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
}

INSTANTIATE_TEST_SUITE_P(
    Each, DamagedLayoutTest,
    ::testing::ValuesIn(std::vector<Damage>{
        {"LayerRemoved",
         [](auto&, auto&, const std::string& layer) { std::filesystem::remove(layer); }, "layer 1"},
        {"LayerChanged",
         [](auto&, auto&, const std::string& layer) { Overwrite(layer, 700, "rot"); }, "layer 1"},
        {"LayerCut",
         [](auto&, auto&, const std::string& layer) { std::filesystem::resize_file(layer, 5000); },
         "layer 1"},
        {"LayerLonger",
         [](auto&, auto&, const std::string& layer) {
           std::ofstream(layer, std::ios::app) << "more";
         },
         "layer 1"},
        {"ConfigRemoved",
         [](const std::string& config, auto&, auto&) { std::filesystem::remove(config); },
         "config"},
        {"ConfigChanged",
         [](const std::string& config, auto&, auto&) { Overwrite(config, 3, "x"); }, "config"},
        {"ManifestChanged",
         [](auto&, const std::string& manifest, auto&) { Overwrite(manifest, 3, "x"); },
         "manifest"},
    }),
    [](const auto& info) { return info.param.name; });

}  // namespace
}  // namespace stevedore::testing
