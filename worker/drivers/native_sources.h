// Everything that COPY and ADD can take from.

#ifndef STEVEDORE_WORKER_DRIVERS_NATIVE_SOURCES_H_
#define STEVEDORE_WORKER_DRIVERS_NATIVE_SOURCES_H_

#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "worker/drivers/dockerfile/instruction.h"
#include "worker/drivers/driver.h"
#include "worker/drivers/driver_resources.h"
#include "worker/drivers/native_copy.h"
#include "worker/drivers/native_layer.h"
#include "worker/drivers/native_tree.h"

namespace stevedore::worker::native {

// One COPY or ADD with its variables replaced.
struct CopyRequest {
  const dockerfile::Instruction* instruction = nullptr;
  std::string keyword;
  // Sources, and last the destination: absolute, with a slash at its end if it must be a folder.
  std::vector<std::string> words;
  // Names and contents, in the order of the words that announce them.
  std::vector<std::pair<std::string, std::string>> heredocs;
  // The context, a stage or an image.
  FileView source;
};

// Puts all sources into `layer`: files and folders, heredocs, and for ADD archives (extracted),
// URLs and git repositories. Errors name the source.
absl::Status PutSources(const CopyRequest& copy, const CopyOptions& options,
                        const DriverResources& resources, const BuildRequest& request,
                        std::stop_token stop, LayerBuilder& layer);

}  // namespace stevedore::worker::native

#endif  // STEVEDORE_WORKER_DRIVERS_NATIVE_SOURCES_H_
