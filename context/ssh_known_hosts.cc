#include "context/ssh_known_hosts.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/hash.h"

namespace stevedore::context {
namespace {

// What libssh2 can verify, the best first.
constexpr absl::string_view kKeyTypes[] = {
    "ssh-ed25519", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "ssh-rsa",
    "ssh-dss",
};
constexpr size_t kLineLimit = 64 << 10;

// How a host is named in the files: without the port if it is ssh's own.
std::string NameOf(absl::string_view host, int port) {
  const std::string lower = absl::AsciiStrToLower(host);
  return port == 22 || port == 0 ? lower : absl::StrCat("[", lower, "]:", port);
}

// Shell patterns with * and ?, without a worst case.
bool Matches(absl::string_view pattern, absl::string_view name) {
  size_t p = 0, n = 0, star = absl::string_view::npos, from = 0;
  while (n < name.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == name[n])) {
      ++p;
      ++n;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      from = n;
    } else if (star != absl::string_view::npos) {
      p = star + 1;
      n = ++from;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

// "|1|SALT|HASH".
bool MatchesHashed(absl::string_view field, absl::string_view name) {
  const std::vector<absl::string_view> parts = absl::StrSplit(field, '|');
  std::string salt, hash;
  return parts.size() == 4 && parts[1] == "1" && absl::Base64Unescape(parts[2], &salt) &&
         absl::Base64Unescape(parts[3], &hash) && !hash.empty() &&
         base::HmacSha1(salt, name) == hash;
}

bool NamesHost(absl::string_view patterns, absl::string_view name) {
  if (absl::StartsWith(patterns, "|")) return MatchesHashed(patterns, name);
  bool named = false;
  for (absl::string_view pattern : absl::StrSplit(patterns, ',')) {
    const bool negated = absl::ConsumePrefix(&pattern, "!");
    if (!Matches(absl::AsciiStrToLower(pattern), name)) continue;
    if (negated) return false;
    named = true;
  }
  return named;
}

size_t RankOf(absl::string_view type) {
  return std::find(std::begin(kKeyTypes), std::end(kKeyTypes), type) - std::begin(kKeyTypes);
}

}  // namespace

void SshKnownHosts::Add(absl::string_view text) {
  for (absl::string_view row : absl::StrSplit(text, '\n')) {
    if (row.size() > kLineLimit) continue;
    std::vector<absl::string_view> words =
        absl::StrSplit(absl::StripAsciiWhitespace(row), absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.empty() || absl::StartsWith(words[0], "#")) continue;
    Line line;
    if (absl::StartsWith(words[0], "@")) {
      if (words[0] != "@revoked") continue;
      line.revoked = true;
      words.erase(words.begin());
    }
    std::string raw;
    if (words.size() < 3 || !absl::Base64Unescape(words[2], &raw) || raw.empty()) continue;
    if (!line.revoked && RankOf(words[1]) == std::size(kKeyTypes)) continue;
    line.patterns = std::string(words[0]);
    line.key.type = std::string(words[1]);
    line.key.base64 = absl::Base64Escape(raw);
    lines_.push_back(std::move(line));
  }
}

std::vector<SshKnownHosts::Key> SshKnownHosts::KeysOf(absl::string_view host, int port) const {
  std::vector<Key> keys;
  const std::string name = NameOf(host, port);
  for (const Line& line : lines_) {
    if (!line.revoked && NamesHost(line.patterns, name)) keys.push_back(line.key);
  }
  std::stable_sort(keys.begin(), keys.end(),
                   [](const Key& a, const Key& b) { return RankOf(a.type) < RankOf(b.type); });
  return keys;
}

SshKnownHosts::Verdict SshKnownHosts::Check(absl::string_view host, int port,
                                            absl::string_view key) const {
  const std::string name = NameOf(host, port);
  const std::string base64 = absl::Base64Escape(key);
  Verdict verdict = Verdict::kUnknown;
  for (const Line& line : lines_) {
    if (!NamesHost(line.patterns, name)) continue;
    if (line.revoked) {
      if (line.key.base64 == base64) return Verdict::kRevoked;
      continue;
    }
    if (line.key.base64 == base64) {
      verdict = Verdict::kKnown;
    } else if (verdict == Verdict::kUnknown) {
      verdict = Verdict::kOtherKey;
    }
  }
  return verdict;
}

std::vector<std::string> SshKnownHosts::DefaultFiles() {
  if (const char* files = std::getenv("SSH_KNOWN_HOSTS"); files != nullptr && *files != '\0') {
    return absl::StrSplit(files, ':', absl::SkipEmpty());
  }
  std::vector<std::string> files;
  if (const char* home = std::getenv("HOME"); home != nullptr && *home != '\0') {
    files.push_back(absl::StrCat(home, "/.ssh/known_hosts"));
  }
  files.push_back("/etc/ssh/ssh_known_hosts");
  return files;
}

SshKnownHosts SshKnownHosts::Load(const std::vector<std::string>& files) {
  SshKnownHosts hosts;
  for (const std::string& file : files) {
    const absl::StatusOr<std::string> text = base::ReadFile(file);
    if (text.ok()) hosts.Add(*text);
  }
  return hosts;
}

std::string SshKeyType(absl::string_view raw_key) {
  if (raw_key.size() < 4) return "";
  uint32_t size = 0;
  for (size_t i = 0; i < 4; ++i) size = size << 8 | static_cast<unsigned char>(raw_key[i]);
  if (size > 64 || size > raw_key.size() - 4) return "";
  return std::string(raw_key.substr(4, size));
}

}  // namespace stevedore::context
