#include "worker/drivers/native.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/byte_source.h"
#include "base/mutex.h"
#include "base/status.h"
#include "context/tree.h"
#include "graph/dockerfile_options.h"
#include "nlohmann/json.hpp"
#include "oci/layer/compression.h"
#include "oci/layer/layer_writer.h"
#include "transfer/image_sink.h"
#include "worker/drivers/dockerfile/dockerfile.h"
#include "worker/drivers/layer_cache.h"
#include "worker/drivers/native_execution.h"
#include "worker/drivers/native_layer.h"

namespace stevedore::worker {
namespace {

using native::StageState;
using native::Step;

// Layers made at the same time; see AssembleDriver.
constexpr size_t kLayersAtOnce = 4;

// A step's layer on its way.
struct Part {
  const Step* step = nullptr;
  CachedLayer result;
  bool cached = false;
};

// One build; see NativeDriver.
class NativeBuild {
 public:
  NativeBuild(const DriverResources& resources, const BuildRequest& request, std::stop_token stop)
      : resources_(resources),
        request_(request),
        stop_(std::move(stop)),
        cache_(resources.cache_directory.empty()
                   ? ""
                   : absl::StrCat(resources.cache_directory, "/layers")) {}

  absl::StatusOr<BuiltImage> Run() {
    ASSIGN_OR_RETURN(options_, graph::DockerfileOptions::Parse(request_.options_json), "options");
    ASSIGN_OR_RETURN(compression_, oci::Compression::Parse(options_.compression),
                     "options.compression");
    ASSIGN_OR_RETURN(const std::string text, ReadDockerfile());
    ASSIGN_OR_RETURN(const dockerfile::Dockerfile file,
                     dockerfile::Dockerfile::Parse(text, options_.dockerfile));
    ASSIGN_OR_RETURN(const size_t target, file.FindTarget(options_.target));
    dockerfile::BuildArguments arguments;
    arguments.values = request_.arguments;
    arguments.target_platform = request_.platform;
    arguments.target_stage = options_.target;
    native::Execution execution(&file, &resources_, &request_, stop_);
    ASSIGN_OR_RETURN(const StageState state, execution.Run(target, arguments));
    RETURN_IF_ERROR(MakeLayers(state));
    return Compose(state);
  }

 private:
  int64_t epoch() const { return request_.source_date_epoch.value_or(0); }

  absl::StatusOr<std::string> ReadDockerfile() const;
  absl::Status MakeLayers(const StageState& state);
  absl::Status MakeLayer(Part& part, std::stop_token stop) const;
  absl::StatusOr<BuiltImage> Compose(const StageState& state) const;
  void AddInherited(const StageState& state, BuiltImage& built) const;

  const DriverResources& resources_;
  const BuildRequest& request_;
  const std::stop_token stop_;
  const LayerCache cache_;
  graph::DockerfileOptions options_;
  oci::Compression compression_;
  std::map<const Step*, Part> parts_;
};

absl::StatusOr<std::string> NativeBuild::ReadDockerfile() const {
  const std::string& name = options_.dockerfile;
  if (request_.context == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("the image has no context to find ", name,
                                                   " in; add `context: [{path: ...}]`"));
  }
  const context::TreeEntry* const entry = request_.context->Find(name);
  if (entry == nullptr || entry->type != context::TreeEntry::Type::kFile) {
    return absl::NotFoundError(absl::StrCat("no file ", base::Quoted(name),
                                            " in the context; name it with `dockerfile: PATH`"));
  }
  if (entry->size > dockerfile::kMaxFileBytes) {
    return absl::ResourceExhaustedError(absl::StrCat(
        name, ": ", entry->size, " bytes; a Dockerfile has at most ", dockerfile::kMaxFileBytes));
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<base::RandomReader> reader,
                   request_.context->OpenContent(entry->content_id), name);
  std::string text(entry->size, '\0');
  RETURN_IF_ERROR(reader->ReadAt(0, text.data(), text.size()), name);
  return text;
}

absl::Status NativeBuild::MakeLayer(Part& part, std::stop_token stop) const {
  std::vector<oci::LayerEntry> entries = part.step->layer->DescribedEntries();
  const native::ContentSource& contents = *part.step->layer->contents();
  const std::string key =
      LayerCache::Key(native::DigestOfEntries(entries, contents), compression_.Identity(), epoch());
  if (std::optional<CachedLayer> known = cache_.Get(key)) {
    ASSIGN_OR_RETURN(const bool there, request_.output->HasBlob(known->descriptor.digest, stop));
    if (there) {
      part.result = *std::move(known);
      part.cached = true;
      return absl::OkStatus();
    }
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<transfer::BlobUpload> blob,
                   request_.output->StartBlob(stop));
  oci::LayerWriterOptions options;
  options.compression = compression_;
  options.source_date_epoch = epoch();
  options.threads = resources_.threads;
  options.budget = resources_.budget;
  options.stop = stop;
  ASSIGN_OR_RETURN(const oci::LayerResult layer,
                   oci::WriteLayer(std::move(entries), contents, blob.get(), std::move(options)));
  RETURN_IF_ERROR(blob->Commit(layer.descriptor.digest).status());
  part.result = {.diff_id = layer.diff_id, .descriptor = layer.descriptor};
  cache_.Put(key, part.result);
  return absl::OkStatus();
}

absl::Status NativeBuild::MakeLayers(const StageState& state) {
  std::vector<Part*> work;
  for (const Step& step : state.steps) {
    if (step.layer == nullptr) continue;
    Part& part = parts_[&step];
    part.step = &step;
    work.push_back(&part);
  }
  if (request_.progress) request_.progress({.phase = "layers"});
  // The first failure stops the other layers; so does the caller.
  std::stop_source stop;
  const std::stop_callback forward(stop_, [&stop] { stop.request_stop(); });
  base::Mutex mu;
  absl::Status failure;
  std::atomic<size_t> next = 0;
  const auto run = [&] {
    for (size_t i = next++; i < work.size() && !stop.stop_requested(); i = next++) {
      const absl::Status status = MakeLayer(*work[i], stop.get_token());
      if (status.ok()) continue;
      base::MutexLock lock(&mu);
      if (failure.ok()) failure = base::Annotate(status, work[i]->step->place);
      stop.request_stop();
    }
  };
  {
    std::vector<std::jthread> threads;
    const size_t count = std::min(
        {work.size(), static_cast<size_t>(std::max(1, resources_.threads)), kLayersAtOnce});
    for (size_t i = 1; i < count; ++i) threads.emplace_back(run);
    run();
  }
  if (stop_.stop_requested()) return absl::CancelledError("the build was cancelled");
  return failure;
}

void NativeBuild::AddInherited(const StageState& state, BuiltImage& built) const {
  if (state.base == nullptr) return;
  int place = state.base->parent.value_or(-1);
  if (!state.base->parent.has_value()) {
    place = static_cast<int>(request_.parents.size());
    built.other_places.push_back(state.base->place);
  }
  std::vector<oci::Digest> seen;
  const size_t count = state.base->image.manifest.layers().size();
  for (size_t i = 0; i < count; ++i) {
    const oci::Descriptor& layer = built.image.manifest.layers()[i];
    if (std::find(seen.begin(), seen.end(), layer.digest) != seen.end()) continue;
    seen.push_back(layer.digest);
    built.inherited.push_back({.descriptor = layer, .parent = place});
  }
}

absl::StatusOr<BuiltImage> NativeBuild::Compose(const StageState& state) const {
  oci::ImageEditor editor(state.platform);
  if (state.base != nullptr) {
    ASSIGN_OR_RETURN(editor, oci::ImageEditor::Create(state.base->image, oci::ImageFormat::kOci),
                     "image ", state.base->reference);
    editor.ClearAnnotations();
  }
  if (request_.source_date_epoch.has_value()) editor.SetSourceDateEpoch(epoch());
  BuiltImage built;
  for (const Step& step : state.steps) {
    if (step.layer == nullptr) {
      editor.AppendEmptyStep(step.created_by);
      continue;
    }
    const Part& part = parts_.at(&step);
    RETURN_IF_ERROR(editor.AppendLayer({.diff_id = part.result.diff_id,
                                        .descriptor = part.result.descriptor,
                                        .created_by = step.created_by}),
                    step.place);
    if (!part.cached) built.new_layer_bytes += part.result.descriptor.size;
    if (request_.log) {
      request_.log(absl::StrCat(step.place.substr(0, step.place.rfind(':')), ": ", step.created_by,
                                ": ", part.result.descriptor.digest.Short(), ", ",
                                part.result.descriptor.size, " bytes",
                                part.cached ? " (known)" : ""));
    }
  }
  native::RunConfig config = state.config;
  for (const auto& [name, value] : request_.labels) config.labels[name] = value;
  editor.SetRunConfig(config.ToJson());
  if (!state.author.empty()) editor.SetAuthor(state.author);
  // A name of somebody else's image moves: which one it was is told where people look for it.
  if (state.base != nullptr && !state.base->parent.has_value()) {
    editor.Annotate(
        {{"org.opencontainers.image.base.name", state.base->place.reference.Canonical()},
         {"org.opencontainers.image.base.digest", state.base->image.manifest.digest().ToString()}});
  }
  ASSIGN_OR_RETURN(built.image, editor.Finish());
  AddInherited(state, built);
  return built;
}

}  // namespace

absl::StatusOr<BuiltImage> NativeDriver::Build(const BuildRequest& request, std::stop_token stop) {
  absl::StatusOr<BuiltImage> built = NativeBuild(resources_, request, std::move(stop)).Run();
  if (built.ok()) return built;
  const std::string source = request.source.empty() ? "" : absl::StrCat(request.source, ": ");
  return base::Annotate(built.status(), absl::StrCat(source, "image ", request.id));
}

}  // namespace stevedore::worker
