#include "graph/drivers.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/status.h"
#include "graph/ansible_options.h"
#include "graph/assemble_options.h"
#include "graph/buildkit_options.h"
#include "graph/dockerfile_options.h"
#include "graph/spelling.h"

namespace stevedore::graph {
namespace {

// Passes on what `Options::Parse` says.
template <typename Options>
absl::Status Check(absl::string_view options_json) {
  return Options::Parse(options_json).status();
}

absl::Status CheckDockerfile(absl::string_view options_json) {
  return DockerfileOptions::Parse(options_json).status();
}

absl::Span<const DriverDescription> AllDrivers() {
  static const auto& drivers = *new std::vector<DriverDescription>{
      {.name = "ansible-playbook",
       .description = "runs a playbook that makes and pushes the image",
       .options = &AnsibleOptionKeys(),
       .takes_context = true,
       .check = Check<AnsibleOptions>},
      {.name = "assemble",
       .description = "makes an image from files, tars and layers of other images; no daemon",
       .options = &AssembleOptionKeys(),
       .takes_context = true,
       .check = Check<AssembleOptions>},
      {.name = "buildkit",
       .description = "builds a Dockerfile with a BuildKit daemon",
       .options = &BuildkitOptionKeys(),
       .takes_context = true,
       .needs_context = true,
       .check = Check<BuildkitOptions>},
      {.name = "default", .description = "builds nothing", .takes_context = true},
      {.name = "docker",
       .description = "builds a Dockerfile with a Docker engine",
       .options = &DockerfileOptionKeys(),
       .takes_context = true,
       .needs_context = true,
       .check = CheckDockerfile},
      {.name = "dry-run", .description = "builds nothing", .takes_context = true},
      {.name = "native",
       .description = "builds a Dockerfile without a daemon",
       .options = &DockerfileOptionKeys(),
       .takes_context = true,
       .needs_context = true,
       .check = CheckDockerfile},
      {.name = "none", .description = "builds nothing: the image is made elsewhere"},
      {.name = "sleep",
       .description = "takes its time and makes an empty image, for trials",
       .options = &SleepOptionKeys(),
       .check = Check<SleepOptions>},
  };
  return drivers;
}

}  // namespace

absl::Span<const DriverDescription> Drivers() { return AllDrivers(); }

const DriverDescription* FindDriver(absl::string_view name) {
  for (const DriverDescription& driver : AllDrivers()) {
    if (driver.name == name) return &driver;
  }
  return nullptr;
}

bool BuildsNothing(absl::string_view driver) {
  return driver == "none" || driver == "default" || driver == "dry-run";
}

std::string DriverNames() {
  return absl::StrJoin(AllDrivers(), ", ", [](std::string* out, const DriverDescription& driver) {
    absl::StrAppend(out, driver.name);
  });
}

std::string UnknownDriver(absl::string_view name) {
  std::vector<absl::string_view> names;
  for (const DriverDescription& driver : AllDrivers()) names.push_back(driver.name);
  return absl::StrCat("unknown driver ", base::Quoted(name),
                      DidYouMean(name, absl::MakeConstSpan(names)), "; drivers are ",
                      DriverNames());
}

}  // namespace stevedore::graph
