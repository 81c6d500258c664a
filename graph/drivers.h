// The drivers that definitions may name, and the options that each takes.

#ifndef STEVEDORE_GRAPH_DRIVERS_H_
#define STEVEDORE_GRAPH_DRIVERS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "graph/key_table.h"

namespace stevedore::graph {

// One driver as definitions see it. A constant. A new driver is one row in drivers.cc.
struct DriverDescription {
  absl::string_view name;
  // One line for people.
  absl::string_view description;
  // Keys of `options` beside `context`. Null: anything is accepted.
  const KeyTable* options = nullptr;
  // Whether `options.context` means something to it.
  bool takes_context = false;
  // Whether it can do nothing without one.
  bool needs_context = false;
  // Checks options (canonical JSON, without `context`) as far as they can be checked without
  // rendering the image's parents; INVALID_ARGUMENT, beginning with the path of the member
  // ("layers[1].mode: ..."), for what is wrong. Null: nothing is checked.
  absl::Status (*check)(absl::string_view options_json) = nullptr;
};

// Sorted by name. Whether this version runs a driver is no question of it.
absl::Span<const DriverDescription> Drivers();
// Null if there is no such driver. Thread-safe.
const DriverDescription* FindDriver(absl::string_view name);
// Whether images of `driver` are made elsewhere: none, default and dry-run. Thread-safe.
bool BuildsNothing(absl::string_view driver);
// "assemble, docker, ...": for messages. Thread-safe.
std::string DriverNames();
// "unknown driver `dokcer`; did you mean `docker`?; drivers are ...". Thread-safe.
std::string UnknownDriver(absl::string_view name);

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_DRIVERS_H_
