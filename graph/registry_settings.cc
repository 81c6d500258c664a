#include "graph/registry_settings.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "graph/keys.h"
#include "oci/image/reference.h"

namespace stevedore::graph {
namespace {

// Fills the settings of one registry.
class Reader {
 public:
  Reader(const std::string& name, Findings* findings) : name_(name), findings_(*findings) {}

  RegistrySettings Read(const YamlNode& key, const YamlNode& map) {
    settings_.where = key.where();
    if (const absl::Status status = oci::CheckRegistry(name_); !status.ok()) {
      findings_.Error(key.where(), absl::StrCat("`registries`: ", status.message()));
    }
    if (!findings_.IsMap(map, What(""))) return settings_;
    findings_.CheckKeys(map, RegistryKeys().what, RegistryKeys());
    settings_.ca_file = Text(map, "ca_file");
    settings_.client_certificate_file = Text(map, "client_certificate_file");
    settings_.client_key_file = Text(map, "client_key_file");
    settings_.insecure = Bool(map, "insecure");
    settings_.blocked = Bool(map, "blocked");
    settings_.mirrors = Texts(map, "mirrors", [](const std::string& mirror) {
      // Whatever repository comes behind it.
      return oci::CheckRegistry(mirror.substr(0, mirror.find('/'))).ok()
                 ? oci::Reference::Parse(absl::StrCat(mirror, "/a")).status()
                 : absl::InvalidArgumentError("it must begin with a registry's host");
    });
    settings_.token_hosts =
        Texts(map, "token_hosts", [](const std::string& host) { return oci::CheckRegistry(host); });
    if (settings_.client_certificate_file.empty() != settings_.client_key_file.empty()) {
      findings_.Error(key.where(),
                      absl::StrCat(What(""), ": `client_certificate_file` and `client_key_file` ",
                                   "need each other; add or remove one"));
    }
    return settings_;
  }

 private:
  std::string What(absl::string_view key) const {
    return absl::StrCat("`registries.", name_, key.empty() ? "" : ".", key, "`");
  }
  std::string Text(const YamlNode& map, absl::string_view key) {
    const YamlNode* const node = map.Find(key);
    return node == nullptr ? "" : findings_.Text(*node, What(key));
  }
  bool Bool(const YamlNode& map, absl::string_view key) {
    const YamlNode* const node = map.Find(key);
    return node != nullptr && findings_.Bool(*node, What(key), false);
  }
  template <typename Check>
  std::vector<std::string> Texts(const YamlNode& map, absl::string_view key, Check check) {
    std::vector<std::string> texts;
    const YamlNode* const node = map.Find(key);
    if (node == nullptr) return texts;
    for (const YamlNode* text : findings_.Texts(*node, What(key))) {
      const absl::Status status = check(text->text());
      if (status.ok()) {
        texts.push_back(text->text());
      } else {
        findings_.Error(text->where(), absl::StrCat(What(key), ": ", base::Quoted(text->text()),
                                                    ": ", status.message()));
      }
    }
    return texts;
  }

  const std::string& name_;
  Findings& findings_;
  RegistrySettings settings_;
};

}  // namespace

std::map<std::string, RegistrySettings> ReadRegistries(const YamlNode& registries,
                                                       Findings* findings) {
  std::map<std::string, RegistrySettings> result;
  if (!findings->IsMap(registries, "`registries`")) return result;
  for (const auto& [key, value] : registries.entries()) {
    const std::string& name = key->text();
    if (name.rfind("x-", 0) == 0) continue;
    result[name] = Reader(name, findings).Read(*key, *value);
  }
  return result;
}

}  // namespace stevedore::graph
