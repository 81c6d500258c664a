#include "cli/version.h"

#include "absl/strings/str_cat.h"

namespace stevedore::cli {

std::string VersionLine() {
#if defined(__clang__)
  const std::string compiler = absl::StrCat("clang ", __clang_major__, ".", __clang_minor__);
#else
  const std::string compiler = absl::StrCat("g++ ", __GNUC__, ".", __GNUC_MINOR__);
#endif
#if defined(__x86_64__)
  const absl::string_view architecture = "amd64";
#elif defined(__aarch64__)
  const absl::string_view architecture = "arm64";
#else
  const absl::string_view architecture = "unknown";
#endif
  return absl::StrCat("stevedore-cli ", kVersion, " linux/", architecture, ", compiled with ",
                      compiler);
}

}  // namespace stevedore::cli
