#include "cli/parent_finders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>

#include "base/file.h"
#include "base/testing/status_matchers.h"
#include "credentials/credential_store.h"
#include "http/client.h"
#include "oci/image/image_editor.h"
#include "oci/image/platform.h"

namespace stevedore::cli {
namespace {

using ::stevedore::base::testing::StatusIs;

TEST(LayoutParentFinderTest, LayoutIsAskedFirst) {
  ASSERT_OK_AND_ASSIGN(const base::TemporaryDirectory directory,
                       base::TemporaryDirectory::Create());
  ASSERT_OK_AND_ASSIGN(const oci::Layout layout, oci::Layout::OpenOrCreate(directory.path()));
  ASSERT_OK_AND_ASSIGN(const oci::Platform platform, oci::Platform::Parse("linux/amd64"));
  ASSERT_OK_AND_ASSIGN(const oci::Image image, oci::ImageEditor(platform).Finish());
  ASSERT_OK(layout.PutBlob(image.config.bytes()));
  ASSERT_OK(layout.PutManifest(image.manifest.bytes(), image.manifest.media_type(),
                               "127.0.0.1:1/base:1"));
  http::Client http;
  const credentials::MemoryCredentialStore credentials;
  transfer::RegistryClientOptions options;
  options.retries = 0;
  transfer::RegistryClient registries(&http, &credentials, options);
  LayoutParentFinder finder(&layout, &registries, /*fetch=*/true, nullptr);

  ASSERT_OK_AND_ASSIGN(const oci::Reference there, oci::Reference::Parse("127.0.0.1:1/base:1"));
  ASSERT_OK_AND_ASSIGN(const auto found, finder.Find(there, {"linux/amd64"}, {}));
  EXPECT_EQ(found->at("linux/amd64"), image.manifest.digest().ToString());

  // Port 1 refuses: nobody listens there.
  ASSERT_OK_AND_ASSIGN(const oci::Reference elsewhere, oci::Reference::Parse("127.0.0.1:1/base:2"));
  EXPECT_THAT(finder.Find(elsewhere, {"linux/amd64"}, {}),
              StatusIs(absl::StatusCode::kUnavailable));
}

}  // namespace
}  // namespace stevedore::cli
