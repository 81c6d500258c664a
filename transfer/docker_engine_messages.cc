#include "transfer/docker_engine_messages.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "nlohmann/json.hpp"
#include "oci/image/canonical_json.h"

namespace stevedore::transfer {
namespace {

using Json = nlohmann::json;

constexpr size_t kReadBytes = 64 << 10;

std::string TextOf(const Json& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

void ReadError(const Json& json, EngineMessage* message) {
  message->error = TextOf(json, "error");
  const auto detail = json.find("errorDetail");
  if (detail == json.end() || !detail->is_object()) return;
  if (const std::string text = TextOf(*detail, "message"); !text.empty()) message->error = text;
  const auto code = detail->find("code");
  if (code != detail->end() && code->is_number_integer()) {
    message->error_code = code->get<int64_t>();
  }
  if (message->error.empty()) message->error = "the engine reported an error without a text";
}

}  // namespace

std::string EngineMessage::AuxText(absl::string_view member) const {
  if (aux_json.empty()) return "";
  const absl::StatusOr<Json> json = oci::ParseJson(aux_json);
  return json.ok() && json->is_object() ? TextOf(*json, std::string(member).c_str()) : "";
}

bool EngineMessageReader::Scan() {
  while (scanned_ < buffer_.size()) {
    const char c = buffer_[scanned_++];
    if (in_text_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        in_text_ = false;
      }
    } else if (c == '"') {
      in_text_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      if (--depth_ <= 0) return true;
    } else if (c == '\n' && depth_ == 0) {
      return true;  // No object: an empty line, or something that parsing will complain about.
    }
  }
  return false;
}

absl::StatusOr<std::optional<std::string>> EngineMessageReader::NextDocument() {
  while (true) {
    if (Scan()) {
      std::string document = buffer_.substr(start_, scanned_ - start_);
      start_ = scanned_;
      depth_ = 0;
      in_text_ = escaped_ = false;
      if (document.find_first_not_of(" \t\r\n") == std::string::npos) continue;
      return document;
    }
    if (ended_) {
      const std::string rest = buffer_.substr(start_);
      if (rest.find_first_not_of(" \t\r\n") == std::string::npos) return std::nullopt;
      start_ = buffer_.size();
      return absl::DataLossError(
          absl::StrCat("the engine's answer is cut off after ", base::Quoted(rest, 60)));
    }
    buffer_.erase(0, start_);
    scanned_ -= start_;
    start_ = 0;
    if (buffer_.size() > kMaxDocumentBytes) {
      return absl::ResourceExhaustedError(
          absl::StrCat("a message of the engine exceeds ", kMaxDocumentBytes, " bytes"));
    }
    const size_t old_size = buffer_.size();
    buffer_.resize(old_size + kReadBytes);
    const absl::StatusOr<size_t> count = source_.Read(buffer_.data() + old_size, kReadBytes);
    buffer_.resize(old_size + (count.ok() ? *count : 0));
    RETURN_IF_ERROR(count.status());
    ended_ = *count == 0;
  }
}

absl::StatusOr<std::optional<EngineMessage>> EngineMessageReader::Next() {
  ASSIGN_OR_RETURN(const std::optional<std::string> document, NextDocument());
  if (!document.has_value()) return std::nullopt;
  const absl::StatusOr<Json> parsed = oci::ParseJson(*document, kMaxDocumentBytes + kReadBytes);
  if (!parsed.ok() || !parsed->is_object()) {
    return absl::DataLossError(absl::StrCat("the engine's answer is no stream of JSON objects: ",
                                            base::Quoted(*document, 60)));
  }
  const Json& json = *parsed;
  EngineMessage message;
  message.stream = TextOf(json, "stream");
  message.status = TextOf(json, "status");
  message.id = TextOf(json, "id");
  message.progress = TextOf(json, "progress");
  if (const auto aux = json.find("aux"); aux != json.end()) {
    message.aux_json = aux->dump(-1, ' ', false, Json::error_handler_t::replace);
  }
  if (json.contains("error") || json.contains("errorDetail")) ReadError(json, &message);
  return message;
}

}  // namespace stevedore::transfer
