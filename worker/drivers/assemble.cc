#include "worker/drivers/assemble.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/types/span.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/status.h"
#include "context/tree.h"
#include "graph/assemble_options.h"
#include "oci/layer/compression.h"
#include "oci/layer/layer_writer.h"
#include "transfer/image_sink.h"
#include "worker/drivers/file_layer.h"
#include "worker/drivers/landing.h"
#include "worker/drivers/layer_cache.h"
#include "worker/drivers/native_base_layer.h"
#include "worker/drivers/native_images.h"
#include "worker/drivers/native_tree.h"
#include "worker/drivers/tar_layer.h"

namespace stevedore::worker {
namespace {

using graph::AssembleLayer;

// Bytes between two reports of progress.
constexpr uint64_t kProgressStep = 1 << 20;
// Layers made at the same time. Each uses all threads, so more would only wait for memory; a few
// keep the cores busy while others begin and end.
constexpr size_t kLayersAtOnce = 4;

// One declared layer on its way.
struct Part {
  const AssembleLayer* layer = nullptr;
  Landing landing;                          // Of its `to`.
  std::string place;                        // "layers[1] (from: public)", for messages.
  std::string created_by;                   // History.
  std::string key;                          // Of the layer cache.
  FileLayer files;                          // kFiles only.
  const context::TreeEntry* tar = nullptr;  // kTar only.
  CachedLayer result;
  bool cached = false;
};

// Adds up the progress of several layers and tells it now and then. Thread-safe.
class ProgressMeter {
 public:
  ProgressMeter(const BuildRequest& request, uint64_t total) : request_(request), total_(total) {}

  // `delta` more bytes of tar are done.
  void Add(uint64_t delta) {
    if (!request_.progress) return;
    const uint64_t done = done_.fetch_add(delta) + delta;
    uint64_t told = told_.load();
    if (done < told + kProgressStep || !told_.compare_exchange_strong(told, done)) return;
    request_.progress(
        {.phase = "layers", .bytes_done = done, .bytes_total = std::max(total_, done)});
  }

 private:
  const BuildRequest& request_;
  const uint64_t total_;
  std::atomic<uint64_t> done_ = 0;
  std::atomic<uint64_t> told_ = 0;
};

// What the pieces of one build share. Used by one Build call; the layers are made by several
// threads.
class Assembly {
 public:
  Assembly(const DriverResources& resources, const BuildRequest& request, std::stop_token stop)
      : resources_(resources),
        request_(request),
        stop_(std::move(stop)),
        cache_(resources.cache_directory.empty()
                   ? ""
                   : absl::StrCat(resources.cache_directory, "/layers")),
        finder_(&resources_, &request_, stop_) {}

  absl::StatusOr<BuiltImage> Run() {
    ASSIGN_OR_RETURN(options_, graph::AssembleOptions::Parse(request_.options_json), "options");
    ASSIGN_OR_RETURN(compression_, oci::Compression::Parse(options_.compression),
                     "options.compression");
    RETURN_IF_ERROR(CheckParents());
    RETURN_IF_ERROR(Prepare());
    RETURN_IF_ERROR(MakeLayers());
    return Compose();
  }

 private:
  int64_t epoch() const { return request_.source_date_epoch.value_or(0); }
  void Log(absl::string_view line) const {
    if (request_.log) request_.log(line);
  }

  absl::Status CheckParents() const;
  absl::Status Prepare();
  absl::Status PrepareFiles(Part& part);
  absl::Status PrepareTar(Part& part) const;
  bool StartsEmpty() const;
  absl::Status LookAt(const ParentImage& parent);
  absl::StatusOr<const ParentImage*> ParentNamed(const AssembleLayer& layer) const;

  absl::Status MakeLayers();
  absl::Status MakeLayer(Part& part, ProgressMeter& meter, std::stop_token stop) const;
  absl::StatusOr<oci::LayerResult> WriteLayerOf(const Part& part, ProgressMeter& meter,
                                                base::ByteSink* blob, std::stop_token stop) const;

  absl::StatusOr<BuiltImage> Compose() const;
  absl::StatusOr<oci::ImageEditor> StartImage() const;
  void ApplyConfig(oci::ImageEditor& editor) const;
  std::vector<InheritedLayer> InheritedLayers(const oci::Image& image) const;

  const DriverResources& resources_;
  const BuildRequest& request_;
  const std::stop_token stop_;
  const LayerCache cache_;
  graph::AssembleOptions options_;
  oci::Compression compression_;
  std::vector<Part> parts_;
  // What is below the layer being prepared, if any of them needs that.
  bool looks_ = false;
  native::ImageFinder finder_;
  native::FileView below_;
};

std::string Describe(const AssembleLayer& layer) {
  switch (layer.kind) {
    case AssembleLayer::Kind::kFiles:
      return absl::StrCat("from: ", layer.from.empty() ? "." : layer.from);
    case AssembleLayer::Kind::kTar:
      return absl::StrCat("tar: ", layer.tar);
    case AssembleLayer::Kind::kImage:
      return absl::StrCat("image: ", layer.image);
  }
  return "";
}

absl::Status Assembly::CheckParents() const {
  for (const ParentImage& parent : request_.parents) {
    if (parent.image.config.platform().Satisfies(request_.platform)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("parent ", parent.id, " (", parent.reference, ") is for ",
                     parent.image.config.platform().ToString(), ", the image is built for ",
                     request_.platform.ToString(), "; build the parent for that platform too"));
  }
  return absl::OkStatus();
}

absl::StatusOr<const ParentImage*> Assembly::ParentNamed(const AssembleLayer& layer) const {
  std::vector<std::string> names;
  for (const ParentImage& parent : request_.parents) {
    if (parent.id == layer.image) return &parent;
    names.push_back(parent.id);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("image ", base::Quoted(layer.image), " is not a parent of ", request_.id,
                   "; parents are ", names.empty() ? "none" : absl::StrJoin(names, ", ")));
}

absl::Status Assembly::PrepareTar(Part& part) const {
  const AssembleLayer& layer = *part.layer;
  part.tar = request_.context->Find(layer.tar);
  if (part.tar == nullptr) return NotInContext(*request_.context, layer.tar);
  if (part.tar->type != context::TreeEntry::Type::kFile) {
    return absl::InvalidArgumentError(
        absl::StrCat(base::Quoted(layer.tar), " of the context is not a file; `tar` takes a tar ",
                     "archive, plain or compressed with gzip or zstd"));
  }
  std::string input =
      absl::StrCat("tar\n", part.tar->digest_bytes(), layer.verbatim ? "verbatim" : "rewritten",
                   "\n", part.landing.to);
  if (!part.landing.folders.empty()) {
    absl::StrAppend(&input, "\n", native::EncodeEntries(part.landing.folders));
  }
  part.key = LayerCache::Key(base::Sha256(input), compression_.Identity(), epoch());
  return absl::OkStatus();
}

absl::Status Assembly::LookAt(const ParentImage& parent) {
  ASSIGN_OR_RETURN(const std::shared_ptr<const native::FoundImage> image,
                   finder_.Parent(static_cast<int>(&parent - request_.parents.data())));
  ASSIGN_OR_RETURN(const native::FileView files, finder_.Files(image));
  below_.Add(files);
  return absl::OkStatus();
}

absl::Status Assembly::PrepareFiles(Part& part) {
  AssembleLayer layer = *part.layer;
  layer.to = part.landing.to;
  ASSIGN_OR_RETURN(part.files, SelectFiles(layer, *request_.context, part.landing.folders));
  part.key = LayerCache::Key(part.files.digest, compression_.Identity(), epoch());
  if (looks_) {
    below_.Add(std::make_shared<native::LayerTree>(part.files.entries, /*contents=*/nullptr));
  }
  return absl::OkStatus();
}

absl::Status Assembly::Prepare() {
  looks_ = std::any_of(options_.layers.begin(), options_.layers.end(), [](const auto& layer) {
    return layer.kind != AssembleLayer::Kind::kImage && !layer.verbatim && NeedsLook(layer.to);
  });
  if (looks_ && !StartsEmpty()) RETURN_IF_ERROR(LookAt(request_.parents.front()));
  parts_.resize(options_.layers.size());
  for (size_t i = 0; i < parts_.size(); ++i) {
    const AssembleLayer& layer = options_.layers[i];
    Part& part = parts_[i];
    part.layer = &layer;
    part.place = absl::StrCat("options.layers[", i, "] (", Describe(layer), ")");
    if (layer.kind == AssembleLayer::Kind::kImage) {
      ASSIGN_OR_RETURN(const ParentImage* const parent, ParentNamed(layer), part.place);
      if (looks_) RETURN_IF_ERROR(LookAt(*parent), part.place);
      continue;
    }
    if (request_.context == nullptr) {
      return absl::InvalidArgumentError(absl::StrCat(
          part.place,
          ": the image has no context to take files from; add `context: [{path: ...}]`"));
    }
    part.created_by = absl::StrCat("stevedore assemble ", Describe(layer), " to: ", layer.to);
    part.landing.to = layer.to;
    const bool tar = layer.kind == AssembleLayer::Kind::kTar;
    if (!layer.verbatim && NeedsLook(layer.to)) {
      const bool folder = tar || LandsInFolder(layer, *request_.context);
      ASSIGN_OR_RETURN(part.landing, FindLanding(layer.to, folder, below_), part.place);
    }
    RETURN_IF_ERROR(tar ? PrepareTar(part) : PrepareFiles(part), part.place);
  }
  return absl::OkStatus();
}

absl::StatusOr<oci::LayerResult> Assembly::WriteLayerOf(const Part& part, ProgressMeter& meter,
                                                        base::ByteSink* blob,
                                                        std::stop_token stop) const {
  oci::LayerWriterOptions options;
  options.compression = compression_;
  options.source_date_epoch = epoch();
  options.threads = resources_.threads;
  options.budget = resources_.budget;
  options.stop = stop;
  options.progress = [&meter, last = uint64_t{0}](uint64_t done) mutable {
    meter.Add(done - last);
    last = done;
  };
  if (part.tar == nullptr) {
    return oci::WriteLayer(part.files.entries, *request_.context, blob, std::move(options));
  }
  ASSIGN_OR_RETURN(std::unique_ptr<base::RandomReader> file,
                   request_.context->OpenContent(part.tar->content_id));
  if (part.layer->verbatim) {
    ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> source,
                     OpenVerbatimTar(file.get(), part.tar->size, stop));
    return oci::WriteTarLayer(*source, blob, std::move(options));
  }
  ASSIGN_OR_RETURN(TarLayer tar, ReadTarLayer(std::move(file), part.tar->size, part.landing.to,
                                              resources_.cache_directory, stop));
  const std::vector<oci::LayerEntry>& above = part.landing.folders;
  tar.entries.insert(tar.entries.end(), above.begin(), above.end());
  return oci::WriteLayer(std::move(tar.entries), *tar.contents, blob, std::move(options));
}

absl::Status Assembly::MakeLayer(Part& part, ProgressMeter& meter, std::stop_token stop) const {
  if (std::optional<CachedLayer> known = cache_.Get(part.key)) {
    ASSIGN_OR_RETURN(const bool there, request_.output->HasBlob(known->descriptor.digest, stop));
    if (there) {
      meter.Add(part.files.content_bytes);
      part.result = *std::move(known);
      part.cached = true;
      return absl::OkStatus();
    }
  }
  ASSIGN_OR_RETURN(const std::unique_ptr<transfer::BlobUpload> blob,
                   request_.output->StartBlob(stop));
  ASSIGN_OR_RETURN(const oci::LayerResult layer, WriteLayerOf(part, meter, blob.get(), stop));
  RETURN_IF_ERROR(blob->Commit(layer.descriptor.digest).status());
  part.result = {.diff_id = layer.diff_id, .descriptor = layer.descriptor};
  cache_.Put(part.key, part.result);
  return absl::OkStatus();
}

absl::Status Assembly::MakeLayers() {
  std::vector<Part*> work;
  uint64_t total = 0;
  for (Part& part : parts_) {
    if (part.layer->kind == AssembleLayer::Kind::kImage) continue;
    total += part.tar == nullptr ? part.files.content_bytes : part.tar->size;
    work.push_back(&part);
  }
  ProgressMeter meter(request_, total);
  // The first failure stops the other layers; so does the caller.
  std::stop_source stop;
  const std::stop_callback forward(stop_, [&stop] { stop.request_stop(); });
  base::Mutex mu;
  absl::Status failure;
  std::atomic<size_t> next = 0;
  const auto run = [&] {
    for (size_t i = next++; i < work.size() && !stop.stop_requested(); i = next++) {
      const absl::Status status = MakeLayer(*work[i], meter, stop.get_token());
      if (status.ok()) continue;
      base::MutexLock lock(&mu);
      if (failure.ok()) failure = base::Annotate(status, work[i]->place);
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
  RETURN_IF_ERROR(failure);
  for (const Part* part : work) {
    const oci::Descriptor& blob = part->result.descriptor;
    Log(absl::StrCat("layer ", part->place, ": ", blob.digest.Short(), ", ", blob.size, " bytes",
                     part->cached ? " (known)" : ""));
  }
  return absl::OkStatus();
}

bool Assembly::StartsEmpty() const {
  if (request_.parents.empty()) return true;
  // An image may have no base and be put together from the layers of others.
  const auto names_first = [&base = request_.parents.front()](const AssembleLayer& layer) {
    return layer.kind == AssembleLayer::Kind::kImage && layer.image == base.id;
  };
  return std::any_of(options_.layers.begin(), options_.layers.end(), names_first);
}

absl::StatusOr<oci::ImageEditor> Assembly::StartImage() const {
  if (StartsEmpty()) return oci::ImageEditor(request_.platform);
  const ParentImage& base = request_.parents.front();
  ASSIGN_OR_RETURN(oci::ImageEditor editor,
                   oci::ImageEditor::Create(base.image, oci::ImageFormat::kOci), "parent ",
                   base.id);
  editor.ClearAnnotations();
  return editor;
}

void Assembly::ApplyConfig(oci::ImageEditor& editor) const {
  const graph::AssembleConfig& config = options_.config;
  oci::ConfigChanges changes;
  changes.entrypoint = config.entrypoint;
  changes.cmd = config.cmd;
  changes.env.assign(config.env.begin(), config.env.end());  // A map: new keys come sorted.
  changes.user = config.user;
  changes.working_dir = config.working_dir;
  changes.stop_signal = config.stop_signal;
  changes.labels = request_.labels;
  // The driver's own option is nearer to the image than labels that several images share.
  for (const auto& [key, value] : config.labels) changes.labels[key] = value;
  changes.exposed_ports = config.exposed_ports;
  changes.volumes = config.volumes;
  editor.ChangeConfig(changes);
}

std::vector<InheritedLayer> Assembly::InheritedLayers(const oci::Image& image) const {
  std::map<oci::Digest, int> owner;
  for (size_t i = request_.parents.size(); i-- > 0;) {
    for (const oci::Descriptor& layer : request_.parents[i].image.manifest.layers()) {
      owner[layer.digest] = static_cast<int>(i);
    }
  }
  for (const Part& part : parts_) {
    if (part.layer->kind != AssembleLayer::Kind::kImage) owner.erase(part.result.descriptor.digest);
  }
  std::vector<InheritedLayer> inherited;
  for (const oci::Descriptor& layer : image.manifest.layers()) {
    const auto it = owner.find(layer.digest);
    if (it == owner.end()) continue;
    inherited.push_back({.descriptor = layer, .parent = it->second});
    owner.erase(it);  // A layer that stands twice in an image is one blob.
  }
  return inherited;
}

absl::StatusOr<BuiltImage> Assembly::Compose() const {
  ASSIGN_OR_RETURN(oci::ImageEditor editor, StartImage());
  if (request_.source_date_epoch.has_value()) editor.SetSourceDateEpoch(epoch());
  BuiltImage built;
  for (const Part& part : parts_) {
    if (part.layer->kind == AssembleLayer::Kind::kImage) {
      ASSIGN_OR_RETURN(const ParentImage* const parent, ParentNamed(*part.layer), part.place);
      RETURN_IF_ERROR(editor.AppendLayersOf(parent->image), part.place);
      continue;
    }
    RETURN_IF_ERROR(editor.AppendLayer({.diff_id = part.result.diff_id,
                                        .descriptor = part.result.descriptor,
                                        .created_by = part.created_by}),
                    part.place);
    if (!part.cached) built.new_layer_bytes += part.result.descriptor.size;
  }
  ApplyConfig(editor);
  ASSIGN_OR_RETURN(built.image, editor.Finish());
  built.inherited = InheritedLayers(built.image);
  return built;
}

}  // namespace

absl::StatusOr<BuiltImage> AssembleDriver::Build(const BuildRequest& request,
                                                 std::stop_token stop) {
  Assembly assembly(resources_, request, std::move(stop));
  absl::StatusOr<BuiltImage> built = assembly.Run();
  if (built.ok()) return built;
  const std::string source = request.source.empty() ? "" : absl::StrCat(request.source, ": ");
  return base::Annotate(built.status(), absl::StrCat(source, "image ", request.id));
}

}  // namespace stevedore::worker
