#include "worker/drivers/native_sources.h"

#include <memory>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/status.h"
#include "worker/drivers/native_add.h"
#include "worker/drivers/tar_layer.h"

namespace stevedore::worker::native {
namespace {

// What a copy takes, found before anything is put: the destination's rule depends on the count.
struct Found {
  std::vector<std::pair<std::string, std::string>> paths;  // Path, and what --parents leaves out.
  std::vector<LooseFile> files;
  std::vector<std::pair<std::string, FileView>> repositories;  // URL and files.
};

// "a/./b": with --parents only what follows the dot is kept.
std::string PivotOf(absl::string_view source) {
  const size_t dot = source.find("/./");
  return dot == absl::string_view::npos ? "" : CleanPath(source.substr(0, dot));
}

class Sources {
 public:
  Sources(const CopyRequest& copy, const CopyOptions& options, const DriverResources& resources,
          const BuildRequest& request, std::stop_token stop, LayerBuilder& layer)
      : copy_(copy),
        options_(options),
        resources_(resources),
        request_(request),
        stop_(std::move(stop)),
        adds_(copy.instruction->kind == dockerfile::Instruction::Kind::kAdd),
        layer_(layer),
        copier_(&layer, options) {}

  absl::Status Put() {
    const std::string& destination = copy_.words.back();
    ASSIGN_OR_RETURN(const Found found, Find());
    const bool from_context = copy_.instruction->FindFlag("from") == nullptr;
    if (from_context && request_.context == nullptr && !found.paths.empty()) {
      return absl::InvalidArgumentError(
          "the image has no context to take files from; add `context: [{path: ...}]`");
    }
    if (found.paths.size() + found.files.size() + found.repositories.size() > 1) {
      ASSIGN_OR_RETURN(const bool folder, copier_.IsDirectory(destination));
      if (!folder) {
        return absl::InvalidArgumentError(
            absl::StrCat("several sources, but ", base::Quoted(destination),
                         " is no directory; write it with a slash at its end"));
      }
    }
    for (const auto& [path, pivot] : found.paths) {
      RETURN_IF_ERROR(PutPath(path, pivot, destination), base::Quoted(path));
    }
    for (const auto& [url, files] : found.repositories) {
      RETURN_IF_ERROR(copier_.Copy(files, "", destination), base::Quoted(url));
    }
    for (const LooseFile& file : found.files) {
      RETURN_IF_ERROR(PutLooseFile(file, destination), base::Quoted(file.name));
    }
    return absl::OkStatus();
  }

 private:
  absl::StatusOr<Found> Find();
  absl::StatusOr<LooseFile> Fetch(const std::string& url) const;
  absl::StatusOr<FileView> OpenGit(const std::string& url) const;
  absl::Status PutPath(const std::string& path, const std::string& pivot,
                       const std::string& destination);
  absl::Status PutLooseFile(const LooseFile& file, const std::string& destination);
  absl::StatusOr<bool> Extract(const Node& node, const std::string& destination);
  // Of --unpack.
  bool Unpacks(bool otherwise) const {
    const dockerfile::Flag* const flag = copy_.instruction->FindFlag("unpack");
    return flag == nullptr ? otherwise : flag->value == "true";
  }

  const CopyRequest& copy_;
  const CopyOptions& options_;
  const DriverResources& resources_;
  const BuildRequest& request_;
  const std::stop_token stop_;
  const bool adds_;
  LayerBuilder& layer_;
  Copier copier_;
};

absl::StatusOr<LooseFile> Sources::Fetch(const std::string& url) const {
  const dockerfile::Flag* const checksum = copy_.instruction->FindFlag("checksum");
  if (checksum == nullptr && request_.log) {
    request_.log(
        absl::StrCat("warning: ADD ", url, ": no --checksum, so what comes may differ next time"));
  }
  ASSIGN_OR_RETURN(LooseFile file, Download(url, checksum == nullptr ? "" : *checksum->value,
                                            resources_.scratch_directory, stop_));
  if (file.name.empty() && absl::EndsWith(copy_.words.back(), "/")) {
    return absl::InvalidArgumentError(
        "the URL names no file, and the destination ends in a slash; name the file there");
  }
  return file;
}

absl::StatusOr<FileView> Sources::OpenGit(const std::string& url) const {
  const dockerfile::Flag* const keep = copy_.instruction->FindFlag("keep-git-dir");
  if (keep != nullptr && keep->value == "true") {
    return absl::UnimplementedError(
        "driver native reads commits from a mirror, without a checkout: it has no .git folder to "
        "keep; leave --keep-git-dir out or use driver buildkit");
  }
  const dockerfile::Flag* const checksum = copy_.instruction->FindFlag("checksum");
  return OpenGitSource(url, checksum == nullptr ? "" : *checksum->value, resources_.cache_directory,
                       stop_);
}

absl::StatusOr<Found> Sources::Find() {
  Found found;
  auto texts = std::make_shared<TextContent>();
  size_t heredoc = 0;
  for (size_t i = 0; i + 1 < copy_.words.size(); ++i) {
    const std::string& word = copy_.words[i];
    if (heredoc < copy_.heredocs.size() &&
        dockerfile::ParseHeredocWord(copy_.instruction->words[i]).has_value()) {
      const auto& [name, content] = copy_.heredocs[heredoc++];
      LooseFile file;
      file.name = name;
      file.size = content.size();
      file.content_id = texts->Add(content);
      file.contents = texts;
      found.files.push_back(std::move(file));
      continue;
    }
    if (adds_ && IsGitUrl(word)) {
      ASSIGN_OR_RETURN(FileView view, OpenGit(word), base::Quoted(word));
      found.repositories.emplace_back(word, std::move(view));
      continue;
    }
    if (adds_ && IsUrl(word)) {
      ASSIGN_OR_RETURN(LooseFile file, Fetch(word), base::Quoted(word));
      found.files.push_back(std::move(file));
      continue;
    }
    ASSIGN_OR_RETURN(const std::vector<std::string> matches, ExpandSource(copy_.source, word),
                     base::Quoted(word));
    if (matches.empty() && request_.log) {
      request_.log(absl::StrCat("warning: ", copy_.keyword, " ", word, ": nothing matches"));
    }
    for (const std::string& match : matches) found.paths.emplace_back(match, PivotOf(word));
  }
  return found;
}

absl::StatusOr<bool> Sources::Extract(const Node& node, const std::string& destination) {
  ASSIGN_OR_RETURN(std::unique_ptr<base::RandomReader> file, (*node.contents)->Open(*node.entry));
  ASSIGN_OR_RETURN(const bool archive, IsArchive(*file, node.entry->size, stop_));
  if (!archive) return false;
  ASSIGN_OR_RETURN(TarLayer tar, ReadTarLayer(std::move(file), node.entry->size, "/",
                                              resources_.scratch_directory, stop_));
  RETURN_IF_ERROR(ExtractArchive(std::move(tar), (*node.contents)->Identity(*node.entry),
                                 destination, options_.owner, layer_));
  return true;
}

absl::Status Sources::PutPath(const std::string& path, const std::string& pivot,
                              const std::string& destination) {
  if (adds_ && Unpacks(true)) {
    ASSIGN_OR_RETURN(const std::string resolved, copy_.source.Resolve(path));
    const std::optional<Node> node = resolved.empty() ? std::nullopt : copy_.source.Find(resolved);
    if (node.has_value() && node->entry->type == oci::LayerEntry::Type::kFile) {
      ASSIGN_OR_RETURN(const bool done, Extract(*node, destination));
      if (done) return absl::OkStatus();
    }
  }
  return copier_.Copy(copy_.source, path, destination, pivot);
}

absl::Status Sources::PutLooseFile(const LooseFile& file, const std::string& destination) {
  if (adds_ && Unpacks(false)) {
    oci::LayerEntry entry;
    entry.path = file.name;
    entry.size = file.size;
    entry.content_id = file.content_id;
    ASSIGN_OR_RETURN(const bool done, Extract(Node{&entry, &file.contents, false}, destination));
    if (done) return absl::OkStatus();
  }
  return copier_.CopyFile(file, destination);
}

}  // namespace

absl::Status PutSources(const CopyRequest& copy, const CopyOptions& options,
                        const DriverResources& resources, const BuildRequest& request,
                        std::stop_token stop, LayerBuilder& layer) {
  return Sources(copy, options, resources, request, std::move(stop), layer).Put();
}

}  // namespace stevedore::worker::native
