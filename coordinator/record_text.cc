#include "coordinator/record_text.h"

#include <cstdio>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace stevedore::coordinator {
namespace {

bool MustEscape(unsigned char c) { return c <= ' ' || c == '\\' || c == 0x7f; }

// Bytes above 127 stay: UTF-8 in messages should be readable.
void AppendEscaped(absl::string_view value, std::string* text) {
  constexpr char kHex[] = "0123456789abcdef";
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (!MustEscape(byte)) {
      text->push_back(c);
      continue;
    }
    text->push_back('\\');
    text->push_back(kHex[byte >> 4]);
    text->push_back(kHex[byte & 15]);
  }
}

int HexValue(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

bool Unescape(absl::string_view text, std::string* value) {
  value->reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      value->push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return false;
    const int high = HexValue(text[i + 1]);
    const int low = HexValue(text[i + 2]);
    if (high < 0 || low < 0) return false;
    value->push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

}  // namespace

absl::StatusOr<RecordText> RecordText::Parse(absl::string_view text) {
  RecordText record;
  for (const absl::string_view part : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    const size_t equals = part.find('=');
    std::string value;
    if (equals == absl::string_view::npos || equals == 0 ||
        !Unescape(part.substr(equals + 1), &value)) {
      return absl::InvalidArgumentError("ledger value: not of the form `name=value ...`");
    }
    record.fields_.emplace_back(std::string(part.substr(0, equals)), std::move(value));
  }
  return record;
}

RecordText& RecordText::Add(absl::string_view name, absl::string_view value) {
  if (!value.empty()) fields_.emplace_back(std::string(name), std::string(value));
  return *this;
}

RecordText& RecordText::AddInt(absl::string_view name, int64_t value) {
  if (value != 0) fields_.emplace_back(std::string(name), absl::StrCat(value));
  return *this;
}

RecordText& RecordText::AddDouble(absl::string_view name, double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.6g", value);
  return value == 0 ? *this : Add(name, text);
}

RecordText& RecordText::AddTime(absl::string_view name, absl::Time value) {
  return value == absl::InfinitePast() ? *this : AddInt(name, absl::ToUnixMillis(value));
}

absl::string_view RecordText::Get(absl::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (key == name) return value;
  }
  return "";
}

int64_t RecordText::GetInt(absl::string_view name) const {
  int64_t value = 0;
  return absl::SimpleAtoi(Get(name), &value) ? value : 0;
}

double RecordText::GetDouble(absl::string_view name) const {
  double value = 0;
  return absl::SimpleAtod(Get(name), &value) ? value : 0;
}

absl::Time RecordText::GetTime(absl::string_view name) const {
  const int64_t millis = GetInt(name);
  return millis == 0 ? absl::InfinitePast() : absl::FromUnixMillis(millis);
}

std::vector<std::string> RecordText::GetAll(absl::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [key, value] : fields_) {
    if (key == name) values.push_back(value);
  }
  return values;
}

std::string RecordText::ToString() const {
  std::string text;
  for (const auto& [name, value] : fields_) {
    if (!text.empty()) text.push_back(' ');
    absl::StrAppend(&text, name, "=");
    AppendEscaped(value, &text);
  }
  return text;
}

}  // namespace stevedore::coordinator
