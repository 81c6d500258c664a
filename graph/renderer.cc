#include "graph/renderer.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "graph/findings.h"

namespace stevedore::graph {

absl::StatusOr<Template> TemplateCache::Get(const std::string& text) {
  if (const auto found = templates_.find(text); found != templates_.end()) return found->second;
  ASSIGN_OR_RETURN(Template parsed, Template::Parse(text));
  return templates_.emplace(text, std::move(parsed)).first->second;
}

absl::StatusOr<TemplateOutput> Renderer::Text(const YamlNode& scalar) {
  return Text(scalar.text(), scalar);
}

absl::StatusOr<TemplateOutput> Renderer::Text(const std::string& text, const YamlNode& node) {
  if (cache_ == nullptr || !Template::HasActions(text)) return TemplateOutput{text, false};
  absl::StatusOr<Template> parsed = cache_->Get(text);
  absl::Status status = parsed.status();
  if (parsed.ok()) {
    if (!has_data_) {
      data_ = make_data_();
      has_data_ = true;
    }
    absl::StatusOr<TemplateOutput> output = parsed->Execute(data_);
    if (output.ok()) return output;
    status = output.status();
  }
  return WithCode(node.Error(absl::StrCat("template ", base::Quoted(text), ": ", status.message())),
                  codes::kTemplate);
}

absl::StatusOr<nlohmann::json> Renderer::Json(const YamlNode& node) {
  switch (node.kind()) {
    case YamlNode::Kind::kNull:
      return nlohmann::json();
    case YamlNode::Kind::kScalar: {
      if (node.is_plain() && !Template::HasActions(node.text())) return PlainScalar(node.text());
      ASSIGN_OR_RETURN(TemplateOutput output, Text(node));
      return nlohmann::json(std::move(output.text));
    }
    case YamlNode::Kind::kList: {
      nlohmann::json list = nlohmann::json::array();
      for (const YamlNode* item : node.items()) {
        ASSIGN_OR_RETURN(nlohmann::json value, Json(*item));
        list.push_back(std::move(value));
      }
      return list;
    }
    case YamlNode::Kind::kMap: {
      nlohmann::json map = nlohmann::json::object();
      for (const auto& [key, item] : node.entries()) {
        ASSIGN_OR_RETURN(TemplateOutput name, Text(*key));
        if (map.contains(name.text)) {
          return key->Error(absl::StrCat("this key renders to ", base::Quoted(name.text),
                                         ", which is there already"));
        }
        ASSIGN_OR_RETURN(map[name.text], Json(*item));
      }
      return map;
    }
  }
  return nlohmann::json();
}

nlohmann::json PlainScalar(const std::string& text) {
  if (text == "true" || text == "True" || text == "TRUE") return true;
  if (text == "false" || text == "False" || text == "FALSE") return false;
  int64_t integer = 0;
  if (absl::SimpleAtoi(text, &integer) && absl::StrCat(integer) == text) return integer;
  double real = 0;
  if (text.find('.') != std::string::npos && absl::SimpleAtod(text, &real)) {
    nlohmann::json json = real;
    if (json.dump() == text) return json;
  }
  return text;
}

}  // namespace stevedore::graph
