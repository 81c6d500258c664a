// Values of definitions with their templates rendered for one image.

#ifndef STEVEDORE_GRAPH_RENDERER_H_
#define STEVEDORE_GRAPH_RENDERER_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "graph/template.h"
#include "graph/yaml_document.h"
#include "nlohmann/json.hpp"

namespace stevedore::graph {

// Parsed templates by text: thousands of definitions share a few. Not thread-safe.
class TemplateCache {
 public:
  // As Template::Parse.
  absl::StatusOr<Template> Get(const std::string& text);

 private:
  absl::flat_hash_map<std::string, Template> templates_;
};

// Renders scalars of one image, each by itself. Not thread-safe.
class Renderer {
 public:
  // `data` makes the value that templates see; it is called once, and only if there is a template.
  // `cache` must outlive the renderer; without one nothing is rendered, templates are texts like
  // others (global builders).
  Renderer(TemplateCache* cache, absl::FunctionRef<TemplateValue()> data)
      : cache_(cache), make_data_(data) {}

  // The scalar's text. INVALID_ARGUMENT, with its place, if its template fails.
  absl::StatusOr<TemplateOutput> Text(const YamlNode& scalar);
  // The same for a text that belongs to the scalar at `node`.
  absl::StatusOr<TemplateOutput> Text(const std::string& text, const YamlNode& node);
  // Anything as JSON. Plain scalars that mean null, true, false or a number are that, if the number
  // reads exactly as it is written: 1.10 and 0644 stay texts. INVALID_ARGUMENT as Text, and for
  // keys that render to the same.
  absl::StatusOr<nlohmann::json> Json(const YamlNode& node);

 private:
  TemplateCache* const cache_;
  const absl::FunctionRef<TemplateValue()> make_data_;
  bool has_data_ = false;
  TemplateValue data_;
};

// A plain scalar as JSON, as Renderer::Json says. Thread-safe.
nlohmann::json PlainScalar(const std::string& text);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_RENDERER_H_
