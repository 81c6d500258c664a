// What --chmod asks for.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_MODE_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_MODE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace stevedore::worker::native {

// A change of permission bits as chmod(1) takes it. A value.
class ModeChange {
 public:
  // "755", "0644", "u=rwX,go=rX", "+x", "g-w,o=". INVALID_ARGUMENT for anything else. Thread-safe.
  static absl::StatusOr<ModeChange> Parse(absl::string_view text);

  // The bits (07777) of a file or directory that had `mode`.
  uint32_t Apply(uint32_t mode, bool is_directory) const;

 private:
  // "go=rX": which bits of the classes, what to do, with which permissions.
  struct Clause {
    uint32_t classes = 0;  // Mask over 07777.
    char operation = '=';
    uint32_t bits = 0;  // For all classes: 0777 plus set-id and sticky.
    bool x_if_any = false;
    char copy_from = '\0';  // u, g or o: their bits.
  };
  static absl::StatusOr<Clause> ParseClause(absl::string_view text);

  bool octal_ = false;
  uint32_t mode_ = 0;
  std::vector<Clause> clauses_;
};

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_MODE_H_
