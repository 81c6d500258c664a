#include "oci/layer/tar_header.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "base/status.h"

namespace stevedore::oci {
namespace {

// Fields of a ustar header (POSIX.1-2017, pax, "ustar Interchange Format"): place and length in
// bytes.
struct Field {
  size_t offset;
  size_t size;
};
constexpr Field kName{0, 100};
constexpr Field kMode{100, 8};
constexpr Field kUid{108, 8};
constexpr Field kGid{116, 8};
constexpr Field kSize{124, 12};
constexpr Field kMtime{136, 12};
constexpr Field kChecksum{148, 8};
constexpr size_t kType = 156;
constexpr Field kLink{157, 100};
constexpr Field kMagic{257, 8};
constexpr Field kDeviceMajor{329, 8};
constexpr Field kDeviceMinor{337, 8};
constexpr Field kPrefix{345, 155};

constexpr uint64_t kMaxOctal7 = 07777777;       // 7 digits: ids, devices.
constexpr uint64_t kMaxOctal11 = 077777777777;  // 11 digits: sizes under 8 GiB, times to 2242.
constexpr uint64_t kMaxPaxBytes = 1 << 20;

char TypeFlag(LayerEntry::Type type) {
  switch (type) {
    case LayerEntry::Type::kFile:
      return '0';
    case LayerEntry::Type::kHardLink:
      return '1';
    case LayerEntry::Type::kSymlink:
      return '2';
    case LayerEntry::Type::kCharacterDevice:
      return '3';
    case LayerEntry::Type::kBlockDevice:
      return '4';
    case LayerEntry::Type::kDirectory:
      return '5';
    case LayerEntry::Type::kFifo:
      break;
  }
  return '6';
}

bool IsAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<signed char>(c) >= 0; });
}

// The name as it stands in the tar.
std::string EntryName(const LayerEntry& entry, const TarHeaderOptions& options) {
  const bool slash = options.directory_slash && entry.type == LayerEntry::Type::kDirectory &&
                     !absl::EndsWith(entry.path, "/");
  return slash ? absl::StrCat(entry.path, "/") : entry.path;
}

// Where a long name is cut for the prefix field: the right-most "/" that fits, which itself is not
// stored.
std::optional<size_t> SplitPoint(absl::string_view name) {
  size_t limit = std::min(name.size() - 1, kPrefix.size + 1);
  while (limit > 0) {
    const size_t slash = name.rfind('/', limit - 1);
    if (slash == absl::string_view::npos || slash == 0) return std::nullopt;
    const size_t rest = name.size() - slash - 1;
    if (rest > kName.size) return std::nullopt;
    if (slash <= kPrefix.size && rest >= 1) return slash;
    limit = slash;
  }
  return std::nullopt;
}

bool FitsName(absl::string_view name) {
  return IsAscii(name) && (name.size() <= kName.size || SplitPoint(name).has_value());
}

int64_t Mtime(const LayerEntry& entry, const TarHeaderOptions& options) {
  return entry.mtime >= 0 ? entry.mtime : options.mtime;
}

bool NeedsPax(const LayerEntry& entry, absl::string_view name, const TarHeaderOptions& options) {
  return !FitsName(name) || entry.link_target.size() > kLink.size || !IsAscii(entry.link_target) ||
         entry.size > kMaxOctal11 || entry.uid > kMaxOctal7 || entry.gid > kMaxOctal7 ||
         static_cast<uint64_t>(Mtime(entry, options)) > kMaxOctal11 ||
         (entry.xattrs != nullptr && !entry.xattrs->empty());
}

absl::Status Check(const LayerEntry& entry, const TarHeaderOptions& options) {
  const auto error = [&entry](absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat("tar entry ", base::Quoted(entry.path), ": ", what));
  };
  if (entry.path.empty()) return error("has no name");
  if (absl::StrContains(entry.path, '\0') || absl::StrContains(entry.link_target, '\0')) {
    return error("has a NUL byte in its name or link target");
  }
  if (entry.device_major > kMaxOctal7 || entry.device_minor > kMaxOctal7) {
    return error(absl::StrCat("device number ", entry.device_major, ":", entry.device_minor,
                              " is above ", kMaxOctal7, ", the most that a tar can say"));
  }
  if (options.mtime < 0) return error(absl::StrCat("time ", options.mtime, " is before 1970"));
  return absl::OkStatus();
}

// "LEN KEY=VALUE\n", where LEN counts itself.
void AppendPaxRecord(absl::string_view key, absl::string_view value, std::string* out) {
  const size_t rest = key.size() + value.size() + 3;  // " ", "=", "\n".
  size_t size = rest + 1;
  while (absl::StrCat(size).size() + rest != size) size = absl::StrCat(size).size() + rest;
  absl::StrAppend(out, size, " ", key, "=", value, "\n");
}

absl::StatusOr<std::string> PaxRecords(const LayerEntry& entry, absl::string_view name,
                                       const TarHeaderOptions& options) {
  std::map<std::string, std::string> records;
  if (!FitsName(name)) records["path"] = std::string(name);
  if (entry.link_target.size() > kLink.size || !IsAscii(entry.link_target)) {
    records["linkpath"] = entry.link_target;
  }
  if (entry.size > kMaxOctal11) records["size"] = absl::StrCat(entry.size);
  if (entry.uid > kMaxOctal7) records["uid"] = absl::StrCat(entry.uid);
  if (entry.gid > kMaxOctal7) records["gid"] = absl::StrCat(entry.gid);
  if (const int64_t mtime = Mtime(entry, options); static_cast<uint64_t>(mtime) > kMaxOctal11) {
    records["mtime"] = absl::StrCat(mtime);
  }
  if (entry.xattrs != nullptr) {
    for (const auto& xattr : *entry.xattrs) {
      if (xattr.first.empty() || absl::StrContains(xattr.first, '=')) {
        return absl::InvalidArgumentError(
            absl::StrCat("tar entry ", base::Quoted(entry.path), ": extended attribute ",
                         base::Quoted(xattr.first), " has no name that pax can say"));
      }
      records[absl::StrCat("SCHILY.xattr.", xattr.first)] = xattr.second;
    }
  }
  std::string text;
  for (const auto& record : records) AppendPaxRecord(record.first, record.second, &text);
  if (text.size() > kMaxPaxBytes) {
    return absl::InvalidArgumentError(absl::StrCat("tar entry ", base::Quoted(entry.path),
                                                   ": name and extended attributes take ",
                                                   text.size(), " bytes, above ", kMaxPaxBytes));
  }
  return text;
}

void PutText(Field field, absl::string_view text, char* block) {
  std::memcpy(block + field.offset, text.data(), std::min(text.size(), field.size));
}

void PutOctal(Field field, uint64_t value, char* block) {
  for (size_t i = field.size - 1; i-- > 0; value >>= 3) {
    block[field.offset + i] = static_cast<char>('0' + (value & 7));
  }
}

void PutChecksum(char* block) {
  std::memset(block + kChecksum.offset, ' ', kChecksum.size);
  uint32_t sum = 0;
  for (size_t i = 0; i < kTarBlock; ++i) sum += static_cast<unsigned char>(block[i]);
  for (int i = 5; i >= 0; --i, sum >>= 3) {
    block[kChecksum.offset + i] = static_cast<char>('0' + (sum & 7));
  }
  block[kChecksum.offset + 6] = '\0';
}

// Text for a field that a pax record overrides: something that old tools can show.
std::string AsciiOnly(absl::string_view text) {
  std::string ascii(text);
  std::replace_if(
      ascii.begin(), ascii.end(), [](char c) { return static_cast<signed char>(c) < 0; }, '_');
  return ascii;
}

void AppendPax(absl::string_view name, absl::string_view records, std::string* out) {
  absl::string_view base = name;
  while (absl::EndsWith(base, "/")) base.remove_suffix(1);
  if (const size_t slash = base.rfind('/'); slash != absl::string_view::npos) {
    base.remove_prefix(slash + 1);
  }
  char block[kTarBlock] = {};
  PutText(kName, absl::StrCat("PaxHeaders.0/", AsciiOnly(base)), block);
  PutOctal(kMode, 0644, block);
  PutOctal(kUid, 0, block);
  PutOctal(kGid, 0, block);
  PutOctal(kSize, records.size(), block);
  PutOctal(kMtime, 0, block);
  block[kType] = 'x';
  PutText(kMagic, absl::string_view("ustar\00000", 8), block);
  PutOctal(kDeviceMajor, 0, block);
  PutOctal(kDeviceMinor, 0, block);
  PutChecksum(block);
  out->append(block, kTarBlock);
  out->append(records.data(), records.size());
  out->append(TarPadded(records.size()) - records.size(), '\0');
}

void AppendUstar(const LayerEntry& entry, absl::string_view name, const TarHeaderOptions& options,
                 std::string* out) {
  char block[kTarBlock] = {};
  if (!FitsName(name)) {
    PutText(kName, AsciiOnly(name), block);
  } else if (name.size() <= kName.size) {
    PutText(kName, name, block);
  } else {
    const size_t slash = *SplitPoint(name);
    PutText(kPrefix, name.substr(0, slash), block);
    PutText(kName, name.substr(slash + 1), block);
  }
  PutOctal(kMode, entry.mode & 07777, block);
  PutOctal(kUid, entry.uid > kMaxOctal7 ? 0 : entry.uid, block);
  PutOctal(kGid, entry.gid > kMaxOctal7 ? 0 : entry.gid, block);
  const bool has_content = entry.type == LayerEntry::Type::kFile;
  PutOctal(kSize, !has_content || entry.size > kMaxOctal11 ? 0 : entry.size, block);
  const int64_t mtime = Mtime(entry, options);
  PutOctal(kMtime, static_cast<uint64_t>(mtime) > kMaxOctal11 ? 0 : mtime, block);
  block[kType] = TypeFlag(entry.type);
  PutText(kLink, IsAscii(entry.link_target) ? entry.link_target : AsciiOnly(entry.link_target),
          block);
  PutText(kMagic, absl::string_view("ustar\00000", 8), block);
  const bool device = entry.type == LayerEntry::Type::kCharacterDevice ||
                      entry.type == LayerEntry::Type::kBlockDevice;
  PutOctal(kDeviceMajor, device ? entry.device_major : 0, block);
  PutOctal(kDeviceMinor, device ? entry.device_minor : 0, block);
  PutChecksum(block);
  out->append(block, kTarBlock);
}

}  // namespace

absl::Status AppendTarHeader(const LayerEntry& entry, const TarHeaderOptions& options,
                             std::string* out) {
  RETURN_IF_ERROR(Check(entry, options));
  const std::string name = EntryName(entry, options);
  if (NeedsPax(entry, name, options)) {
    ASSIGN_OR_RETURN(const std::string records, PaxRecords(entry, name, options));
    AppendPax(name, records, out);
  }
  AppendUstar(entry, name, options, out);
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> TarHeaderSize(const LayerEntry& entry, const TarHeaderOptions& options) {
  RETURN_IF_ERROR(Check(entry, options));
  const std::string name = EntryName(entry, options);
  if (!NeedsPax(entry, name, options)) return kTarBlock;
  ASSIGN_OR_RETURN(const std::string records, PaxRecords(entry, name, options));
  return 2 * kTarBlock + TarPadded(records.size());
}

absl::Status CheckSafePath(absl::string_view path) {
  const auto error = [path](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat("path ", base::Quoted(path), " ", what));
  };
  if (path.empty()) return error("is empty");
  if (absl::StrContains(path, '\0')) return error("has a NUL byte");
  if (path[0] == '/' || path[0] == '\\') return error("is absolute; only relative paths are safe");
  const bool drive = path.size() > 2 && absl::ascii_isalpha(path[0]) && path[1] == ':' &&
                     (path[2] == '/' || path[2] == '\\' || path[2] == '.');
  if (drive) return error("starts with a drive; only relative paths are safe");
  for (const absl::string_view part : absl::StrSplit(path, '/')) {
    if (part.empty() || part == ".") return error("has an empty or \".\" component");
    // A backslash alone is an ordinary byte here (systemd's unit names have some).
    for (const absl::string_view piece : absl::StrSplit(part, '\\')) {
      if (piece == "..") return error("has a \"..\" component and could lead outside");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSafeSymlink(absl::string_view path, absl::string_view target) {
  if (target.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("symbolic link ", base::Quoted(path), " has no target"));
  }
  if (target[0] == '/') return absl::OkStatus();
  // Only names, no links on the way: a link of another layer may change where ".." leads, but never
  // above the root that the reader of the image resolves in.
  int64_t depth = std::count(path.begin(), path.end(), '/');
  for (const absl::string_view part : absl::StrSplit(target, absl::ByAnyChar("/\\"))) {
    if (part.empty() || part == ".") continue;
    depth += part == ".." ? -1 : 1;
    if (depth < 0) {
      return absl::InvalidArgumentError(absl::StrCat("symbolic link ", base::Quoted(path), " to ",
                                                     base::Quoted(target),
                                                     " leads out of the root directory"));
    }
  }
  return absl::OkStatus();
}

bool LayerPathLess(absl::string_view a, absl::string_view b) {
  const auto mismatch = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (mismatch.second == b.end()) return false;
  if (mismatch.first == a.end()) return true;
  const unsigned char left = *mismatch.first;
  const unsigned char right = *mismatch.second;
  // The separator sorts before every byte, so that what is in a directory follows it at once.
  if (left == '/' || right == '/') return left == '/';
  return left < right;
}

}  // namespace stevedore::oci
