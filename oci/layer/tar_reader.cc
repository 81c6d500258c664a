#include "oci/layer/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/status.h"
#include "oci/layer/tar_header.h"

namespace stevedore::oci {
namespace {

using Records = std::map<std::string, std::string, std::less<>>;
using Type = LayerEntry::Type;

constexpr size_t kChecksumOffset = 148;
constexpr size_t kTypeOffset = 156;
constexpr size_t kSkipBytes = 1 << 16;
// What GNU's long name headers become, so that pax and GNU meet in one place. No pax keyword has a
// NUL.
constexpr absl::string_view kGnuName("\0name", 5);
constexpr absl::string_view kGnuLink("\0link", 5);

// The text of a fixed field: up to its first NUL.
absl::string_view Text(const char* block, size_t offset, size_t size) {
  return absl::string_view(block + offset, strnlen(block + offset, size));
}

// A number: octal digits between spaces and NULs, or GNU's base-256 if the first bit is set. False
// if neither, negative, or too large.
bool ParseNumber(const char* block, size_t offset, size_t size, uint64_t* value) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(block + offset);
  *value = 0;
  if ((bytes[0] & 0x80) != 0) {
    if ((bytes[0] & 0x40) != 0) return false;  // Negative.
    for (size_t i = 0; i < size; ++i) {
      if (*value >> 55 != 0) return false;
      *value = *value << 8 | (i == 0 ? bytes[i] & 0x3f : bytes[i]);
    }
    return true;
  }
  size_t i = 0;
  while (i < size && bytes[i] == ' ') ++i;
  for (; i < size && bytes[i] >= '0' && bytes[i] <= '7'; ++i) {
    *value = *value << 3 | static_cast<uint64_t>(bytes[i] - '0');
  }
  for (; i < size; ++i) {
    if (bytes[i] != ' ' && bytes[i] != 0) return false;
  }
  return true;
}

bool ChecksumMatches(const char* block) {
  uint64_t said = 0;
  if (!ParseNumber(block, kChecksumOffset, 8, &said)) return false;
  uint64_t as_unsigned = 0;
  int64_t as_signed = 0;
  for (size_t i = 0; i < kTarBlock; ++i) {
    const bool in_field = i >= kChecksumOffset && i < kChecksumOffset + 8;
    const char c = in_field ? ' ' : block[i];
    as_unsigned += static_cast<unsigned char>(c);
    as_signed += static_cast<signed char>(c);
  }
  // Old tars of machines with signed chars summed those.
  return said == as_unsigned || (as_signed >= 0 && said == static_cast<uint64_t>(as_signed));
}

bool AllZero(const char* block) {
  return std::all_of(block, block + kTarBlock, [](char c) { return c == 0; });
}

// "./a//b/." becomes "a/b"; "" for the root itself. Keeps what CheckSafePath must refuse: a leading
// "/", "..".
std::string Normalize(absl::string_view path) {
  const bool absolute = absl::StartsWith(path, "/");
  std::vector<absl::string_view> parts;
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (!part.empty() && part != ".") parts.push_back(part);
  }
  return absl::StrCat(absolute ? "/" : "", absl::StrJoin(parts, "/"));
}

// Decimal seconds with an optional fraction, which is dropped; false if it is neither.
bool ParsePaxTime(absl::string_view text, int64_t* seconds) {
  const size_t dot = text.find('.');
  if (dot != absl::string_view::npos) {
    const absl::string_view fraction = text.substr(dot + 1);
    if (!std::all_of(fraction.begin(), fraction.end(), absl::ascii_isdigit)) return false;
    text = text.substr(0, dot);
  }
  return absl::SimpleAtoi(text, seconds);
}

// LIBARCHIVE.xattr names are URL-encoded. False for a "%" without two hex digits.
bool UrlDecode(absl::string_view text, std::string* out) {
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out->push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size() || !absl::ascii_isxdigit(text[i + 1]) ||
        !absl::ascii_isxdigit(text[i + 2])) {
      return false;
    }
    out->append(absl::HexStringToBytes(text.substr(i + 1, 2)));
    i += 2;
  }
  return true;
}

const std::string* Find(const Records& records, absl::string_view key) {
  const auto found = records.find(key);
  return found == records.end() ? nullptr : &found->second;
}

}  // namespace

absl::Status TarReader::Error(absl::string_view what) const {
  return absl::InvalidArgumentError(
      absl::StrCat("tar, header at byte ", header_offset_, ": ", what));
}

absl::Status TarReader::LimitError(absl::string_view field, uint64_t limit) const {
  return absl::ResourceExhaustedError(absl::StrCat("tar, header at byte ", header_offset_,
                                                   ": above the limit ", field, " of ", limit));
}

// Fills `buffer` as far as the stream goes and returns how far that is.
absl::StatusOr<size_t> TarReader::ReadFully(char* buffer, size_t size) {
  size_t filled = 0;
  while (filled < size) {
    ASSIGN_OR_RETURN(const size_t count, source_->Read(buffer + filled, size - filled),
                     "tar, at byte ", position_);
    if (count == 0) break;
    filled += count;
    position_ += count;
  }
  return filled;
}

absl::StatusOr<std::optional<TarEntry>> TarReader::Next() {
  RETURN_IF_ERROR(SkipContent());
  Extended extended;
  while (!ended_) {
    header_offset_ = position_;
    char block[kTarBlock];
    ASSIGN_OR_RETURN(const size_t size, ReadFully(block, sizeof(block)));
    if (size == 0 && extended.bytes == 0) {
      ended_ = true;  // No end marker: some writers leave it out, and nothing is missing.
      return std::nullopt;
    }
    if (size < sizeof(block)) return Error("the archive ends in the middle of a header");
    if (AllZero(block)) {
      if (extended.bytes > 0) return Error("the archive ends after an extended header");
      ended_ = true;
      RETURN_IF_ERROR(DrainAfterEnd());
      return std::nullopt;
    }
    if (!ChecksumMatches(block)) {
      return Error("checksum does not match: damaged, or not a tar archive");
    }
    const char type = block[kTypeOffset];
    if (type == 'x' || type == 'g' || type == 'X' || type == 'L' || type == 'K') {
      uint64_t bytes = 0;
      if (!ParseNumber(block, 124, 12, &bytes)) return Error("size is no number");
      RETURN_IF_ERROR(ReadExtended(type, bytes, extended));
      continue;
    }
    if (++entries_ > limits_.max_entries) return LimitError("max_entries", limits_.max_entries);
    ASSIGN_OR_RETURN(std::optional<TarEntry> entry, Finish(block, extended));
    if (entry.has_value()) return entry;
    extended = Extended();
    RETURN_IF_ERROR(SkipContent());
  }
  return std::nullopt;
}

absl::StatusOr<size_t> TarReader::Read(char* buffer, size_t size) {
  if (content_left_ == 0) return 0;
  ASSIGN_OR_RETURN(const size_t count,
                   source_->Read(buffer, std::min<uint64_t>(size, content_left_)), "tar, at byte ",
                   position_);
  if (count == 0) {
    return Error(absl::StrCat("the archive ends at byte ", position_, ", ", content_left_,
                              " bytes before the end of this entry's content"));
  }
  position_ += count;
  content_left_ -= count;
  return count;
}

absl::Status TarReader::SkipContent() {
  std::vector<char> buffer;
  while (content_left_ > 0) {
    buffer.resize(kSkipBytes);
    RETURN_IF_ERROR(Read(buffer.data(), buffer.size()).status());
  }
  char padding[kTarBlock];
  ASSIGN_OR_RETURN(const size_t count, ReadFully(padding, padding_left_));
  if (count < padding_left_) {
    return Error(absl::StrCat("the archive ends at byte ", position_,
                              ", in the padding of this entry's content"));
  }
  padding_left_ = 0;
  return absl::OkStatus();
}

absl::Status TarReader::DrainAfterEnd() {
  std::vector<char> buffer(kSkipBytes);
  while (true) {
    ASSIGN_OR_RETURN(const size_t count, ReadFully(buffer.data(), buffer.size()));
    if (count < buffer.size()) return absl::OkStatus();
  }
}

absl::StatusOr<std::string> TarReader::ReadHeaderContent(uint64_t size, Extended& extended) {
  if (size > limits_.max_header_bytes || extended.bytes + size > limits_.max_header_bytes) {
    return LimitError("max_header_bytes", limits_.max_header_bytes);
  }
  extended.bytes += size + kTarBlock;
  std::string text(TarPadded(size), '\0');
  ASSIGN_OR_RETURN(const size_t count, ReadFully(text.data(), text.size()));
  if (count < text.size()) return Error("the archive ends in the middle of an extended header");
  text.resize(size);
  return text;
}

absl::Status TarReader::ReadExtended(char type, uint64_t size, Extended& extended) {
  ASSIGN_OR_RETURN(std::string text, ReadHeaderContent(size, extended));
  if (type == 'L' || type == 'K') {
    text.resize(strnlen(text.data(), text.size()));
    extended.records[std::string(type == 'L' ? kGnuName : kGnuLink)] = std::move(text);
    return absl::OkStatus();
  }
  RETURN_IF_ERROR(ParsePax(text, type == 'g' ? global_ : extended.records));
  // Archives with very many global records, each new, must not fill the memory.
  uint64_t global_bytes = 0;
  for (const auto& record : global_) global_bytes += record.first.size() + record.second.size();
  if (global_bytes > limits_.max_header_bytes) {
    return LimitError("max_header_bytes", limits_.max_header_bytes);
  }
  return absl::OkStatus();
}

// Records are "LENGTH KEY=VALUE\n"; the length counts all of it, so values may hold anything.
absl::Status TarReader::ParsePax(absl::string_view text, Records& out) {
  while (!text.empty()) {
    const size_t space = text.find(' ');
    uint64_t length = 0;
    // At most 8 digits: more cannot be within the limit.
    if (space == absl::string_view::npos || space == 0 || space > 8 ||
        !std::all_of(text.begin(), text.begin() + space, absl::ascii_isdigit) ||
        !absl::SimpleAtoi(text.substr(0, space), &length) || length > text.size() ||
        length < space + 3 || text[length - 1] != '\n') {
      return Error(absl::StrCat("pax record ", base::Quoted(text, 40), " has a wrong length"));
    }
    const absl::string_view record = text.substr(space + 1, length - space - 2);
    const size_t equals = record.find('=');
    if (equals == absl::string_view::npos || equals == 0) {
      return Error(absl::StrCat("pax record ", base::Quoted(record, 40), " has no KEY=VALUE"));
    }
    const absl::string_view key = record.substr(0, equals);
    if (absl::StartsWith(key, "GNU.sparse.")) {
      return Error("is a sparse file, which is not supported: archive it without --sparse");
    }
    if (absl::StrContains(key, '\0')) return Error("pax record has a NUL byte in its key");
    out[std::string(key)] = std::string(record.substr(equals + 1));
    text.remove_prefix(length);
  }
  return absl::OkStatus();
}

// Turns a header and what extends it into an entry; nullopt for one that is not reported (the root
// directory).
absl::StatusOr<std::optional<TarEntry>> TarReader::Finish(const char* block, const Extended& own) {
  // A record of the entry overrides a global one; an empty value deletes it.
  Extended extended;
  extended.records = global_;
  for (const auto& record : own.records) extended.records[record.first] = record.second;
  for (auto it = extended.records.begin(); it != extended.records.end();) {
    it = it->second.empty() ? extended.records.erase(it) : std::next(it);
  }
  if (const std::string* charset = Find(extended.records, "hdrcharset");
      charset != nullptr && *charset != "ISO-IR 10646 2000 UTF-8" && *charset != "BINARY") {
    return Error(absl::StrCat("pax hdrcharset ", base::Quoted(*charset, 40),
                              " is neither \"ISO-IR 10646 2000 UTF-8\" nor \"BINARY\""));
  }
  TarEntry out;
  out.header_offset = header_offset_;
  out.content_offset = position_;
  RETURN_IF_ERROR(ApplyNumbers(block, extended, out));

  std::string path(Text(block, 0, 100));
  const bool posix = absl::string_view(block + 257, 6) == absl::string_view("ustar\0", 6);
  if (const absl::string_view prefix = Text(block, 345, 155); posix && !prefix.empty()) {
    path = absl::StrCat(prefix, "/", path);
  }
  out.entry.link_target = std::string(Text(block, 157, 100));
  if (const std::string* gnu = Find(extended.records, kGnuName)) path = *gnu;
  if (const std::string* gnu = Find(extended.records, kGnuLink)) out.entry.link_target = *gnu;
  if (const std::string* pax = Find(extended.records, "path")) path = *pax;
  if (const std::string* pax = Find(extended.records, "linkpath")) out.entry.link_target = *pax;
  out.entry.path = NormalizePath(path);
  RETURN_IF_ERROR(ApplyType(block[kTypeOffset], absl::EndsWith(path, "/"), out));
  RETURN_IF_ERROR(ApplyXattrs(extended, out));
  content_left_ = out.entry.size;
  padding_left_ = TarPadded(out.entry.size) - out.entry.size;
  if (!path.empty() && out.entry.path.empty() && out.entry.type == Type::kDirectory) {
    return std::nullopt;
  }
  RETURN_IF_ERROR(CheckPaths(out));
  return out;
}

std::string TarReader::NormalizePath(absl::string_view path) const {
  while (limits_.strip_leading_slashes && absl::ConsumePrefix(&path, "/")) {
  }
  return Normalize(path);
}

absl::Status TarReader::ApplyNumbers(const char* block, const Extended& extended, TarEntry& out) {
  struct Number {
    const char* name;
    size_t offset;
    size_t size;
    uint64_t most;
    uint64_t value;
  };
  Number numbers[] = {{"mode", 100, 8, UINT32_MAX, 0},     {"uid", 108, 8, UINT32_MAX, 0},
                      {"gid", 116, 8, UINT32_MAX, 0},      {"size", 124, 12, INT64_MAX, 0},
                      {"devmajor", 329, 8, UINT32_MAX, 0}, {"devminor", 337, 8, UINT32_MAX, 0}};
  const char type = block[kTypeOffset];
  const bool posix = absl::string_view(block + 257, 5) == "ustar";
  const bool device = type == '3' || type == '4';
  for (Number& number : numbers) {
    // Old tars have other things where ustar has devices.
    if (number.offset >= 329 && !(posix && device)) continue;
    bool good = ParseNumber(block, number.offset, number.size, &number.value);
    const std::string* pax = Find(extended.records, number.name);
    if (pax != nullptr && absl::string_view(number.name) != "mode") {
      good =
          !pax->empty() && absl::ascii_isdigit((*pax)[0]) && absl::SimpleAtoi(*pax, &number.value);
    }
    if (!good || number.value > number.most) {
      return Error(absl::StrCat(number.name, " is no number from 0 to ", number.most));
    }
  }
  out.entry.mode = numbers[0].value & 07777;
  out.entry.uid = static_cast<uint32_t>(numbers[1].value);
  out.entry.gid = static_cast<uint32_t>(numbers[2].value);
  out.entry.size = numbers[3].value;
  out.entry.device_major = static_cast<uint32_t>(numbers[4].value);
  out.entry.device_minor = static_cast<uint32_t>(numbers[5].value);
  // Times before 1970 are negative base-256 numbers and count as 0: nothing here needs them.
  uint64_t mtime = 0;
  if (ParseNumber(block, 136, 12, &mtime) && mtime <= INT64_MAX) {
    out.mtime = static_cast<int64_t>(mtime);
  }
  if (const std::string* pax = Find(extended.records, "mtime");
      pax != nullptr && !ParsePaxTime(*pax, &out.mtime)) {
    return Error(absl::StrCat("pax mtime ", base::Quoted(*pax, 40), " is no number"));
  }
  return absl::OkStatus();
}

absl::Status TarReader::ApplyType(char type, bool slash, TarEntry& out) {
  switch (type) {
    case '\0':
    case '0':
    case '7':  // "Contiguous": as a file everywhere.
      // Before ustar, a slash at the end was what made a directory.
      out.entry.type = slash ? Type::kDirectory : Type::kFile;
      break;
    case '1':
      out.entry.type = Type::kHardLink;
      break;
    case '2':
      out.entry.type = Type::kSymlink;
      break;
    case '3':
      out.entry.type = Type::kCharacterDevice;
      break;
    case '4':
      out.entry.type = Type::kBlockDevice;
      break;
    case '5':
      out.entry.type = Type::kDirectory;
      break;
    case '6':
      out.entry.type = Type::kFifo;
      break;
    case 'S':
      return Error("is a sparse file, which is not supported: archive it without --sparse");
    default:
      return Error(absl::StrCat("has type ", base::Quoted(absl::string_view(&type, 1)),
                                ", which is not supported"));
  }
  const bool link = out.entry.type == Type::kHardLink || out.entry.type == Type::kSymlink;
  if (!link) out.entry.link_target.clear();
  if (out.entry.type != Type::kFile && out.entry.size != 0) {
    // Readers disagree on whether content follows: what one skips another one unpacks.
    return Error(absl::StrCat("is no file but claims ", out.entry.size, " bytes of content"));
  }
  if (out.entry.size > limits_.max_file_bytes) {
    return LimitError("max_file_bytes", limits_.max_file_bytes);
  }
  out.entry.content_id = out.content_offset;
  return absl::OkStatus();
}

absl::Status TarReader::ApplyXattrs(const Extended& extended, TarEntry& out) {
  Records xattrs;
  for (const auto& record : extended.records) {
    absl::string_view name = record.first;
    if (absl::ConsumePrefix(&name, "LIBARCHIVE.xattr.")) {
      std::string decoded, value;
      if (!UrlDecode(name, &decoded) || !absl::Base64Unescape(record.second, &value)) {
        return Error(absl::StrCat("extended attribute ", base::Quoted(name, 40),
                                  " is not encoded as libarchive does"));
      }
      xattrs.emplace(std::move(decoded), std::move(value));
    } else if (absl::ConsumePrefix(&name, "SCHILY.xattr.")) {
      xattrs[std::string(name)] = record.second;
    }
  }
  if (xattrs.empty()) return absl::OkStatus();
  out.entry.xattrs = std::make_shared<const std::vector<std::pair<std::string, std::string>>>(
      xattrs.begin(), xattrs.end());
  return absl::OkStatus();
}

absl::Status TarReader::CheckPaths(TarEntry& out) {
  LayerEntry& entry = out.entry;
  if (std::max(entry.path.size(), entry.link_target.size()) > limits_.max_path_bytes) {
    return LimitError("max_path_bytes", limits_.max_path_bytes);
  }
  if (const absl::Status safe = CheckSafePath(entry.path); !safe.ok()) {
    return Error(safe.message());
  }
  if (absl::StrContains(entry.link_target, '\0')) {
    return Error(absl::StrCat("link ", base::Quoted(entry.path), " has a NUL byte in its target"));
  }
  if (entry.type == Type::kSymlink) {
    if (const absl::Status safe = CheckSafeSymlink(entry.path, entry.link_target); !safe.ok()) {
      // One without a target is no link anywhere.
      if (!limits_.allow_climbing_symlinks || entry.link_target.empty()) {
        return Error(safe.message());
      }
      out.climbs = true;
    }
  }
  if (entry.type == Type::kHardLink) {
    entry.link_target = NormalizePath(entry.link_target);
    if (const absl::Status safe = CheckSafePath(entry.link_target); !safe.ok()) {
      return Error(absl::StrCat("hard link ", base::Quoted(entry.path), " to a ", safe.message()));
    }
    RETURN_IF_ERROR(CheckNotBelowSymlink(entry.link_target));
  }
  RETURN_IF_ERROR(CheckNotBelowSymlink(entry.path));
  if (entry.type == Type::kSymlink) {
    symlinks_.insert(entry.path);
  } else {
    symlinks_.erase(entry.path);  // Replaced.
  }
  return absl::OkStatus();
}

// Whoever unpacks "a -> /etc" and then "a/passwd" writes outside.
absl::Status TarReader::CheckNotBelowSymlink(absl::string_view path) const {
  if (symlinks_.empty()) return absl::OkStatus();
  for (size_t slash = path.find('/'); slash != absl::string_view::npos;
       slash = path.find('/', slash + 1)) {
    if (symlinks_.contains(path.substr(0, slash))) {
      return Error(absl::StrCat("path ", base::Quoted(path), " is below ",
                                base::Quoted(path.substr(0, slash)),
                                ", which is a symbolic link of the same archive"));
    }
  }
  return absl::OkStatus();
}

}  // namespace stevedore::oci
