// Stages of a Dockerfile, executed without a daemon.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_STAGE_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_STAGE_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/image/platform.h"
#include "worker/drivers/dockerfile/variables.h"
#include "worker/drivers/native_config.h"
#include "worker/drivers/native_images.h"
#include "worker/drivers/native_tree.h"

namespace stevedore::worker::native {

// What an instruction left in the image's history, and its layer if it made one.
struct Step {
  std::string created_by;
  std::string place;                       // "Dockerfile:12", for messages.
  std::shared_ptr<const LayerTree> layer;  // Null: none.
};

// What a stage is after its instructions so far. A value: a stage that builds on another starts
// with a copy.
struct StageState {
  std::shared_ptr<const FoundImage> base;  // Null: scratch.
  std::vector<Step> steps;                 // On top of `base`.
  FileView files;
  RunConfig config;
  dockerfile::StageVariables variables;
  oci::Platform platform;
  std::string author;
  bool cmd_set = false;  // In this stage, not in those below.
};

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_STAGE_H_
