// Any bytes as an ignore file and a path: an error, or an answer; what is ignored with no folder to
// enter stays ignored below.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"
#include "context/ignore_rules.h"

using stevedore::context::IgnoreRules;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(bytes), size);
  const size_t cut = input.find('\0');
  const auto rules = IgnoreRules::Parse(input.substr(0, cut), "fuzz");
  if (!rules.ok()) return 0;
  const absl::string_view path =
      cut == absl::string_view::npos ? absl::string_view("a/b/c.md") : input.substr(cut + 1);
  if (rules->Ignores(path) && !rules->Identity().empty()) (void)rules->MayKeepBelow(path);
  if (rules->Identity() != IgnoreRules(*rules).Identity()) abort();
  return 0;
}
