#include "graph/template_value.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"

namespace stevedore::graph {
namespace {

// As fmt's %v: 1e+06, but 100000.
constexpr int kExponentFrom = 6;

// The shortest text that reads back as the same number, with an exponent where Go has one.
std::string ShortestText(double value) {
  char text[40];
  int digits = 0;
  for (; digits < 17; ++digits) {
    std::snprintf(text, sizeof(text), "%.*e", digits, value);
    if (std::strtod(text, nullptr) == value) break;
  }
  const char* exponent_text = std::strchr(text, 'e');
  const int exponent = exponent_text == nullptr ? 0 : std::atoi(exponent_text + 1);
  if (exponent < -4 || exponent >= kExponentFrom) return text;
  std::snprintf(text, sizeof(text), "%.*f", std::max(0, digits - exponent), value);
  return text;
}

TemplateValue FromJson(const nlohmann::json& json) {
  if (json.is_boolean()) return TemplateValue::Bool(json.get<bool>());
  if (json.is_number_integer()) return TemplateValue::Int(json.get<int64_t>());
  if (json.is_number()) return TemplateValue::Float(json.get<double>());
  if (json.is_string()) return TemplateValue::String(json.get<std::string>());
  if (json.is_array()) {
    TemplateValue::List list;
    for (const nlohmann::json& item : json) list.push_back(FromJson(item));
    return TemplateValue::OfList(std::move(list));
  }
  if (json.is_object()) {
    TemplateValue::Map map;
    for (const auto& [key, item] : json.items()) map.emplace(key, FromJson(item));
    return TemplateValue::OfMap(std::move(map));
  }
  return TemplateValue::Nil();
}

}  // namespace

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

TemplateValue TemplateValue::OfTexts(Map value) {
  TemplateValue result = OfMap(std::move(value));
  result.holds_texts_ = true;
  return result;
}

TemplateValue TemplateValue::OfStrings(const std::map<std::string, std::string>& value) {
  Map map;
  for (const auto& [key, text] : value) map.emplace_hint(map.end(), key, String(text));
  return OfTexts(std::move(map));
}

TemplateValue TemplateValue::OfJson(const std::string& json) {
  return FromJson(nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false));
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
      if (std::isinf(float_)) return float_ > 0 ? "+Inf" : "-Inf";
      return std::isnan(float_) ? "NaN" : ShortestText(float_);
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
