#include "http/headers.h"

#include "absl/strings/match.h"

namespace stevedore::http {

std::optional<std::string> Headers::Find(absl::string_view name) const {
  for (const Field& field : fields_) {
    if (absl::EqualsIgnoreCase(field.first, name)) return field.second;
  }
  return std::nullopt;
}

std::vector<std::string> Headers::FindAll(absl::string_view name) const {
  std::vector<std::string> values;
  for (const Field& field : fields_) {
    if (absl::EqualsIgnoreCase(field.first, name)) values.push_back(field.second);
  }
  return values;
}

void Headers::Add(absl::string_view name, absl::string_view value) {
  fields_.emplace_back(std::string(name), std::string(value));
}

void Headers::Set(absl::string_view name, absl::string_view value) {
  Remove(name);
  Add(name, value);
}

void Headers::Remove(absl::string_view name) {
  std::erase_if(fields_,
                [name](const Field& field) { return absl::EqualsIgnoreCase(field.first, name); });
}

}  // namespace stevedore::http
