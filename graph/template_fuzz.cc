// Any bytes as a template, against a value of each kind: an error or an output, never a crash, and
// always soon.

#include <cstddef>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "graph/template.h"
#include "graph/template_value.h"

using stevedore::graph::Template;
using stevedore::graph::TemplateValue;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const TemplateValue& data = *new TemplateValue(TemplateValue::OfMap({
      {"Name", TemplateValue::String("web")},
      {"Tags", TemplateValue::OfList({TemplateValue::String("a"), TemplateValue::Int(2)})},
      {"Vars", TemplateValue::OfMap({{"x", TemplateValue::Float(1.5)}})},
      {"Parent", TemplateValue::Nil()},
      {"On", TemplateValue::Bool(true)},
  }));
  const auto parsed =
      Template::Parse(absl::string_view(reinterpret_cast<const char*>(bytes), size));
  if (parsed.ok()) (void)parsed->Execute(data);
  return 0;
}
