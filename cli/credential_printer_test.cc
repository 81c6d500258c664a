#include "cli/credential_printer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/secret.h"

namespace stevedore::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::vector<credentials::Record> Records() {
  credentials::Record basic;
  basic.id = "reg";
  basic.username = "u";
  basic.password = base::Secret("sesame");
  credentials::Record key;
  key.id = "git";
  key.private_key_file = "/k";
  key.private_key_password = base::Secret("sesame");
  return {basic, key};
}

TEST(CredentialPrinterTest, HidesSecretsUnlessAsked) {
  EXPECT_EQ(CredentialTable(Records(), Secrets::kHide),
            "ID   TYPE               CREDENTIALS\n"
            "reg  username-password  username=u\n"
            "git  Private key file   private_key_file=/k, private_key_protected=true\n");
  EXPECT_EQ(CredentialJson(Records(), Secrets::kHide),
            "{\"id\":\"reg\",\"type\":\"username-password\",\"username\":\"u\"}\n"
            "{\"id\":\"git\",\"type\":\"Private key file\",\"private_key_file\":\"/k\","
            "\"private_key_protected\":true}\n");
  EXPECT_THAT(CredentialYaml(Records(), Secrets::kHide), Not(HasSubstr("sesame")));
  EXPECT_THAT(CredentialTable(Records(), Secrets::kShow), HasSubstr("username=u, password=sesame"));
  EXPECT_THAT(CredentialJson(Records(), Secrets::kShow), HasSubstr("\"password\":\"sesame\""));
  EXPECT_THAT(CredentialYaml(Records(), Secrets::kShow),
              HasSubstr("- id: \"reg\"\n  type: \"username-password\"\n  username: \"u\"\n"
                        "  password: \"sesame\"\n- id: \"git\"\n"));
  EXPECT_EQ(CredentialYaml({}, Secrets::kShow), "[]\n");
}

}  // namespace
}  // namespace stevedore::cli
