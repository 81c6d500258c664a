#include "graph/drivers.h"

#include <set>
#include <string>

#include "base/testing/status_matchers.h"
#include "graph/key_table.h"
#include "graph/keys.h"

namespace stevedore::graph {
namespace {

using ::testing::HasSubstr;

// What every table must keep for its readers, the schema and the documentation.
void CheckTable(const KeyTable& table) {
  EXPECT_FALSE(table.what.empty());
  std::set<absl::string_view> names;
  for (const Key& key : table.keys) {
    SCOPED_TRACE(std::string(table.what) + ": " + std::string(key.name));
    EXPECT_TRUE(names.insert(key.name).second) << "twice";
    EXPECT_FALSE(key.description.empty());
    EXPECT_NE(key.description.empty() ? '.' : key.description.back(), '.');
    if (!key.alias_of.empty()) EXPECT_NE(table.Find(key.alias_of), nullptr);
    const bool has_members = key.type == KeyType::kMap || key.type == KeyType::kMapList ||
                             key.type == KeyType::kMapOrList || key.type == KeyType::kTextOrMap ||
                             key.type == KeyType::kNamedMaps || key.type == KeyType::kImages;
    EXPECT_EQ(has_members, key.members != nullptr);
    if (key.members != nullptr) CheckTable(*key.members);
  }
}

TEST(KeysTest, TablesAreComplete) {
  for (const KeyTable* table : {&ConfigurationKeys(), &DefinitionFileKeys(), &ContextKeys()}) {
    CheckTable(*table);
  }
}

TEST(KeysTest, NamesLeaveOutDeprecatedKeysAndAliases) {
  EXPECT_NE(ConfigurationKeys().Find("tree_path"), nullptr);
  for (absl::string_view name : ConfigurationKeys().Names()) EXPECT_NE(name, "tree_path");
  EXPECT_EQ(MappingKeys().Names().size(), 19u);
  EXPECT_EQ(MappingKeys().Find("image_labels_key")->alias_of, "image_lables_key");
  EXPECT_EQ(ImageKeys().Find("parent"), nullptr);
}

TEST(DriversTest, AreSortedAndTheirTablesComplete) {
  absl::string_view last;
  for (const DriverDescription& driver : Drivers()) {
    EXPECT_LT(last, driver.name);
    last = driver.name;
    EXPECT_FALSE(driver.description.empty());
    if (driver.options != nullptr) CheckTable(*driver.options);
    if (driver.check != nullptr)
      EXPECT_THAT(driver.check("[]"), ::testing::Not(base::testing::IsOk()));
    EXPECT_EQ(FindDriver(driver.name), &driver);
  }
  EXPECT_EQ(FindDriver("dokcer"), nullptr);
  EXPECT_THAT(UnknownDriver("dokcer"), HasSubstr("did you mean `docker`?"));
}

}  // namespace
}  // namespace stevedore::graph
