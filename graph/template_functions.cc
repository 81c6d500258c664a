#include "graph/template_functions.h"

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/status.h"
#include "graph/template_lexer.h"

namespace stevedore::graph {
namespace {

using Kind = TemplateValue::Kind;
using Values = std::vector<TemplateValue>;
using Result = absl::StatusOr<TemplateValue>;

// Wider columns are a mistake, and width is multiplied by loops.
constexpr int kMaxWidth = 1000;

absl::Status Wrong(absl::string_view text) { return absl::InvalidArgumentError(text); }

absl::Status NeedArguments(absl::string_view name, const Values& values, size_t least,
                           size_t most) {
  if (values.size() >= least && values.size() <= most) return absl::OkStatus();
  return Wrong(absl::StrCat("`", name, "` takes ", least, least == most ? "" : " or more",
                            " arguments, found ", values.size()));
}

// -1, 0, 1, or an error for values that have no common order.
absl::StatusOr<int> Compare(const TemplateValue& a, const TemplateValue& b) {
  auto sign = [](auto x, auto y) { return x < y ? -1 : x > y ? 1 : 0; };
  if (a.kind() != b.kind()) {
    return Wrong(absl::StrCat("cannot compare ", a.TypeName(), " and ", b.TypeName()));
  }
  switch (a.kind()) {
    case Kind::kInt:
      return sign(a.int_value(), b.int_value());
    case Kind::kFloat:
      return sign(a.float_value(), b.float_value());
    case Kind::kString:
      return sign(a.string_value(), b.string_value());
    default:
      return Wrong(absl::StrCat("a ", a.TypeName(), " has no order"));
  }
}

absl::StatusOr<bool> Equal(const TemplateValue& a, const TemplateValue& b) {
  const bool a_none = a.kind() == Kind::kNil || a.kind() == Kind::kMissing;
  const bool b_none = b.kind() == Kind::kNil || b.kind() == Kind::kMissing;
  if (a_none || b_none) return a_none && b_none;
  if (a.kind() == Kind::kBool && b.kind() == Kind::kBool) return a.bool_value() == b.bool_value();
  ASSIGN_OR_RETURN(const int order, Compare(a, b));
  return order == 0;
}

Result EqualAny(const Values& values) {
  for (size_t i = 1; i < values.size(); ++i) {
    ASSIGN_OR_RETURN(const bool equal, Equal(values[0], values[i]));
    if (equal) return TemplateValue::Bool(true);
  }
  return TemplateValue::Bool(false);
}

Result Length(const Values& values) {
  switch (values[0].kind()) {
    case Kind::kString:
      return TemplateValue::Int(values[0].string_value().size());
    case Kind::kList:
      return TemplateValue::Int(values[0].list().size());
    case Kind::kMap:
      return TemplateValue::Int(values[0].map().size());
    default:
      return Wrong(absl::StrCat("a ", values[0].TypeName(), " has no length"));
  }
}

Result Index(const Values& values) {
  TemplateValue value = values[0];
  for (size_t i = 1; i < values.size(); ++i) {
    const TemplateValue& at = values[i];
    if (value.kind() == Kind::kMap && at.kind() == Kind::kString) {
      const auto found = value.map().find(at.string_value());
      // Go's zero value: nothing, but an empty text where all values are texts.
      TemplateValue none = value.holds_texts() ? TemplateValue::String("") : TemplateValue();
      TemplateValue next = found == value.map().end() ? std::move(none) : found->second;
      value = std::move(next);
      continue;
    }
    if (at.kind() != Kind::kInt || (value.kind() != Kind::kList && value.kind() != Kind::kString)) {
      return Wrong(absl::StrCat("cannot index a ", value.TypeName(), " with a ", at.TypeName()));
    }
    const bool is_list = value.kind() == Kind::kList;
    const int64_t size = is_list ? value.list().size() : value.string_value().size();
    if (at.int_value() < 0 || at.int_value() >= size) {
      return Wrong(
          absl::StrCat("index ", at.int_value(), " of a ", value.TypeName(), " of ", size));
    }
    TemplateValue next =
        is_list
            ? value.list()[at.int_value()]
            : TemplateValue::Int(static_cast<unsigned char>(value.string_value()[at.int_value()]));
    value = std::move(next);
  }
  return value;
}

Result Slice(const Values& values) {
  const TemplateValue& value = values[0];
  if (value.kind() != Kind::kString && value.kind() != Kind::kList) {
    return Wrong(absl::StrCat("cannot slice a ", value.TypeName()));
  }
  const bool is_list = value.kind() == Kind::kList;
  const int64_t size = is_list ? value.list().size() : value.string_value().size();
  int64_t range[2] = {0, size};
  for (size_t i = 1; i < values.size(); ++i) {
    if (values[i].kind() != Kind::kInt || values[i].int_value() < 0 ||
        values[i].int_value() > size) {
      return Wrong(
          absl::StrCat("slice from ", values[i].Print(), " of a ", value.TypeName(), " of ", size));
    }
    range[i - 1] = values[i].int_value();
  }
  if (range[0] > range[1]) {
    return Wrong(absl::StrCat("slice from ", range[0], " to ", range[1]));
  }
  if (!is_list) {
    return TemplateValue::String(value.string_value().substr(range[0], range[1] - range[0]));
  }
  return TemplateValue::OfList(
      Values(value.list().begin() + range[0], value.list().begin() + range[1]));
}

// As Go prints the argument of a function: what is not there is nil by then.
std::string Shown(const TemplateValue& value) {
  return value.kind() == Kind::kMissing ? "<nil>" : value.Print();
}

// As fmt.Sprint: blanks between neighbours that are both no texts.
std::string Concatenate(const Values& values) {
  std::string text;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0 && values[i].kind() != Kind::kString && values[i - 1].kind() != Kind::kString) {
      text += ' ';
    }
    text += Shown(values[i]);
  }
  return text;
}

std::string Line(const Values& values) {
  std::string text;
  for (size_t i = 0; i < values.size(); ++i) {
    absl::StrAppend(&text, i == 0 ? "" : " ", Shown(values[i]));
  }
  return text + "\n";
}

std::string EscapedHtml(absl::string_view text) {
  std::string out;
  for (char c : text) {
    switch (c) {
      case '\0':
        out += "\xEF\xBF\xBD";
        break;
      case '"':
        out += "&#34;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

std::string EscapedJs(absl::string_view text) {
  std::string out;
  for (char c : text) {
    if (c == '\\' || c == '\'' || c == '"') {
      absl::StrAppend(&out, "\\", std::string(1, c));
    } else if (c == '<' || c == '>' || c == '&' || c == '=' || absl::ascii_iscntrl(c)) {
      absl::StrAppend(&out, absl::StrFormat("\\u%04X", static_cast<unsigned char>(c)));
    } else {
      out += c;
    }
  }
  return out;
}

std::string EscapedUrl(absl::string_view text) {
  std::string out;
  for (char c : text) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else if (c == ' ') {
      out += '+';
    } else {
      absl::StrAppend(&out, absl::StrFormat("%%%02X", static_cast<unsigned char>(c)));
    }
  }
  return out;
}

// As strconv.Quote.
std::string GoQuoted(absl::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"':
      case '\\':
        absl::StrAppend(&out, "\\", std::string(1, c));
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (absl::ascii_iscntrl(c)) {
          absl::StrAppend(&out, absl::StrFormat("\\x%02x", static_cast<unsigned char>(c)));
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

// One `%...` of a format.
struct Verb {
  std::string flags;  // Of "-+# 0".
  int width = -1;
  int precision = -1;
  int argument = 0;  // Of `%[1]s`, from 1 on; 0: the next one.
  char letter = 0;
};

std::string Padded(const Verb& verb, std::string text) {
  // Columns are counted in characters.
  int size = 0;
  for (char c : text) size += (c & 0xC0) != 0x80;
  if (size >= verb.width) return text;
  const std::string blanks(verb.width - size, ' ');
  return verb.flags.find('-') != std::string::npos ? text + blanks : blanks + text;
}

std::string Cut(const Verb& verb, std::string text) {
  if (verb.precision < 0) return text;
  int count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if ((text[i] & 0xC0) != 0x80 && count++ == verb.precision) return text.substr(0, i);
  }
  return text;
}

// By C's printf: flags, width and precision mean the same for numbers.
template <typename T>
std::string ByPrintf(const Verb& verb, const char* length_and_letter, T value) {
  std::string format = "%" + verb.flags;
  if (verb.width >= 0) absl::StrAppend(&format, verb.width);
  if (verb.precision >= 0) absl::StrAppend(&format, ".", verb.precision);
  absl::StrAppend(&format, length_and_letter);
  char buffer[2 * kMaxWidth + 400];
  const int size = std::snprintf(buffer, sizeof(buffer), format.c_str(), value);
  return std::string(buffer, std::min<size_t>(std::max(size, 0), sizeof(buffer) - 1));
}

std::string BadVerb(const Verb& verb, const TemplateValue& value) {
  return absl::StrCat("%!", std::string(1, verb.letter), "(", value.TypeName(), "=", value.Print(),
                      ")");
}

std::string FormatInt(const Verb& verb, int64_t value) {
  const uint64_t magnitude = value < 0 ? 0 - static_cast<uint64_t>(value) : value;
  switch (verb.letter) {
    case 'd':
    case 'v':
      return ByPrintf(verb, "lld", static_cast<long long>(value));
    case 'x':
    case 'X':
    case 'o': {
      const char format[] = {'l', 'l', verb.letter, '\0'};
      if (value >= 0) return ByPrintf(verb, format, static_cast<unsigned long long>(magnitude));
      return Padded(verb, "-" + ByPrintf(Verb{.flags = "", .letter = verb.letter}, format,
                                         static_cast<unsigned long long>(magnitude)));
    }
    case 'b': {
      std::string digits;
      for (uint64_t rest = magnitude; rest != 0 || digits.empty(); rest >>= 1) {
        digits.insert(digits.begin(), '0' + (rest & 1));
      }
      return Padded(verb, value < 0 ? "-" + digits : digits);
    }
    case 'U':
      return Padded(verb, absl::StrFormat("U+%04X", magnitude));
    case 'c':
    case 'q': {
      std::string text;
      syntax::AppendUtf8(&text, value >= 0 && value <= 0x10FFFF ? value : 0xFFFD);
      if (verb.letter == 'c') return Padded(verb, text);
      const bool escaped = text == "'" || text == "\\";
      if (text == "\"") return Padded(verb, "'\"'");
      const std::string quoted = GoQuoted(text);
      return Padded(verb,
                    absl::StrCat("'", escaped ? "\\" : "",
                                 text == "\\" ? text : quoted.substr(1, quoted.size() - 2), "'"));
    }
  }
  return BadVerb(verb, TemplateValue::Int(value));
}

std::string FormatOne(const Verb& verb, const TemplateValue& value);

// Lists and maps are formatted item by item.
std::string FormatItems(const Verb& verb, const TemplateValue& value) {
  std::string text = value.kind() == Kind::kMap ? "map[" : "[";
  const char* separator = "";
  if (value.kind() == Kind::kMap) {
    for (const auto& [key, item] : value.map()) {
      absl::StrAppend(&text, separator, FormatOne(verb, TemplateValue::String(key)), ":",
                      FormatOne(verb, item));
      separator = " ";
    }
  } else {
    for (const TemplateValue& item : value.list()) {
      absl::StrAppend(&text, separator, FormatOne(verb, item));
      separator = " ";
    }
  }
  return text + "]";
}

std::string FormatOne(const Verb& verb, const TemplateValue& value) {
  if (verb.letter == 'T') return Padded(verb, value.TypeName());
  switch (value.kind()) {
    case Kind::kMissing:
    case Kind::kNil:
      if (verb.letter == 'v') return Padded(verb, "<nil>");
      return absl::StrCat("%!", std::string(1, verb.letter), "(<nil>)");
    case Kind::kList:
    case Kind::kMap:
      return FormatItems(verb, value);
    case Kind::kInt:
      return FormatInt(verb, value.int_value());
    case Kind::kFloat: {
      if (verb.letter == 'v') return Padded(verb, value.Print());
      static constexpr absl::string_view kFloatVerbs = "feEgGF";
      if (kFloatVerbs.find(verb.letter) == absl::string_view::npos) break;
      const char letter[] = {verb.letter, '\0'};
      if (verb.precision < 0 && (verb.letter == 'g')) return Padded(verb, value.Print());
      return ByPrintf(verb, letter, value.float_value());
    }
    case Kind::kBool:
      if (verb.letter == 't' || verb.letter == 'v') return Padded(verb, value.Print());
      break;
    case Kind::kString: {
      const std::string& text = value.string_value();
      const bool literally = verb.letter == 'v' && verb.flags.find('#') != std::string::npos;
      if (literally) return Padded(verb, GoQuoted(text));
      if (verb.letter == 's' || verb.letter == 'v') return Padded(verb, Cut(verb, text));
      if (verb.letter == 'q') return Padded(verb, GoQuoted(Cut(verb, text)));
      if (verb.letter == 'x' || verb.letter == 'X') {
        std::string hex;
        for (unsigned char c : Cut(verb, text)) {
          absl::StrAppend(
              &hex, verb.letter == 'x' ? absl::StrFormat("%02x", c) : absl::StrFormat("%02X", c));
        }
        return Padded(verb, hex);
      }
      break;
    }
    default:
      if (verb.letter == 'v' || verb.letter == 's') return Padded(verb, value.Print());
  }
  return BadVerb(verb, value);
}

// Reads what follows a `%`; `at` ends behind the verb.
Verb ReadVerb(absl::string_view format, size_t* at) {
  Verb verb;
  static constexpr absl::string_view kFlags = "-+# 0";
  while (*at < format.size() && kFlags.find(format[*at]) != absl::string_view::npos) {
    if (verb.flags.find(format[*at]) == std::string::npos) verb.flags += format[*at];
    ++*at;
  }
  auto number = [&] {
    int value = 0;
    while (*at < format.size() && absl::ascii_isdigit(format[*at])) {
      value = std::min(kMaxWidth, value * 10 + (format[(*at)++] - '0'));
    }
    return value;
  };
  if (*at < format.size() && absl::ascii_isdigit(format[*at])) verb.width = number();
  if (*at < format.size() && format[*at] == '.') {
    ++*at;
    verb.precision = number();
  }
  if (*at < format.size() && format[*at] == '[') {
    ++*at;
    verb.argument = number();
    if (*at < format.size() && format[*at] == ']') ++*at;
  }
  if (*at < format.size()) verb.letter = format[(*at)++];
  return verb;
}

Result Ordered(const Values& values, const std::function<bool(int)>& holds) {
  ASSIGN_OR_RETURN(const int order, Compare(values[0], values[1]));
  return TemplateValue::Bool(holds(order));
}

// A function with the number of arguments it takes.
struct Function {
  size_t least, most;
  std::function<Result(const Values&)> call;
};

Result Text(std::string text) { return TemplateValue::String(std::move(text)); }

const std::map<std::string, Function>& Functions() {
  constexpr size_t kAny = 1000;
  static const auto& functions = *new std::map<std::string, Function>{
      {"not", {1, 1, [](const Values& v) { return Result(TemplateValue::Bool(!v[0].Truth())); }}},
      {"len", {1, 1, Length}},
      {"index", {1, kAny, Index}},
      {"slice", {1, 3, Slice}},
      {"print", {0, kAny, [](const Values& v) { return Text(Concatenate(v)); }}},
      {"println", {0, kAny, [](const Values& v) { return Text(Line(v)); }}},
      {"html", {1, kAny, [](const Values& v) { return Text(EscapedHtml(Concatenate(v))); }}},
      {"js", {1, kAny, [](const Values& v) { return Text(EscapedJs(Concatenate(v))); }}},
      {"urlquery", {1, kAny, [](const Values& v) { return Text(EscapedUrl(Concatenate(v))); }}},
      {"eq", {2, kAny, EqualAny}},
      {"ne",
       {2, 2,
        [](const Values& v) -> Result {
          ASSIGN_OR_RETURN(const bool equal, Equal(v[0], v[1]));
          return TemplateValue::Bool(!equal);
        }}},
      {"lt", {2, 2, [](const Values& v) { return Ordered(v, [](int o) { return o < 0; }); }}},
      {"le", {2, 2, [](const Values& v) { return Ordered(v, [](int o) { return o <= 0; }); }}},
      {"gt", {2, 2, [](const Values& v) { return Ordered(v, [](int o) { return o > 0; }); }}},
      {"ge", {2, 2, [](const Values& v) { return Ordered(v, [](int o) { return o >= 0; }); }}},
      {"printf",
       {1, kAny,
        [](const Values& v) -> Result {
          if (v[0].kind() != Kind::kString) return Wrong("the first argument must be a format");
          return Text(FormatTemplateValues(v[0].string_value(), Values(v.begin() + 1, v.end())));
        }}},
      {"call",
       {1, kAny,
        [](const Values& v) -> Result {
          return Wrong(absl::StrCat("a ", v[0].TypeName(),
                                    " cannot be called; no value here is a "
                                    "function"));
        }}},
  };
  return functions;
}

}  // namespace

absl::StatusOr<TemplateValue> CallTemplateFunction(absl::string_view name,
                                                   const std::vector<TemplateValue>& arguments) {
  const auto found = Functions().find(std::string(name));
  if (found == Functions().end()) return Wrong(absl::StrCat("no function ", base::Quoted(name)));
  const Function& function = found->second;
  RETURN_IF_ERROR(NeedArguments(name, arguments, function.least, function.most));
  absl::StatusOr<TemplateValue> result = function.call(arguments);
  if (!result.ok()) return base::Annotate(result.status(), name);
  return result;
}

std::string FormatTemplateValues(absl::string_view format,
                                 const std::vector<TemplateValue>& arguments) {
  std::string out;
  size_t next = 0;
  bool reordered = false;
  for (size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
      continue;
    }
    ++at;
    const Verb verb = ReadVerb(format, &at);
    if (verb.letter == '%') {
      out += '%';
      continue;
    }
    if (verb.argument > 0) {
      next = verb.argument - 1;
      reordered = true;
    }
    if (verb.letter == 0) {
      out += "%!(NOVERB)";
    } else if (verb.argument > 0 && next >= arguments.size()) {
      absl::StrAppend(&out, "%!", std::string(1, verb.letter), "(BADINDEX)");
    } else if (next >= arguments.size()) {
      absl::StrAppend(&out, "%!", std::string(1, verb.letter), "(MISSING)");
    } else {
      out += FormatOne(verb, arguments[next++]);
    }
  }
  for (size_t i = next; i < arguments.size() && !reordered; ++i) {
    absl::StrAppend(&out, i == next ? "%!(EXTRA " : ", ", arguments[i].TypeName(), "=",
                    arguments[i].Print(), i + 1 == arguments.size() ? ")" : "");
  }
  return out;
}

}  // namespace stevedore::graph
