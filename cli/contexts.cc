#include "cli/contexts.h"

#include <algorithm>
#include <memory>
#include <set>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/mutex.h"
#include "base/status.h"
#include "base/thread_pool.h"
#include "cli/git_reader.h"
#include "cli/image_ignore.h"
#include "context/filtered_tree.h"
#include "context/ignore_rules.h"
#include "context/local_tree.h"
#include "context/pack.h"
#include "context/pack_table.h"
#include "oci/image/reference.h"
#include "transfer/registry_repository.h"

namespace stevedore::cli {
namespace {

constexpr int kTreesAtOnce = 4;
constexpr int kPacksAtOnce = 4;
// Registries collect context tags that nobody has put for days: see architecture, "packs".
constexpr absl::Duration kTagRefresh = absl::Hours(24);

// One context and who needs it.
struct Wanted {
  const graph::ContextSpec* spec;
  const graph::ResolvedImage* image;
  const context::IgnoreRules* rules = nullptr;
  absl::StatusOr<ContextTree> tree = ContextTree();
  std::vector<std::string> warnings = {};
};

absl::Status AtDefinition(const Wanted& wanted, const absl::Status& status) {
  const graph::SourceLocation& where =
      wanted.spec->where.file.empty() ? wanted.image->where : wanted.spec->where;
  const std::string message = absl::StrCat(
      where.file.empty() ? "" : absl::StrCat(where.ToString(), ": "), status.message());
  // A folder that is not there is a mistake in the definition (or of the working directory).
  if (absl::IsNotFound(status)) return absl::InvalidArgumentError(message);
  return absl::Status(status.code(), message);
}

// When this machine has put which tag: "TAG UNIXSECONDS" lines, one file per repository.
class TagTimes {
 public:
  explicit TagTimes(std::string path) : path_(std::move(path)) {
    const absl::StatusOr<std::string> text = base::ReadFile(path_);
    if (!text.ok()) return;  // Nothing is remembered: tags are put once more.
    for (const absl::string_view line : absl::StrSplit(*text, '\n')) {
      const std::pair<std::string, std::string> parts =
          absl::StrSplit(line, absl::MaxSplits(' ', 1));
      int64_t seconds = 0;
      if (absl::SimpleAtoi(parts.second, &seconds)) times_[parts.first] = seconds;
    }
  }

  bool Fresh(const std::string& tag) const ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    const auto it = times_.find(tag);
    return it != times_.end() && absl::Now() - absl::FromUnixSeconds(it->second) < kTagRefresh;
  }

  void Put(const std::string& tag) ABSL_LOCKS_EXCLUDED(mu_) {
    base::MutexLock lock(&mu_);
    times_[tag] = absl::ToUnixSeconds(absl::Now());
  }

  absl::Status Save() ABSL_LOCKS_EXCLUDED(mu_) {
    std::string text;
    base::MutexLock lock(&mu_);
    const int64_t oldest = absl::ToUnixSeconds(absl::Now() - kTagRefresh);
    for (const auto& [tag, seconds] : times_) {
      if (seconds >= oldest) absl::StrAppend(&text, tag, " ", seconds, "\n");
    }
    return base::WriteFileAtomically(path_, text, 0600);
  }

 private:
  const std::string path_;
  mutable base::Mutex mu_;
  std::map<std::string, int64_t> times_ ABSL_GUARDED_BY(mu_);
};

// Packs in a repository of a registry.
class RegistryPackSink final : public context::PackSink {
 public:
  RegistryPackSink(transfer::RegistryClient* client, oci::Reference repository, TagTimes* times,
                   std::stop_token stop)
      : repository_(client, std::move(repository)), times_(times), stop_(std::move(stop)) {}

  absl::StatusOr<bool> HasTag(const std::string& tag) override {
    ASSIGN_OR_RETURN(const auto head, repository_.HeadManifest(tag, stop_));
    if (!head.has_value()) return false;
    if (times_->Fresh(tag)) return true;
    absl::StatusOr<transfer::RawManifest> manifest = repository_.GetManifest(tag, stop_);
    if (absl::IsNotFound(manifest.status())) return false;
    if (!manifest.ok()) return manifest.status();
    // If a blob was collected meanwhile, the registry refuses: then all is sent as if new.
    if (!PutManifest(tag, manifest->bytes, manifest->media_type).ok()) return false;
    return true;
  }

  absl::StatusOr<bool> HasBlob(const oci::Descriptor& blob) override {
    return repository_.HasBlob(blob.digest, stop_);
  }

  absl::Status PutBlob(const oci::Descriptor& blob, const std::string& path) override {
    return repository_.AdoptBlobFile(blob, path, stop_);
  }

  absl::Status PutManifest(const std::string& tag, absl::string_view manifest,
                           absl::string_view media_type) override {
    RETURN_IF_ERROR(
        repository_.PutManifest(tag, manifest, std::string(media_type), stop_).status());
    times_->Put(tag);
    return absl::OkStatus();
  }

 private:
  transfer::RegistryRepository repository_;
  TagTimes* const times_;
  const std::stop_token stop_;
};

absl::StatusOr<ContextTree> ReadFolder(Wanted& wanted, context::StatCache* stat_cache,
                                       const context::IgnoreRules& rules,
                                       const std::stop_token& stop) {
  context::LocalTreeOptions options;
  options.owner = absl::StrCat("image ", wanted.image->id);
  options.stat_cache = stat_cache;
  options.ignore = rules.empty() ? nullptr : &rules;
  options.stop = stop;
  const std::string& path = wanted.spec->resolved_path;
  ASSIGN_OR_RETURN(std::unique_ptr<context::LocalTree> tree,
                   context::LocalTree::Open(path, options));
  wanted.warnings = tree->warnings();
  return ContextTree{std::move(tree), std::nullopt, path};
}

// Reads the contexts of one selection: git first, as ignore files may be in there, then folders,
// each once for every set of rules that it is seen with.
class ContextReader {
 public:
  ContextReader(const ContextSources& sources, Console& console, std::stop_token stop)
      : sources_(sources), console_(console), stop_(std::move(stop)) {}

  absl::StatusOr<ContextTrees> Read(const graph::Selection& selection) {
    RETURN_IF_ERROR(ReadGit(selection));
    for (const graph::ResolvedImage& image : selection.images) {
      if (image.contexts.empty()) continue;
      ASSIGN_OR_RETURN(const context::IgnoreRules* const rules, RulesOf(image));
      for (const graph::ContextSpec& spec : image.contexts) {
        const std::string name = graph::ContextName(spec);
        const std::string key = rules->empty() ? name : OwnContextName(image.id, name);
        keys_[key] = {name, rules->Identity()};
        wanted_.emplace(keys_[key], Wanted{&spec, &image, rules});
      }
    }
    ReadWanted();
    return Collect();
  }

 private:
  // A context by name, and the identity of the rules it is seen with.
  using Variant = std::pair<std::string, std::string>;

  absl::Status ReadGit(const graph::Selection& selection) {
    std::map<std::string, Wanted> all;
    for (const graph::ResolvedImage& image : selection.images) {
      for (const graph::ContextSpec& spec : image.contexts) {
        if (spec.git.has_value()) all.emplace(graph::ContextName(spec), Wanted{&spec, &image});
      }
    }
    if (all.empty()) return absl::OkStatus();
    GitReader git(sources_, stop_);
    {
      base::ThreadPool pool("git contexts", std::min<int>(kTreesAtOnce, all.size()));
      for (auto& [name, wanted] : all) {
        pool.Schedule(
            [&wanted = wanted, &git] { wanted.tree = git.Read(*wanted.spec, wanted.image->id); });
      }
    }
    for (auto& [name, wanted] : all) {
      if (!wanted.tree.ok()) return AtDefinition(wanted, wanted.tree.status());
      if (wanted.tree->git.has_value()) wanted.tree->git->where = wanted.spec->where;
      git_trees_[name] = wanted.tree->tree;
      git_[name] = *std::move(wanted.tree);
    }
    return absl::OkStatus();
  }

  // Images of one builder have the same rules: they are read once.
  absl::StatusOr<const context::IgnoreRules*> RulesOf(const graph::ResolvedImage& image) {
    std::string key = absl::StrCat(image.driver, "\n", image.options_json);
    for (const graph::ContextSpec& spec : image.contexts) {
      absl::StrAppend(&key, "\n", graph::ContextName(spec));
    }
    const auto known = rules_.find(key);
    if (known != rules_.end()) return &known->second;
    ASSIGN_OR_RETURN(context::IgnoreRules rules, IgnoreRulesOf(image, git_trees_));
    return &rules_.emplace(std::move(key), std::move(rules)).first->second;
  }

  void ReadWanted() {
    base::ThreadPool pool("contexts",
                          std::min<int>(kTreesAtOnce, std::max<int>(1, wanted_.size())));
    for (auto& [variant, wanted] : wanted_) {
      pool.Schedule([this, &variant = variant, &wanted = wanted] {
        wanted.tree = wanted.spec->git.has_value()
                          ? Filtered(git_.at(variant.first), *wanted.rules)
                          : ReadFolder(wanted, sources_.stat_cache, *wanted.rules, stop_);
        if (wanted.tree.ok() && !variant.second.empty()) {
          absl::StrAppend(&wanted.tree->memory_key, "\n", variant.second);
        }
      });
    }
  }

  // Workers know commits, not ignore files: a commit of which something is left out is sent.
  static ContextTree Filtered(ContextTree tree, const context::IgnoreRules& rules) {
    std::shared_ptr<const context::Tree> filtered = context::FilteredTree::Create(tree.tree, rules);
    if (filtered != tree.tree) tree.git.reset();
    tree.tree = std::move(filtered);
    return tree;
  }

  absl::StatusOr<ContextTrees> Collect() {
    for (auto& [variant, wanted] : wanted_) {
      if (!wanted.tree.ok()) return AtDefinition(wanted, wanted.tree.status());
      for (const std::string& warning : wanted.warnings) PrintWarning(console_, warning);
    }
    ContextTrees trees;
    for (const auto& [key, variant] : keys_) trees.emplace(key, *wanted_.at(variant).tree);
    return trees;
  }

  const ContextSources& sources_;
  Console& console_;
  const std::stop_token stop_;
  std::map<std::string, ContextTree> git_;  // By graph::ContextName.
  GitTrees git_trees_;
  std::map<std::string, context::IgnoreRules> rules_;  // By what they depend on.
  std::map<std::string, Variant> keys_;                // Keys of ContextTrees.
  std::map<Variant, Wanted> wanted_;
};

}  // namespace

std::string OwnContextName(const std::string& image_id, const std::string& context_name) {
  return absl::StrCat(context_name, "\n", image_id);
}

const ContextTree& FindContext(const ContextTrees& trees, const std::string& image_id,
                               const std::string& context_name) {
  const auto own = trees.find(OwnContextName(image_id, context_name));
  return own != trees.end() ? own->second : trees.at(context_name);
}

absl::StatusOr<ContextTrees> ReadContexts(const graph::Selection& selection,
                                          const ContextSources& sources, Console& console,
                                          std::stop_token stop) {
  return ContextReader(sources, console, std::move(stop)).Read(selection);
}

absl::Status CheckSendable(const ContextTrees& trees) {
  for (const auto& [name, context] : trees) {
    if (!context.git.has_value() || !context.git->has_inline_secrets) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        context.git->where.ToString(), ": git context ", name.substr(0, name.find('\n')),
        " has its secrets in the definition, which are never sent to workers; put them into a "
        "credential store (stevedore-cli create credentials ID) and name them with "
        "`auth: {credentials_id: ID}`"));
  }
  return absl::OkStatus();
}

absl::StatusOr<ContextUploads> UploadContexts(const ContextTrees& trees,
                                              const std::string& artifact_repository,
                                              const std::string& cache_directory,
                                              transfer::RegistryClient* client,
                                              std::stop_token stop) {
  ASSIGN_OR_RETURN(oci::Reference repository,
                   oci::Reference::Parse(artifact_repository, {.tag = ""}),
                   "the coordinator's artifact repository");
  // Blobs of one repository say nothing about another.
  const std::string remembered =
      absl::StrCat(cache_directory, "/packs-", base::Sha256Hex(repository.Name()).substr(0, 16));
  context::PackTable table = context::PackTable::Load(remembered);
  TagTimes times(remembered + "-tags");
  RegistryPackSink sink(client, std::move(repository), &times, stop);
  ContextUploads uploads;
  context::PackUploadOptions options;
  options.temporary_directory = cache_directory;
  options.threads = kPacksAtOnce;
  options.stop = stop;
  std::set<oci::Digest> sent;
  for (const auto& [key, context] : trees) {
    if (context.git.has_value()) continue;  // Workers read it themselves.
    if (!sent.insert(context.tree->digest()).second) continue;
    const std::string path = key.substr(0, key.find('\n'));
    ASSIGN_OR_RETURN(const context::PackUploadResult result,
                     context::UploadTree(*context.tree, &table, sink, options), "send context ",
                     path, " to ", artifact_repository);
    ++uploads.tree_count;
    uploads.sent_pack_count += result.sent_count;
    uploads.sent_bytes += result.sent_bytes;
  }
  // Losing these costs requests at the next build, nothing now.
  (void)table.Save(remembered);
  (void)times.Save();
  return uploads;
}

}  // namespace stevedore::cli
