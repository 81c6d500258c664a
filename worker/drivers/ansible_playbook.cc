#include "worker/drivers/ansible_playbook.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/byte_source.h"
#include "base/file.h"
#include "base/output_lines.h"
#include "base/program.h"
#include "base/status.h"
#include "graph/ansible_options.h"
#include "oci/image/canonical_json.h"
#include "oci/image/image_config.h"
#include "oci/image/index.h"
#include "oci/image/manifest.h"
#include "oci/image/media_type.h"
#include "oci/image/reference.h"
#include "oci/layer/compression.h"
#include "transfer/image_source.h"
#include "worker/drivers/ansible_inputs.h"
#include "worker/drivers/context_folder.h"
#include "worker/drivers/docker_inputs.h"
#include "worker/repository_provider.h"

namespace stevedore::worker {
namespace {

// Between SIGTERM and SIGKILL.
constexpr absl::Duration kGrace = absl::Seconds(10);
// Lines of output that an error repeats.
constexpr size_t kLastLines = 12;
constexpr size_t kLastLineBytes = 2000;

// The present manifest of `request`'s main tag; empty if there is none.
absl::StatusOr<oci::Digest> PresentDigest(const Repository& repository, const std::string& tag,
                                          const std::stop_token& stop) {
  ASSIGN_OR_RETURN(const std::optional<oci::Descriptor> head,
                   repository.source->HeadManifest(tag, stop));
  return head.has_value() ? head->digest : oci::Digest();
}

// Splits what a program writes into lines for the log and keeps the last ones.
class Output {
 public:
  explicit Output(const std::function<void(absl::string_view)>& log) : log_(log) {}

  void Append(absl::string_view bytes) {
    lines_.Append(bytes, [this](const std::string& line) { Take(line); });
  }
  void Finish() {
    lines_.Finish([this](const std::string& line) { Take(line); });
  }
  std::vector<std::string> last() const { return {last_.begin(), last_.end()}; }

 private:
  void Take(const std::string& line) {
    if (log_) log_(line);
    if (line.empty()) return;
    last_.push_back(line.substr(0, kLastLineBytes));
    if (last_.size() > kLastLines) last_.pop_front();
  }

  const std::function<void(absl::string_view)>& log_;
  base::OutputLines lines_;
  std::deque<std::string> last_;
};

// One run of one playbook: its folder, its variables, its process. Used by one thread.
class PlaybookRun {
 public:
  PlaybookRun(const DriverResources& resources, const BuildRequest& request,
              const graph::AnsibleOptions& options, std::string program, std::stop_token stop)
      : resources_(resources),
        request_(request),
        options_(options),
        program_(std::move(program)),
        stop_(std::move(stop)) {}

  absl::Status Run(const std::map<std::string, std::string>& arguments) {
    ASSIGN_OR_RETURN(const base::TemporaryDirectory scratch, MakeScratch());
    std::string folder;  // Empty: where this process works.
    if (request_.context != nullptr) {
      Progress("context");
      folder = base::JoinPath(scratch.path(), "context");
      RETURN_IF_ERROR(base::MakeDirectories(folder, 0700));
      RETURN_IF_ERROR(WriteContextFolder(*request_.context, folder, stop_), "context");
    }
    RETURN_IF_ERROR(CheckPlaybook(folder));
    // Not on the command line, which everybody on this machine can read.
    const std::string variables_file = base::JoinPath(scratch.path(), "variables.json");
    ASSIGN_OR_RETURN(const std::string variables, AnsibleVariables(request_, options_, arguments));
    RETURN_IF_ERROR(base::WriteFileAtomically(variables_file, variables, 0600));
    Progress("playbook");
    return Start(folder, variables_file, base::JoinPath(scratch.path(), "ansible"));
  }

 private:
  void Progress(std::string phase) const {
    if (request_.progress) request_.progress({.phase = std::move(phase)});
  }

  absl::StatusOr<base::TemporaryDirectory> MakeScratch() const {
    if (resources_.scratch_directory.empty()) return base::TemporaryDirectory::Create();
    RETURN_IF_ERROR(base::MakeDirectories(resources_.scratch_directory, 0700));
    // Ansible works there with paths that must not depend on its working directory.
    char* const absolute = ::realpath(resources_.scratch_directory.c_str(), nullptr);
    if (absolute == nullptr) return base::TemporaryDirectory::Create();
    const std::string prefix = base::JoinPath(absolute, "ansible-");
    ::free(absolute);
    return base::TemporaryDirectory::Create(prefix);
  }

  absl::Status CheckPlaybook(const std::string& folder) const {
    struct stat info = {};
    const std::string path = base::JoinPath(folder, options_.playbook);
    if (::stat(path.c_str(), &info) == 0 && S_ISREG(info.st_mode)) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        "options.playbook: there is no file ", base::Quoted(options_.playbook), " in ",
        folder.empty() ? "the working directory; correct the path, or, as workers do not have your "
                         "files, give the builder a `context` with the playbook in it"
                       : "the merged context; correct the path, or add the folder that has it to "
                         "`context`"));
  }

  absl::Status Start(const std::string& folder, const std::string& variables_file,
                     const std::string& ansible_folder) const {
    Output output(request_.log);
    base::ProgramOptions program;
    program.argv = AnsibleCommand(program_, options_, variables_file);
    program.environment = {{"ANSIBLE_FORCE_COLOR", "true"},
                           {"ANSIBLE_STDOUT_CALLBACK", "default"},
                           {"ANSIBLE_LOCAL_TEMP", ansible_folder}};
    program.working_directory = folder;
    program.time_limit = std::min(options_.timeout, request_.limits.time);
    program.stop = stop_;
    program.on_output = [&output](absl::string_view bytes) { output.Append(bytes); };
    program.grace = kGrace;
    const absl::StatusOr<base::ProgramResult> result = base::RunProgram(program);
    output.Finish();
    if (result.ok()) return AnsibleExit(result->exit_code, output.last());
    if (absl::IsNotFound(result.status())) {
      return absl::UnavailableError(
          absl::StrCat("there is no program ", program_,
                       " here; install it (Debian: apt install ansible-core) ", "or correct PATH"));
    }
    if (absl::IsDeadlineExceeded(result.status())) {
      return absl::FailedPreconditionError(
          absl::StrCat("the playbook took longer than its limit of ",
                       absl::FormatDuration(program.time_limit), " (option `timeout`)"));
    }
    return result.status();
  }

  const DriverResources& resources_;
  const BuildRequest& request_;
  const graph::AnsibleOptions& options_;
  const std::string program_;
  const std::stop_token stop_;
};

// Reads the image that the playbook pushed.
class PushedImage {
 public:
  PushedImage(const BuildRequest& request, const Repository& repository, std::stop_token stop)
      : request_(request), source_(*repository.source), stop_(std::move(stop)) {}

  absl::StatusOr<BuiltImage> Get(const std::string& tag) {
    absl::StatusOr<transfer::RawManifest> raw = source_.GetManifest(tag, stop_);
    if (absl::IsNotFound(raw.status())) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the playbook ended well, but there is no ", request_.reference,
          "; it must push the image under that name (variable image_fully_qualified_name)"));
    }
    RETURN_IF_ERROR(raw.status());
    ASSIGN_OR_RETURN(const std::string type, oci::DetectMediaType(raw->bytes, raw->media_type));
    if (oci::IsIndexType(type)) {
      ASSIGN_OR_RETURN(raw, OfPlatform(*std::move(raw)));
    }
    BuiltImage built;
    ASSIGN_OR_RETURN(built.image.manifest,
                     oci::Manifest::Parse(std::move(raw->bytes), raw->media_type));
    ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> config,
                     source_.OpenBlob(built.image.manifest.config(), stop_), "config");
    ASSIGN_OR_RETURN(std::string bytes, base::ReadAll(*config, oci::kMaxDocumentBytes), "config");
    ASSIGN_OR_RETURN(built.image.config, oci::ImageConfig::Parse(std::move(bytes)), "config");
    return built;
  }

 private:
  absl::StatusOr<transfer::RawManifest> OfPlatform(transfer::RawManifest raw) {
    ASSIGN_OR_RETURN(const oci::Index index, oci::Index::Parse(std::move(raw.bytes)));
    ASSIGN_OR_RETURN(const oci::Descriptor manifest, index.Select(request_.platform));
    return source_.GetManifest(manifest.digest.ToString(), stop_);
  }

  const BuildRequest& request_;
  transfer::ImageSource& source_;
  const std::stop_token stop_;
};

}  // namespace

absl::StatusOr<AnsiblePlaybookDriver::Place*> AnsiblePlaybookDriver::GetPlace() {
  base::MutexLock lock(&mu_);
  if (place_ == nullptr) {
    ASSIGN_OR_RETURN(transfer::DockerEngineAddress address,
                     transfer::DockerEngineAddress::FromEnvironment(environment_));
    place_ = std::make_unique<Place>(&http_, std::move(address), resources_);
  }
  return place_.get();
}

absl::StatusOr<BuiltImage> AnsiblePlaybookDriver::TakeFromEngine(const BuildRequest& request,
                                                                 const std::string& name,
                                                                 const std::stop_token& stop) {
  const std::string wanted = absl::StrCat(
      "nothing is pushed, so the image is taken from the Docker engine, where the playbook must "
      "leave it as ",
      name);
  ASSIGN_OR_RETURN(Place* const place, GetPlace());
  absl::StatusOr<std::optional<transfer::EngineImage>> image =
      place->engine.InspectImage(name, stop);
  RETURN_IF_ERROR(image.status(), wanted);
  if (!image->has_value()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the playbook ended well, but there is no image ", name, " in the Docker engine at ",
        place->engine.address().ToString(), "; ", wanted, ", or build with --push-after-build"));
  }
  const DockerExport parts{.resources = resources_,
                           .request = request,
                           .compression = oci::Compression(),
                           .names = &names_,
                           .stop = stop};
  ASSIGN_OR_RETURN(const std::unique_ptr<base::ByteSource> archive,
                   place->engine.ExportImage((*image)->id, stop), wanted);
  return ImportArchive(parts, **image, *archive);
}

absl::StatusOr<BuiltImage> AnsiblePlaybookDriver::Build(const BuildRequest& request,
                                                        std::stop_token stop) {
  const std::string where =
      request.source.empty() ? request.id : absl::StrCat(request.source, ": image ", request.id);
  ASSIGN_OR_RETURN(const graph::AnsibleOptions options,
                   graph::AnsibleOptions::Parse(request.options_json), where, ": options");
  if (options.inventory.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(where,
                     ": options.inventory: the playbook needs one; write `inventory: FILE` "
                     "or hosts such as `localhost,`, or use --ansible-inventory-path"));
  }
  ASSIGN_OR_RETURN(const oci::Reference reference, oci::Reference::Parse(request.reference), where);
  Repository repository;
  oci::Digest before;
  std::vector<PinnedParent> pinned;
  std::vector<DockerParents::Loan> loans;
  if (request.facts.to_registry) {
    ASSIGN_OR_RETURN(repository, resources_.repositories->Open(reference));
    ASSIGN_OR_RETURN(before, PresentDigest(repository, reference.tag(), stop));
    for (const ParentImage& parent : request.parents) {
      ASSIGN_OR_RETURN(PinnedParent one, PinByDigest(parent));
      pinned.push_back(std::move(one));
    }
  } else if (!request.parent_arguments.empty()) {
    ASSIGN_OR_RETURN(Place* const place, GetPlace());
    for (const ParentImage& parent : request.parents) {
      ASSIGN_OR_RETURN(DockerParents::Loan loan, place->parents.Lend(parent, stop), where,
                       ": lend parent ", parent.id, " to the playbook");
      pinned.push_back({.reference = loan.name(), .tag = loan.tag()});
      loans.push_back(std::move(loan));
    }
  }
  RETURN_IF_ERROR(PlaybookRun(resources_, request, options, program_, stop)
                      .Run(PinnedArguments(request, pinned)),
                  where);
  if (stop.stop_requested()) return absl::CancelledError("the build was cancelled");
  if (!request.facts.to_registry) {
    // By the name that the playbook was told.
    const auto told = std::find_if(
        options.automatic.own.begin(), options.automatic.own.end(), [&](const auto& variable) {
          const absl::StatusOr<oci::Reference> other = oci::Reference::Parse(variable.second);
          return absl::EndsWith(request.reference, variable.second) && other.ok() &&
                 other->Canonical() == reference.Canonical();
        });
    const std::string name = told == options.automatic.own.end() ? request.reference : told->second;
    absl::StatusOr<BuiltImage> built = TakeFromEngine(request, name, stop);
    RETURN_IF_ERROR(built.status(), where);
    return built;
  }
  absl::StatusOr<BuiltImage> built = PushedImage(request, repository, stop).Get(reference.tag());
  RETURN_IF_ERROR(built.status(), where);
  if (request.log) {
    const bool same = built->image.manifest.digest() == before;
    request.log(absl::StrCat(request.reference,
                             same ? " is as it was before the playbook: " : " is now ",
                             built->image.manifest.digest().ToString()));
  }
  return built;
}

}  // namespace stevedore::worker
