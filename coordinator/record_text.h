// Ledger values that people can read: `state=succeeded worker=w1 error="..."`.

#ifndef STEVEDORE_COORDINATOR_RECORD_TEXT_H_
#define STEVEDORE_COORDINATOR_RECORD_TEXT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace stevedore::coordinator {

// Names with values as one line: `name=value name=value`, blanks and control bytes of values
// escaped. Unknown names are kept apart by readers asking only for what they know, so that versions
// may add names. Empty values and zeros are not written. A name may repeat. Not thread-safe.
class RecordText {
 public:
  RecordText() = default;

  // INVALID_ARGUMENT if `text` is not of this form.
  static absl::StatusOr<RecordText> Parse(absl::string_view text);

  RecordText& Add(absl::string_view name, absl::string_view value);
  RecordText& AddInt(absl::string_view name, int64_t value);
  RecordText& AddDouble(absl::string_view name, double value);
  // Milliseconds since 1970; the infinite past is not written.
  RecordText& AddTime(absl::string_view name, absl::Time value);

  // The first value of `name`; "", 0 or the infinite past if there is none or it does not parse.
  absl::string_view Get(absl::string_view name) const;
  int64_t GetInt(absl::string_view name) const;
  double GetDouble(absl::string_view name) const;
  absl::Time GetTime(absl::string_view name) const;
  // All values of `name`, in order.
  std::vector<std::string> GetAll(absl::string_view name) const;

  std::string ToString() const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace stevedore::coordinator

#endif  // STEVEDORE_COORDINATOR_RECORD_TEXT_H_
