#include "cli/kept_logs.h"

#include <fcntl.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/status.h"

namespace stevedore::cli {
namespace {

constexpr size_t kPieceBytes = 256 << 10;
constexpr size_t kNamesShown = 20;
constexpr char kSuffix[] = ".log";

// Names of images and platforms have slashes, but no percent signs.
std::string AsFileName(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"%", "%25"}, {"/", "%2F"}});
}
std::string FromFileName(absl::string_view name) {
  return absl::StrReplaceAll(name, {{"%2F", "/"}, {"%25", "%"}});
}

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status WriteAll(const worker::RunLog& log, const std::string& path) {
  ASSIGN_OR_RETURN(base::FileDescriptor file,
                   base::OpenFile(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  for (uint64_t at = 0;;) {
    const worker::RunLog::Piece piece = log.Read(at, kPieceBytes);
    if (piece.bytes.empty()) return absl::OkStatus();
    if (piece.offset > at) {
      const std::string gap =
          absl::StrCat("\n(", piece.offset - at, " bytes that were here are not kept)\n");
      RETURN_IF_ERROR(base::WriteFully(file.get(), gap, path));
    }
    RETURN_IF_ERROR(base::WriteFully(file.get(), piece.bytes, path));
    at = piece.offset + piece.bytes.size();
  }
}

}  // namespace

std::string KeptLogsDirectory(const std::string& cache_directory) {
  return absl::StrCat(cache_directory, "/logs");
}

absl::StatusOr<std::string> FindKeptLog(const std::string& directory, const std::string& build_id,
                                        const std::string& image, const std::string& platform) {
  const std::string folder = absl::StrCat(directory, "/", AsFileName(build_id));
  std::vector<std::string> found, all;
  for (const std::string& name : NamesIn(folder)) {
    absl::string_view rest = name;
    if (!absl::ConsumeSuffix(&rest, kSuffix)) continue;
    const std::string label = FromFileName(rest);
    all.push_back(label);
    const bool same = platform.empty() ? absl::StartsWith(label, image + "@")
                                       : label == absl::StrCat(image, "@", platform);
    if (same) found.push_back(name);
  }
  if (found.size() == 1) return absl::StrCat(folder, "/", found[0]);
  if (found.size() > 1) {
    return absl::InvalidArgumentError(absl::StrCat("build ", build_id, " has logs of ", image,
                                                   " on several platforms; name one with "
                                                   "--platform"));
  }
  if (all.empty()) {
    return absl::NotFoundError(
        absl::StrCat("no logs are kept of a build ", base::Quoted(build_id), " on this machine"));
  }
  if (all.size() > kNamesShown) {
    all.resize(kNamesShown);
    all.push_back("...");
  }
  return absl::NotFoundError(absl::StrCat("build ", build_id, " has no log of ",
                                          base::Quoted(image),
                                          platform.empty() ? "" : absl::StrCat(" on ", platform),
                                          "; there are those of ", absl::StrJoin(all, ", "),
                                          " (what was reused or said nothing has "
                                          "none)"));
}

LogKeeper::LogKeeper(std::string directory) : directory_(std::move(directory)) {
  folder_ = absl::StrCat(directory_, "/unnamed-", base::RandomHex(8));
  DropOld();
}

void LogKeeper::DropOld() const {
  std::vector<std::pair<std::filesystem::file_time_type, std::string>> builds;
  for (const std::string& name : NamesIn(directory_)) {
    const std::string path = absl::StrCat(directory_, "/", name);
    std::error_code error;
    const auto time = std::filesystem::last_write_time(path, error);
    if (!error) builds.emplace_back(time, path);
  }
  std::sort(builds.rbegin(), builds.rend());
  // One less: room for this build.
  for (size_t i = kBuilds - 1; i < builds.size(); ++i) (void)base::RemoveTree(builds[i].second);
}

void LogKeeper::SetBuild(const std::string& id) {
  base::MutexLock lock(&mu_);
  const std::string folder = absl::StrCat(directory_, "/", AsFileName(id));
  std::error_code error;
  if (base::Exists(folder_)) std::filesystem::rename(folder_, folder, error);
  if (!error) folder_ = folder;
}

absl::Status LogKeeper::Write(const std::string& image, const std::string& platform,
                              const worker::RunLog& log) {
  if (log.size() == 0) return absl::OkStatus();
  base::MutexLock lock(&mu_);
  // What programs print may be secret.
  RETURN_IF_ERROR(base::MakeDirectories(folder_, 0700));
  return WriteAll(
      log, absl::StrCat(folder_, "/", AsFileName(absl::StrCat(image, "@", platform)), kSuffix));
}

}  // namespace stevedore::cli
