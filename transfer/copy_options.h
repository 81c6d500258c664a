// What a copy is asked to do, tells, and did.

#ifndef STEVEDORE_TRANSFER_COPY_OPTIONS_H_
#define STEVEDORE_TRANSFER_COPY_OPTIONS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "oci/image/descriptor.h"
#include "oci/image/digest.h"
#include "oci/image/media_type.h"
#include "oci/image/platform.h"
#include "oci/layer/compression.h"

namespace stevedore::transfer {

// Something that happened during a copy, for a display. Plain data.
struct CopyEvent {
  enum class Kind {
    kFound,     // The blob belongs to the image; it is not known yet whether it must move.
    kThere,     // The destination has it.
    kMounted,   // It came from another repository of the same registry, without being sent.
    kBytes,     // `bytes` of it have been sent; starts anew at 0 when an upload is repeated.
    kCopied,    // All of it was sent (in a dry run: would be).
    kManifest,  // A manifest was put by its digest.
    kTag,       // `tag` names the image now (in a dry run: would).
    kTagThere,  // `tag` named it before.
    kTagKept,   // `tag` names something else and stays, as asked (no_clobber).
  };
  Kind kind = Kind::kFound;
  oci::Descriptor content = {};  // The blob or manifest.
  uint64_t bytes = 0;
  std::string tag = "";
};

// What to copy, and how.
//
// Which part of an index: all of it (the default); with `platforms` a new index of the children
// that serve one of them, with all its other members; with `platforms` of at most one entry (none:
// this machine's) and not `all_platforms` the manifest of that platform alone; with `index_only`
// the index without anything that it names. A source that is no index is copied whole, but must
// serve one of `platforms` if there are any.
struct CopyOptions {
  bool all_platforms = true;
  std::vector<oci::Platform> platforms = {};
  bool index_only = false;
  // Also what is attached to any of the copied manifests (signatures, SBOMs), and what is attached
  // to that; of these artifact types only, if there are any.
  bool referrers = false;
  std::vector<std::string> artifact_types = {};
  // Rewrites manifests in this family of media types; configs keep their bytes.
  std::optional<oci::ImageFormat> format = std::nullopt;
  // Recompresses layers; those of the wanted codec stay as they are unless `recompress_all`.
  std::optional<oci::Compression> compression = std::nullopt;
  bool recompress_all = false;
  // Refuse to change a digest.
  bool preserve_digests = false;
  // Also layers that may not be distributed; else they stay where their URLs say.
  bool foreign_layers = false;
  // Blobs on their way at once.
  int parallel_blobs = 6;
  // A tag that is there already is left as it is, whatever it names.
  bool no_clobber = false;
  // Reads and asks everything, writes nothing.
  bool dry_run = false;
  // Looks for every blob even where the destination has the same manifest: repairs a damaged place.
  bool recheck = false;
  // Put before the main one, in this order.
  std::vector<std::string> extra_tags = {};
  // Calls ImageSink::Finish at the end. False: more will be written to the same sink.
  bool finish = true;
  // Told what happens; calls come one after another, from any thread, and must be quick.
  std::function<void(const CopyEvent&)> on_event = nullptr;
};

// What a copy did. A value.
struct CopyResult {
  oci::Digest digest;            // At the destination.
  std::string media_type;        // Of that document.
  bool unchanged = false;        // Every tag named it before; nothing was written.
  bool digests_changed = false;  // `digest` is not the source's: filtered, converted, recompressed.
  oci::Digest source_digest;
  // Blobs, each counted once: sent, found at the destination, mounted.
  uint64_t blobs_copied = 0, blobs_there = 0, blobs_mounted = 0;
  uint64_t bytes_copied = 0;
  uint64_t manifests_copied = 0;  // Children, artifacts and the document itself.
  std::vector<std::string> tags_written = {}, tags_kept = {};
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_COPY_OPTIONS_H_
