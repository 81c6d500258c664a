#include "oci/image/canonical_json.h"

#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"

namespace stevedore::oci {

absl::StatusOr<nlohmann::json> ParseJson(absl::string_view text, uint64_t limit_bytes) {
  if (text.size() > limit_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("JSON document of ", text.size(), " bytes; the limit is ", limit_bytes));
  }
  bool too_deep = false;
  // Returning false drops the value, so the tree that is built (and destroyed) never gets deeper
  // than the limit.
  const auto keep = [&too_deep](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth >= kMaxJsonDepth) too_deep = true;
    return !too_deep;
  };
  try {
    nlohmann::json json = nlohmann::json::parse(text.data(), text.data() + text.size(), keep);
    if (too_deep) {
      return absl::InvalidArgumentError(
          absl::StrCat("JSON nests deeper than the allowed ", kMaxJsonDepth, " levels"));
    }
    return json;
  } catch (const nlohmann::json::parse_error& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("not valid JSON at byte ", error.byte, ": ", base::Quoted(text, 60)));
  } catch (const nlohmann::json::exception& error) {
    // A number out of range.
    return absl::InvalidArgumentError(absl::StrCat("not valid JSON: ", base::Quoted(error.what())));
  }
}

absl::StatusOr<std::string> CanonicalJson(const nlohmann::json& json) {
  try {
    // nlohmann::json keeps members in a std::map, which sorts them bytewise.
    return json.dump();
  } catch (const nlohmann::json::exception& error) {
    return absl::InvalidArgumentError(
        absl::StrCat("text that is not UTF-8 cannot be written: ", base::Quoted(error.what())));
  }
}

}  // namespace stevedore::oci
