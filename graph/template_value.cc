#include "graph/template_value.h"

#include <cmath>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace stevedore::graph {

TemplateValue TemplateValue::Bool(bool value) {
  TemplateValue result(Kind::kBool);
  result.int_ = value;
  return result;
}

TemplateValue TemplateValue::Int(int64_t value) {
  TemplateValue result(Kind::kInt);
  result.int_ = value;
  return result;
}

TemplateValue TemplateValue::Float(double value) {
  TemplateValue result(Kind::kFloat);
  result.float_ = value;
  return result;
}

TemplateValue TemplateValue::String(std::string value) {
  TemplateValue result(Kind::kString);
  result.string_ = std::make_shared<const std::string>(std::move(value));
  return result;
}

TemplateValue TemplateValue::OfList(List value) {
  TemplateValue result(Kind::kList);
  result.list_ = std::make_shared<const List>(std::move(value));
  return result;
}

TemplateValue TemplateValue::OfMap(Map value) {
  TemplateValue result(Kind::kMap);
  result.map_ = std::make_shared<const Map>(std::move(value));
  return result;
}

TemplateValue TemplateValue::OfStrings(const std::map<std::string, std::string>& value) {
  Map map;
  for (const auto& [key, text] : value) map.emplace_hint(map.end(), key, String(text));
  return OfMap(std::move(map));
}

TemplateValue TemplateValue::OfRecord(std::shared_ptr<const TemplateRecord> value) {
  if (value == nullptr) return Nil();
  TemplateValue result(Kind::kRecord);
  result.record_ = std::move(value);
  return result;
}

TemplateValue TemplateValue::Volatile() && {
  is_volatile_ = true;
  return std::move(*this);
}

bool TemplateValue::Truth() const {
  switch (kind_) {
    case Kind::kMissing:
    case Kind::kNil:
      return false;
    case Kind::kBool:
    case Kind::kInt:
      return int_ != 0;
    case Kind::kFloat:
      return float_ != 0;
    case Kind::kString:
      return !string_->empty();
    case Kind::kList:
      return !list_->empty();
    case Kind::kMap:
      return !map_->empty();
    case Kind::kRecord:
      return true;
  }
  return false;
}

std::string TemplateValue::Print() const {
  switch (kind_) {
    case Kind::kMissing:
      return "<no value>";
    case Kind::kNil:
      return "<nil>";
    case Kind::kBool:
      return int_ != 0 ? "true" : "false";
    case Kind::kInt:
      return absl::StrCat(int_);
    case Kind::kFloat: {
      // Shortest text that reads back as the same number, exponents as Go spells them.
      char text[40];
      for (int digits = 1; digits <= 17; ++digits) {
        std::snprintf(text, sizeof(text), "%.*g", digits, float_);
        double back = 0;
        if (std::sscanf(text, "%lf", &back) == 1 && back == float_) break;
      }
      if (std::isinf(float_)) return float_ > 0 ? "+Inf" : "-Inf";
      return std::isnan(float_) ? "NaN" : text;
    }
    case Kind::kString:
      return *string_;
    case Kind::kList: {
      std::string text = "[";
      for (const TemplateValue& item : *list_) {
        absl::StrAppend(&text, text.size() > 1 ? " " : "", item.Print());
      }
      return text + "]";
    }
    case Kind::kMap: {
      std::string text = "map[";
      for (const auto& [key, value] : *map_) {
        absl::StrAppend(&text, text.size() > 4 ? " " : "", key, ":", value.Print());
      }
      return text + "]";
    }
    case Kind::kRecord:
      return absl::StrCat("<", record_->type_name(), ">");
  }
  return "";
}

std::string TemplateValue::TypeName() const {
  switch (kind_) {
    case Kind::kMissing:
      return "no value";
    case Kind::kNil:
      return "nil";
    case Kind::kBool:
      return "bool";
    case Kind::kInt:
      return "int";
    case Kind::kFloat:
      return "float64";
    case Kind::kString:
      return "string";
    case Kind::kList:
      return "list";
    case Kind::kMap:
      return "map";
    case Kind::kRecord:
      return std::string(record_->type_name());
  }
  return "";
}

}  // namespace stevedore::graph
