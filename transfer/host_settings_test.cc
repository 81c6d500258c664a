#include "transfer/host_settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/file.h"
#include "base/testing/status_matchers.h"

namespace stevedore::transfer {
namespace {

using base::testing::StatusIs;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HostSettingsTest : public ::testing::Test {
 protected:
  HostSettingsTest() : folder_(*base::TemporaryDirectory::Create()) {}
  // A file below the first or the second folder of certificates.
  void Write(const std::string& path, const std::string& text) {
    const std::string file = base::JoinPath(folder_.path(), path);
    ASSERT_OK(base::MakeDirectories(file.substr(0, file.rfind('/'))));
    ASSERT_OK(base::WriteFileAtomically(file, text));
  }
  std::string Path(const std::string& path) { return base::JoinPath(folder_.path(), path); }
  absl::StatusOr<HostSettings> Find(const std::string& registry) {
    return FindHostSettings(configured_, {Path("mine"), Path("all")})(registry);
  }

  base::TemporaryDirectory folder_;
  std::map<std::string, HostSettings> configured_;
};

TEST_F(HostSettingsTest, NobodyMentionedIt) {
  ASSERT_OK_AND_ASSIGN(const HostSettings settings, Find("reg:5000"));
  EXPECT_FALSE(settings.has_certificates || settings.blocked || settings.insecure);
  EXPECT_THAT(settings.mirrors, IsEmpty());
}

TEST_F(HostSettingsTest, HostAloneCountsForAllItsPorts) {
  configured_["reg"].blocked = true;
  configured_["reg:6000"].mirrors = {"m"};
  EXPECT_TRUE(Find("reg:5000")->blocked);
  EXPECT_FALSE(Find("reg:6000")->blocked);
  EXPECT_THAT(Find("reg:6000")->mirrors, ElementsAre("m"));
  configured_["[::1]"].blocked = true;
  EXPECT_TRUE(Find("[::1]:5000")->blocked);
  EXPECT_TRUE(Find("[::1]")->blocked);
}

TEST_F(HostSettingsTest, FirstFolderThatKnowsTheHostCounts) {
  Write("mine/reg:5000/b.crt", "second");
  Write("mine/reg:5000/a.crt", "first");
  Write("mine/reg:5000/notes.txt", "x");
  Write("all/reg:5000/c.crt", "third");
  Write("all/other/client.cert", "c");
  Write("all/other/client.key", "k");
  ASSERT_OK_AND_ASSIGN(const HostSettings settings, Find("reg:5000"));
  EXPECT_EQ(settings.tls.ca_pem, "first\nsecond\n");
  EXPECT_TRUE(settings.has_certificates);
  EXPECT_EQ(settings.tls.client_certificate_file, "");
  ASSERT_OK_AND_ASSIGN(const HostSettings other, Find("other"));
  EXPECT_EQ(other.tls.client_certificate_file, Path("all/other/client.cert"));
  EXPECT_EQ(other.tls.client_key_file, Path("all/other/client.key"));
  EXPECT_TRUE(other.has_certificates);
}

TEST_F(HostSettingsTest, ConfiguredFilesWin) {
  configured_["reg"].tls.ca_file = "/ca.pem";
  Write("mine/reg/a.crt", "first");
  ASSERT_OK_AND_ASSIGN(const HostSettings settings, Find("reg"));
  EXPECT_EQ(settings.tls.ca_file, "/ca.pem");
  EXPECT_EQ(settings.tls.ca_pem, "");
  EXPECT_TRUE(settings.has_certificates);
}

TEST_F(HostSettingsTest, HalfAPairIsAnError) {
  Write("mine/reg/client.cert", "c");
  EXPECT_THAT(Find("reg").status(),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr("mine/reg/client.cert: there is no client.key"),
                             HasSubstr("registry reg"))));
}

TEST_F(HostSettingsTest, KnowsDockersAndPodmansFolders) {
  EXPECT_THAT(CertificateDirectories({{"HOME", "/h"}}),
              ElementsAre("/h/.config/containers/certs.d", "/etc/containers/certs.d",
                          "/etc/docker/certs.d"));
  EXPECT_THAT(CertificateDirectories({{"HOME", "/h"}, {"XDG_CONFIG_HOME", "/x"}})[0],
              "/x/containers/certs.d");
}

}  // namespace
}  // namespace stevedore::transfer
