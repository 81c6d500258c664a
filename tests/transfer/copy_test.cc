// Copies between real registries, layouts and archives, and what they cost in requests.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/testing/status_matchers.h"
#include "credentials/credential_store.h"
#include "http/client.h"
#include "oci/image/digest.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "oci/image/reference.h"
#include "tests/harness/faulty_proxy.h"
#include "tests/harness/process.h"
#include "tests/harness/registry.h"
#include "transfer/copier.h"
#include "transfer/endpoint.h"
#include "transfer/endpoints.h"
#include "transfer/memory_images.h"
#include "transfer/registry_client.h"
#include "transfer/registry_repository.h"

namespace stevedore::transfer {
namespace {

using ::stevedore::base::testing::IsOkAndHolds;
using ::stevedore::testing::FaultyProxy;
using ::stevedore::testing::Process;
using ::stevedore::testing::ProcessResult;
using ::stevedore::testing::Registry;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

std::string CliPath() {
  return absl::StrCat(std::getenv("TEST_SRCDIR"), "/", std::getenv("TEST_WORKSPACE"),
                      "/cli/stevedore-cli");
}

// A client with its parts.
struct Client {
  http::Client http;
  credentials::MemoryCredentialStore credentials;
  RegistryClient registries{&http, &credentials};
  Endpoints endpoints{&registries};

  RegistryRepository At(const std::string& host, const std::string& repository) {
    return RegistryRepository(&registries,
                              oci::Reference::Parse(absl::StrCat(host, "/", repository)).value());
  }
  // Copies from one text to the other.
  absl::StatusOr<CopyResult> Copy(Copier& copier, const std::string& from, const std::string& to,
                                  const CopyOptions& options = {}) {
    auto source = endpoints.OpenSource(ParseEndpoint(from).value());
    if (!source.ok()) return source.status();
    auto sink = endpoints.OpenSink(ParseEndpoint(to).value());
    if (!sink.ok()) return sink.status();
    return copier.Copy(*source->images, source->tag_or_digest, *sink->images, sink->tag_or_digest,
                       options);
  }
};

// An image in memory whose layers have these contents; by digest only if `tag` is empty.
oci::Descriptor AddImage(MemoryImages& images, const std::string& tag,
                         const std::vector<std::string>& layers,
                         const std::string& architecture = "amd64",
                         const nlohmann::json& more = nlohmann::json::object()) {
  nlohmann::json config = {{"os", "linux"},
                           {"architecture", architecture},
                           {"rootfs", {{"type", "layers"}, {"diff_ids", nlohmann::json::array()}}}};
  nlohmann::json json = {
      {"schemaVersion", 2}, {"mediaType", oci::kOciManifest}, {"layers", nlohmann::json::array()}};
  for (const std::string& layer : layers) {
    json["layers"].push_back(images.AddBlob(layer, oci::kOciLayer).ToJson());
    config["rootfs"]["diff_ids"].push_back(oci::Digest::Of(layer).ToString());
  }
  json["config"] = images.AddBlob(config.dump(), oci::kOciConfig).ToJson();
  json.update(more);
  const std::string bytes = json.dump();
  const oci::Digest digest = oci::Digest::Of(bytes);
  EXPECT_OK(images.PutManifest(tag.empty() ? digest.ToString() : tag, bytes, oci::kOciManifest));
  return {.media_type = oci::kOciManifest,
          .digest = digest,
          .size = bytes.size(),
          .platform = oci::Platform{.os = "linux", .architecture = architecture}};
}

oci::Descriptor AddIndex(MemoryImages& images, const std::string& tag,
                         const std::vector<oci::Descriptor>& children) {
  const oci::Index index = oci::Index::Create(children).value();
  EXPECT_OK(images.PutManifest(tag.empty() ? index.digest().ToString() : tag, index.bytes(),
                               index.media_type()));
  return index.ToDescriptor();
}

ProcessResult RunProgram(std::vector<std::string> argv) {
  const auto result = Process::Run({.argv = std::move(argv)});
  EXPECT_OK(result);
  return result.ok() ? *result : ProcessResult{-1, "", ""};
}

class CopyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(first_, Registry::Start());
    ASSERT_OK_AND_ASSIGN(second_, Registry::Start());
    ASSERT_OK_AND_ASSIGN(from_, FaultyProxy::Start(first_->port()));
    ASSERT_OK_AND_ASSIGN(to_, FaultyProxy::Start(second_->port()));
    ASSERT_OK_AND_ASSIGN(base::TemporaryDirectory folder, base::TemporaryDirectory::Create());
    folder_.emplace(std::move(folder));
  }
  // Copies `tag` from memory to the first registry.
  void Publish(const std::string& repository, const std::string& tag,
               const CopyOptions& options = {}) {
    RegistryRepository place = client_.At(first_->host(), repository);
    ASSERT_OK(copier_.Copy(memory_, tag, place, tag, options));
  }

  std::unique_ptr<Registry> first_, second_;
  std::unique_ptr<FaultyProxy> from_, to_;  // In front of them, to count.
  std::optional<base::TemporaryDirectory> folder_;
  Client client_;
  Copier copier_;
  MemoryImages memory_;
};

TEST_F(CopyTest, RegistryToRegistryKeepsEveryDigest) {
  const oci::Descriptor index =
      AddIndex(memory_, "1.0",
               {AddImage(memory_, "", {"base", "one"}), AddImage(memory_, "", {"base"}, "arm64")});
  Publish("shop/web", "1.0");
  const auto result =
      client_.Copy(copier_, first_->host() + "/shop/web:1.0", second_->host() + "/mirror/web:1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->digest, index.digest);
  EXPECT_EQ(result->blobs_copied, 4u);
  const std::string there = absl::StrCat("docker://", second_->host(), "/mirror/web:1.0");
  const ProcessResult raw = RunProgram({"skopeo", "inspect", "--raw", "--tls-verify=false", there});
  EXPECT_EQ(oci::Digest::Of(raw.out), index.digest) << raw.err;
  // skopeo reads and verifies all of it.
  const ProcessResult pulled =
      RunProgram({"skopeo", "--insecure-policy", "copy", "--all", "--src-tls-verify=false", there,
                  "dir:" + folder_->path() + "/pulled"});
  EXPECT_EQ(pulled.exit_code, 0) << pulled.err;
}

TEST_F(CopyTest, ANoOpCostsOneRequestPerTagAndSideWhateverTheNumberOfLayers) {
  std::vector<std::string> layers;
  for (int i = 0; i < 100; ++i) layers.push_back(absl::StrCat("layer ", i));
  AddImage(memory_, "1.0", layers);
  Publish("shop/web", "1.0");
  ASSERT_OK(client_.Copy(copier_, from_->host() + "/shop/web:1.0", to_->host() + "/shop/web:1.0",
                         {.extra_tags = {"latest"}}));
  for (const bool new_process : {false, true}) {
    const int from_before = from_->RequestCount(""), to_before = to_->RequestCount("");
    Client fresh;
    const auto again = (new_process ? fresh : client_)
                           .Copy(copier_, from_->host() + "/shop/web:1.0",
                                 to_->host() + "/shop/web:1.0", {.extra_tags = {"latest"}});
    ASSERT_OK(again);
    EXPECT_TRUE(again->unchanged);
    EXPECT_EQ(from_->RequestCount("") - from_before, 1);
    EXPECT_EQ(to_->RequestCount("") - to_before, 2);
  }
  EXPECT_EQ(to_->RequestCount("GET /v2/shop/web/manifests"), 0);
}

TEST_F(CopyTest, OneRegistryMountsEachBlobWithOneRequest) {
  std::vector<std::string> layers;
  for (int i = 0; i < 100; ++i) layers.push_back(absl::StrCat("layer ", i));
  AddImage(memory_, "1.0", layers);
  Publish("shop/web", "1.0");
  const auto result =
      client_.Copy(copier_, from_->host() + "/shop/web:1.0", from_->host() + "/other/web:1.0");
  ASSERT_OK(result);
  EXPECT_EQ(result->blobs_mounted, 101u);
  EXPECT_EQ(from_->RequestCount("POST /v2/other/web/blobs/uploads/?"), 101);
  EXPECT_EQ(from_->RequestCount("HEAD /v2/other/web/blobs"), 0);
  EXPECT_EQ(from_->RequestCount("PUT /v2/other/web/blobs"), 0);
  EXPECT_EQ(from_->RequestCount("GET /v2/shop/web/blobs"), 0);
}

TEST_F(CopyTest, NestedIndexesAndWhatIsAttachedTravelEverywhereAndBack) {
  const oci::Descriptor leaf = AddImage(memory_, "", {"deep"});
  const oci::Descriptor inner = AddIndex(memory_, "", {leaf});
  const oci::Descriptor outer =
      AddIndex(memory_, "1.0", {inner, AddImage(memory_, "", {"flat"}, "arm64")});
  const oci::Descriptor sbom =
      AddImage(memory_, "", {"what is inside"}, "amd64",
               {{"artifactType", "application/sbom"}, {"subject", outer.ToJson()}});
  const oci::Descriptor signature =
      AddImage(memory_, "", {"signed"}, "amd64",
               {{"artifactType", "application/signature"}, {"subject", sbom.ToJson()}});
  Publish("shop/web", "1.0", {.referrers = true});
  const std::string layout = absl::StrCat("oci:", folder_->path(), "/layout:1.0");
  const std::string archive = absl::StrCat("oci-archive:", folder_->path(), "/a.tar:1.0");
  const std::string steps[] = {first_->host() + "/shop/web:1.0", layout, archive,
                               second_->host() + "/back/web:1.0"};
  for (size_t i = 0; i + 1 < std::size(steps); ++i) {
    SCOPED_TRACE(steps[i + 1]);
    const auto result = client_.Copy(copier_, steps[i], steps[i + 1], {.referrers = true});
    ASSERT_OK(result);
    EXPECT_EQ(result->digest, outer.digest);
  }
  RegistryRepository back = client_.At(second_->host(), "back/web");
  for (const oci::Descriptor& document : {outer, inner, leaf, sbom, signature}) {
    const auto there = back.GetManifest(document.digest.ToString());
    ASSERT_OK(there);
    EXPECT_EQ(there->bytes.size(), document.size);
  }
  const auto attached = back.Referrers(outer.digest, "");
  ASSERT_OK(attached);
  ASSERT_EQ(attached->size(), 1u);
  EXPECT_EQ((*attached)[0].digest, sbom.digest);
}

TEST_F(CopyTest, KilledInTheMiddleItGoesOnWhereItWas) {
  AddImage(memory_, "1.0", {"the old one"});
  const oci::Descriptor old = AddImage(memory_, "old", {"the old one"});
  std::vector<std::string> layers;
  for (int i = 0; i < 8; ++i) layers.push_back(std::string(100'000, static_cast<char>('a' + i)));
  const oci::Descriptor image = AddImage(memory_, "new", layers);
  Publish("shop/web", "new");
  RegistryRepository target = client_.At(second_->host(), "shop/web");
  ASSERT_OK(copier_.Copy(memory_, "old", target, "1.0"));
  // One layer never comes.
  const oci::Digest missing = oci::Digest::Of(layers[3]);
  from_->Add({.method = "GET", .path = missing.ToString(), .hang = true});
  const std::vector<std::string> argv = {CliPath(), "copy", from_->host() + "/shop/web:new",
                                         to_->host() + "/shop/web:1.0"};
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<Process> killed, Process::Start({.argv = argv}));
  for (const std::string& layer : layers) {
    if (oci::Digest::Of(layer) == missing) continue;
    // The other threads go on; there is nothing that could stop them.
    while (!target.HasBlob(oci::Digest::Of(layer)).value_or(false)) {
      ASSERT_TRUE(killed->running()) << killed->output();
      absl::SleepFor(absl::Milliseconds(20));
    }
  }
  killed->Kill();
  ASSERT_OK_AND_ASSIGN(const auto between, target.HeadManifest("1.0"));
  EXPECT_EQ(between->digest, old.digest);
  EXPECT_EQ(to_->RequestCount("PUT /v2/shop/web/manifests"), 0);

  const int sent = to_->RequestCount("PUT /v2/shop/web/blobs");
  const ProcessResult again = RunProgram(argv);
  EXPECT_EQ(again.exit_code, 0) << again.err;
  EXPECT_EQ(again.out, image.digest.ToString() + "\n");
  // The layer that was missing, and the config if that was not yet there.
  EXPECT_LE(to_->RequestCount("PUT /v2/shop/web/blobs") - sent, 2);
  ASSERT_OK_AND_ASSIGN(const auto after, target.HeadManifest("1.0"));
  EXPECT_EQ(after->digest, image.digest);
  const ProcessResult pulled =
      RunProgram({"skopeo", "--insecure-policy", "copy", "--src-tls-verify=false",
                  absl::StrCat("docker://", second_->host(), "/shop/web:1.0"),
                  "dir:" + folder_->path() + "/pulled"});
  EXPECT_EQ(pulled.exit_code, 0) << pulled.err;
}

TEST_F(CopyTest, PromoteWithGostevedoresFlags) {
  const oci::Descriptor image = AddImage(memory_, "0.1.0-base2.4.6", {"app"});
  Publish("dev/app1", "0.1.0-base2.4.6");
  const ProcessResult result =
      RunProgram({CliPath(), "promote", first_->host() + "/dev/app1:0.1.0-base2.4.6",
                  "--use-source-image-from-remote", "-n", "stable", "-t", "latest", "-s", "-S",
                  "-T", "{{ .Major }}.{{ .Minor }}.{{ .Patch }}", "-T", "{{ .Major }}.{{ .Minor }}",
                  "--output", "json"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const nlohmann::json json = nlohmann::json::parse(result.out, nullptr, false);
  ASSERT_TRUE(json.is_object()) << result.out;
  const std::string target = first_->host() + "/stable/app1:";
  EXPECT_THAT(json["references"], ElementsAre(target + "0.1", target + "0.1.0",
                                              target + "0.1.0-base2.4.6", target + "latest"));
  EXPECT_THAT(json["tags_written"], ElementsAre("0.1", "0.1.0", "0.1.0-base2.4.6", "latest"));
  EXPECT_EQ(json["digest"], image.digest.ToString());
  EXPECT_EQ(json["blobs_mounted"], 2);
  EXPECT_EQ(json["source_place"], "registry");
  EXPECT_THAT(result.err, HasSubstr("from its registry"));
  RegistryRepository place = client_.At(first_->host(), "stable/app1");
  EXPECT_THAT(place.ListTags(),
              IsOkAndHolds(UnorderedElementsAre("0.1", "0.1.0", "0.1.0-base2.4.6", "latest")));
}

TEST_F(CopyTest, AllTagsOfARepository) {
  for (const char* tag : {"1", "2", "3"}) {
    AddImage(memory_, tag, {std::string("layer of ") + tag, "base"});
    Publish("shop/web", tag);
  }
  const std::vector<std::string> argv = {CliPath(), "copy", "--all-tags",
                                         first_->host() + "/shop/web", to_->host() + "/shop/web"};
  const ProcessResult result = RunProgram(argv);
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(to_->RequestCount("PUT /v2/shop/web/manifests"), 3);
  const int before = to_->RequestCount("");
  EXPECT_EQ(RunProgram(argv).exit_code, 0);
  EXPECT_EQ(to_->RequestCount("") - before, 3);
}

TEST_F(CopyTest, ExitCodesAndFiles) {
  AddImage(memory_, "1.0", {"layer"});
  Publish("shop/web", "1.0");
  const std::string file = folder_->path() + "/digest";
  const ProcessResult good =
      RunProgram({CliPath(), "copy", first_->host() + "/shop/web:1.0",
                  second_->host() + "/shop/web:1.0", "--digestfile", file, "-q"});
  EXPECT_EQ(good.exit_code, 0);
  EXPECT_EQ(good.err, "");
  EXPECT_THAT(base::ReadFile(file), IsOkAndHolds(good.out));
  const ProcessResult missing = RunProgram(
      {CliPath(), "copy", first_->host() + "/shop/web:9", second_->host() + "/shop/web:9"});
  EXPECT_EQ(missing.exit_code, 1) << missing.err;
  EXPECT_EQ(RunProgram({CliPath(), "copy", "ftp://nope", second_->host() + "/x:1"}).exit_code, 2);
  EXPECT_EQ(RunProgram({CliPath(), "copy", first_->host() + "/shop/web:1.0", "oci:/x", "-n", "a"})
                .exit_code,
            2);
  const std::string nowhere = second_->host();
  second_->Kill();
  const ProcessResult dead =
      RunProgram({CliPath(), "copy", first_->host() + "/shop/web:1.0", nowhere + "/shop/web:1.0"});
  EXPECT_EQ(dead.exit_code, 3) << dead.err;
}

}  // namespace
}  // namespace stevedore::transfer
