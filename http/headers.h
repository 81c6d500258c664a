// Header fields of HTTP messages.

#ifndef STEVEDORE_HTTP_HEADERS_H_
#define STEVEDORE_HTTP_HEADERS_H_

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace stevedore::http {

// A list of fields in order; names compare without case and may repeat. A value.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  Headers() = default;
  Headers(std::initializer_list<Field> fields) : fields_(fields) {}

  // The value of the first field of that name, or nullopt.
  std::optional<std::string> Find(absl::string_view name) const;
  // The values of all fields of that name, in order.
  std::vector<std::string> FindAll(absl::string_view name) const;
  // Appends a field, keeping those of the same name.
  void Add(absl::string_view name, absl::string_view value);
  // Replaces all fields of that name by one.
  void Set(absl::string_view name, absl::string_view value);
  // Removes all fields of that name.
  void Remove(absl::string_view name);
  void Clear() { fields_.clear(); }

  const std::vector<Field>& fields() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

}  // namespace stevedore::http

#endif  // STEVEDORE_HTTP_HEADERS_H_
