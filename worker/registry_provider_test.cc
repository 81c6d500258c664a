#include "worker/registry_provider.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/testing/status_matchers.h"
#include "credentials/credential.h"
#include "credentials/credential_store.h"
#include "http/client.h"
#include "oci/image/reference.h"
#include "transfer/image_sink.h"
#include "transfer/registry_client.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {
namespace {

TEST(RegistryProviderTest, RepositoriesOfOneRegistryShareAMountDomain) {
  http::Client http;
  const credentials::MemoryCredentialStore credentials(
      std::vector<std::pair<std::string, credentials::Credential>>{});
  transfer::RegistryClient client(&http, &credentials);
  RegistryProvider provider(&client);
  ASSERT_OK_AND_ASSIGN(const auto a, oci::Reference::Parse("localhost:5000/a:1"));
  ASSERT_OK_AND_ASSIGN(const auto b, oci::Reference::Parse("localhost:5000/b:1"));
  ASSERT_OK_AND_ASSIGN(const auto c, oci::Reference::Parse("registry.example.com/a:1"));
  ASSERT_OK_AND_ASSIGN(const Repository first, provider.Open(a));
  ASSERT_OK_AND_ASSIGN(const Repository second, provider.Open(b));
  ASSERT_OK_AND_ASSIGN(const Repository third, provider.Open(c));
  EXPECT_EQ(first.mount_domain, second.mount_domain);
  EXPECT_NE(first.mount_domain, third.mount_domain);
  EXPECT_EQ(first.sink->Describe(), "localhost:5000/a");
  ASSERT_OK_AND_ASSIGN(const auto other_tag, oci::Reference::Parse("localhost:5000/a:2"));
  ASSERT_OK_AND_ASSIGN(const Repository again, provider.Open(other_tag));
  EXPECT_EQ(again.sink, first.sink) << "one object per repository";
}

}  // namespace
}  // namespace stevedore::worker
