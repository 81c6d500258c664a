// Values that templates work on.

#ifndef STEVEDORE_GRAPH_TEMPLATE_VALUE_H_
#define STEVEDORE_GRAPH_TEMPLATE_VALUE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace stevedore::graph {

class TemplateValue;

// Something with named fields, looked up only when a template asks: an image, say. Immutable.
class TemplateRecord {
 public:
  virtual ~TemplateRecord() = default;
  // What messages call it: "image".
  virtual absl::string_view type_name() const = 0;
  // Nothing if there is no such field.
  virtual std::optional<TemplateValue> Field(absl::string_view name) const = 0;
  // All names, for messages.
  virtual std::vector<std::string> FieldNames() const = 0;
};

// What Go calls an interface{}, as far as templates can tell. A value; copies share lists, maps and
// records, which never change. Thread-safe like a const int.
class TemplateValue {
 public:
  enum class Kind : uint8_t {
    kMissing,  // What a map gives for a key that it does not have.
    kNil,
    kBool,
    kInt,
    kFloat,
    kString,
    kList,
    kMap,
    kRecord,
  };
  using List = std::vector<TemplateValue>;
  using Map = std::map<std::string, TemplateValue>;

  TemplateValue() = default;
  static TemplateValue Nil() { return TemplateValue(Kind::kNil); }
  static TemplateValue Bool(bool value);
  static TemplateValue Int(int64_t value);
  static TemplateValue Float(double value);
  static TemplateValue String(std::string value);
  static TemplateValue OfList(List value);
  static TemplateValue OfMap(Map value);
  // Of a map in which every value is a text: `index` gives an empty one for a missing key.
  static TemplateValue OfTexts(Map value);
  static TemplateValue OfStrings(const std::map<std::string, std::string>& value);
  // Of JSON text: numbers, true and false, lists and maps as themselves. Nil for what is none.
  static TemplateValue OfJson(const std::string& json);
  static TemplateValue OfRecord(std::shared_ptr<const TemplateRecord> value);

  // The same, marked as made from the clock.
  TemplateValue Volatile() &&;

  Kind kind() const { return kind_; }
  bool is_volatile() const { return is_volatile_; }
  // Only for the kind that the name says.
  bool bool_value() const { return int_ != 0; }
  int64_t int_value() const { return int_; }
  double float_value() const { return float_; }
  const std::string& string_value() const { return *string_; }
  const List& list() const { return *list_; }
  const Map& map() const { return *map_; }
  bool holds_texts() const { return holds_texts_; }
  const TemplateRecord& record() const { return *record_; }

  // False for missing, nil, false, zero and whatever is empty.
  bool Truth() const;
  // As Go's %v prints it.
  std::string Print() const;
  // "string", "int", ... for messages.
  std::string TypeName() const;

 private:
  explicit TemplateValue(Kind kind) : kind_(kind) {}

  Kind kind_ = Kind::kMissing;
  bool is_volatile_ = false;
  bool holds_texts_ = false;
  int64_t int_ = 0;
  double float_ = 0;
  // Shared because values are copied at every step and never change.
  std::shared_ptr<const std::string> string_;
  std::shared_ptr<const List> list_;
  std::shared_ptr<const Map> map_;
  std::shared_ptr<const TemplateRecord> record_;
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_TEMPLATE_VALUE_H_
