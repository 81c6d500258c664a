#include "context/git_mirror.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "base/hash.h"
#include "base/status.h"
#include "context/git_formats.h"

namespace stevedore::context::git {
namespace {

constexpr absl::Duration kLockSlice = absl::Milliseconds(20);
constexpr size_t kIdleHandles = 8;
constexpr size_t kShownRefs = 6;
constexpr size_t kReferenceLimit = 1024;

// Where the mirror keeps a server's reference: flat, so that "a" and later "a/b" do not collide.
std::string LocalName(absl::string_view reference) {
  return absl::StrCat("refs/stevedore/", base::Sha256Hex(reference).substr(0, 32));
}

bool IsBranchOrTag(const AdvertisedRef& ref) {
  return (absl::StartsWith(ref.name, "refs/heads/") || absl::StartsWith(ref.name, "refs/tags/")) &&
         !absl::EndsWith(ref.name, "^{}");
}

std::vector<std::string> BranchesAndTags(const Connection& connection) {
  std::vector<std::string> names;
  for (const AdvertisedRef& ref : connection.refs()) {
    if (IsBranchOrTag(ref)) names.push_back(ref.name);
  }
  return names;
}

const AdvertisedRef* FindRef(const Connection& connection, absl::string_view name) {
  for (const AdvertisedRef& ref : connection.refs()) {
    if (ref.name == name) return &ref;
  }
  return nullptr;
}

// What the reference of a definition means at the server; null if nothing.
const AdvertisedRef* Match(const Connection& connection, absl::string_view reference) {
  if (reference.empty()) return FindRef(connection, "HEAD");
  for (const absl::string_view prefix : {"refs/heads/", "refs/tags/"}) {
    const AdvertisedRef* ref = FindRef(connection, absl::StrCat(prefix, reference));
    if (ref != nullptr) return ref;
  }
  if (reference == "HEAD" || absl::StartsWith(reference, "refs/")) {
    return FindRef(connection, reference);
  }
  return FindRef(connection, absl::StrCat("refs/", reference));
}

absl::Status CheckReference(absl::string_view reference) {
  const bool clean = std::all_of(reference.begin(), reference.end(), [](char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f &&
           absl::string_view("~^:?*[\\").find(c) == absl::string_view::npos;
  });
  if (clean && reference.size() <= kReferenceLimit && !absl::StartsWith(reference, "-") &&
      !absl::StrContains(reference, "..")) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat("git.reference ", base::Quoted(reference),
                   " is not a branch, tag, full reference or commit"));
}

}  // namespace

absl::StatusOr<base::FileDescriptor> LockFile(const std::string& path, bool exclusive, bool wait,
                                              const std::stop_token& stop) {
  ASSIGN_OR_RETURN(base::FileDescriptor file, base::OpenFile(path, O_RDWR | O_CREAT, 0600));
  while (::flock(file.get(), (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR) return base::ErrnoStatus(errno, "lock " + path);
    if (!wait) return absl::AbortedError(absl::StrCat(path, " is locked"));
    if (stop.stop_requested()) return absl::CancelledError("cancelled");
    absl::SleepFor(kLockSlice);
  }
  return file;
}

Mirror::Handle::~Handle() {
  if (repository_ == nullptr) return;
  base::MutexLock lock(&mirror_->mu_);
  if (mirror_->idle_.size() < kIdleHandles) mirror_->idle_.push_back(std::move(repository_));
}

std::string Mirror::NameOf(const GitPlace& place) {
  // The user is in the text for ssh; for http it is part of the identity.
  const std::string inline_user =
      place.url.password.empty() ? "" : absl::StrCat("url\n", place.url.user);
  return base::Sha256Hex(absl::StrCat(place.url.ToString(), "\n", place.credential.Identity(), "\n",
                                      inline_user))
      .substr(0, 32);
}

Mirror::Mirror(const GitMirrorsOptions& options, GitPlace place, std::string directory)
    : options_(options), place_(std::move(place)), directory_(std::move(directory)) {}

Mirror::~Mirror() = default;

absl::StatusOr<std::shared_ptr<Mirror>> Mirror::Open(const GitMirrorsOptions& options,
                                                     const GitPlace& place, std::stop_token stop) {
  StartLibrary();
  const std::string directory = base::JoinPath(options.directory, NameOf(place));
  std::shared_ptr<Mirror> mirror(new Mirror(options, place, directory));
  RETURN_IF_ERROR(mirror->Prepare(stop), "git mirror ", directory);
  mirror->table_ = std::make_unique<GitBlobTable>(GitBlobTable::Load(directory + "/digests"));
  return mirror;
}

absl::Status Mirror::Prepare(const std::stop_token& stop) {
  ASSIGN_OR_RETURN(use_, LockFile(directory_ + ".lock", /*exclusive=*/false, /*wait=*/true, stop));
  const auto usable = [this] {
    if (base::Exists(directory_ + "/damaged")) return false;
    Repository repository;
    if (git_repository_open_bare(base::Out(repository), repository_path().c_str()) < 0) {
      return false;
    }
    base::MutexLock lock(&mu_);
    idle_.push_back(std::move(repository));
    return true;
  };
  if (!usable()) {
    ASSIGN_OR_RETURN(const base::FileDescriptor fetching,
                     LockFile(directory_ + ".fetch", /*exclusive=*/true, /*wait=*/true, stop));
    if (!usable()) {
      RETURN_IF_ERROR(Make());
      if (!usable()) return absl::UnavailableError("cannot be opened although it was just made");
    }
  }
  // The time of the last use, for eviction.
  return base::WriteFileAtomically(directory_ + "/used", place_.url.ToString() + "\n", 0600);
}

// Under the fetch lock.
absl::Status Mirror::Make() const {
  const std::string fresh = directory_ + ".new";
  RETURN_IF_ERROR(base::RemoveTree(fresh));
  RETURN_IF_ERROR(base::MakeDirectories(fresh, 0700));
  git_repository_init_options options = GIT_REPOSITORY_INIT_OPTIONS_INIT;
  options.flags = GIT_REPOSITORY_INIT_BARE | GIT_REPOSITORY_INIT_MKPATH;
  Repository repository;
  RETURN_IF_ERROR(ToStatus(
      git_repository_init_ext(base::Out(repository), (fresh + "/repository").c_str(), &options),
      "make"));
  repository.reset();
  if (base::Exists(directory_)) {
    // Others may still read the damaged one: it goes out of the way first.
    const std::string old = absl::StrCat(directory_, ".old-", base::RandomHex(4));
    std::error_code error;
    std::filesystem::rename(directory_, old, error);
    if (error) return base::ErrnoStatus(error.value(), "put aside " + directory_);
    RETURN_IF_ERROR(base::RemoveTree(old));
  }
  std::error_code error;
  std::filesystem::rename(fresh, directory_, error);
  if (error) return base::ErrnoStatus(error.value(), "rename " + fresh);
  return absl::OkStatus();
}

// What a fetch that was killed left behind. Under the fetch lock.
void Mirror::RemoveLeftovers() const {
  std::error_code error;
  const std::string packs = repository_path() + "/objects/pack";
  std::filesystem::directory_iterator entry(packs, error);
  for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::filesystem::path& file = entry->path();
    const std::string extension = file.extension().string();
    std::filesystem::path index = file;
    index.replace_extension(".idx");
    const bool whole = extension == ".idx" || extension == ".keep" ||
                       (extension == ".pack" && base::Exists(index.string()));
    std::error_code ignored;
    if (!whole) std::filesystem::remove(file, ignored);
  }
  const std::string refs = repository_path() + "/refs/stevedore";
  std::filesystem::directory_iterator ref(refs, error);
  for (; !error && ref != std::filesystem::directory_iterator(); ref.increment(error)) {
    std::error_code ignored;
    if (ref->path().extension() == ".lock") std::filesystem::remove(ref->path(), ignored);
  }
}

absl::StatusOr<Mirror::Handle> Mirror::Take() {
  {
    base::MutexLock lock(&mu_);
    if (!idle_.empty()) {
      Handle handle(this, std::move(idle_.back()));
      idle_.pop_back();
      return handle;
    }
  }
  Repository repository;
  RETURN_IF_ERROR(ToStatus(
      git_repository_open_bare(base::Out(repository), repository_path().c_str()), "open mirror"));
  return Handle(this, std::move(repository));
}

absl::StatusOr<std::unique_ptr<Connection>> Mirror::Connect(git_repository* repository,
                                                            const std::stop_token& stop) const {
  ServerOptions server;
  server.url = place_.url;
  server.credential = place_.credential;
  server.connect_timeout = options_.connect_timeout;
  server.idle_timeout = options_.idle_timeout;
  server.known_hosts_files = options_.known_hosts_files;
  server.stop = stop;
  return Connection::Open(repository, std::move(server));
}

absl::StatusOr<std::string> Mirror::Local(git_repository* repository, const std::string& id) const {
  git_oid oid;
  RETURN_IF_ERROR(ToStatus(git_oid_fromstr(&oid, id.c_str()), "commit id"));
  Object object;
  const int rc = git_object_lookup(base::Out(object), repository, &oid, GIT_OBJECT_ANY);
  if (rc == GIT_ENOTFOUND) return "";
  RETURN_IF_ERROR(ToStatus(rc, "look up commit"), id);
  Object commit;
  if (git_object_peel(base::Out(commit), object.get(), GIT_OBJECT_COMMIT) < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("git repository ", place_.url.ToString(), ": ", id, " is a ",
                     git_object_type2string(git_object_type(object.get())), ", not a commit"));
  }
  return Hex(*git_object_id(commit.get()));
}

// A pack that is cut short is not seen at all: then references lead nowhere, and the server would
// be told that we have what we have not.
absl::Status Mirror::CheckReferences(git_repository* repository) const {
  git_reference_iterator* raw = nullptr;
  RETURN_IF_ERROR(
      ToStatus(git_reference_iterator_glob_new(&raw, repository, "refs/stevedore/*"), "list"));
  const base::CHandle<git_reference_iterator, git_reference_iterator_free> iterator(raw);
  Odb odb;
  RETURN_IF_ERROR(ToStatus(git_repository_odb(base::Out(odb), repository), "open objects"));
  while (true) {
    git_reference* next = nullptr;
    if (git_reference_next(&next, iterator.get()) < 0) return absl::OkStatus();
    const base::CHandle<git_reference, git_reference_free> reference(next);
    const git_oid* const id = git_reference_target(reference.get());
    if (id == nullptr || git_odb_exists(odb.get(), id) == 0) {
      return absl::DataLossError(
          absl::StrCat("the copy of ", place_.url.ToString(), " in ", directory_, " is damaged"));
    }
  }
}

absl::Status Mirror::Fetch(git_repository* repository, std::unique_ptr<Connection> connection,
                           const std::vector<std::string>& names, const std::function<bool()>& here,
                           const std::stop_token& stop) {
  const std::string lock_file = directory_ + ".fetch";
  absl::StatusOr<base::FileDescriptor> fetching =
      LockFile(lock_file, /*exclusive=*/true, /*wait=*/false, stop);
  if (absl::IsAborted(fetching.status())) {
    connection.reset();  // A server does not wait as long as another's fetch may take.
    fetching = LockFile(lock_file, /*exclusive=*/true, /*wait=*/true, stop);
    if (fetching.ok() && here()) return absl::OkStatus();
  }
  RETURN_IF_ERROR(fetching.status());
  RETURN_IF_ERROR(CheckReferences(repository));
  if (connection == nullptr) {
    ASSIGN_OR_RETURN(connection, Connect(repository, stop));
  }
  RemoveLeftovers();
  std::vector<std::string> refspecs;
  for (const std::string& name : names) {
    refspecs.push_back(absl::StrCat("+", name, ":", LocalName(name)));
  }
  RETURN_IF_ERROR(connection->Fetch(refspecs));
  base::MutexLock lock(&mu_);
  fetched_ = true;
  return absl::OkStatus();
}

absl::StatusOr<std::string> Mirror::Ensure(const std::string& id, std::stop_token stop) {
  ASSIGN_OR_RETURN(const Handle handle, Take());
  git_repository* const repository = handle.get();
  ASSIGN_OR_RETURN(std::string commit, Local(repository, id));
  if (!commit.empty()) return commit;
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect(repository, stop));
  std::vector<std::string> names;
  for (const AdvertisedRef& ref : connection->refs()) {
    if (ref.id != id) continue;
    names = {std::string(absl::StripSuffix(ref.name, "^{}"))};
    break;
  }
  if (names.empty()) names = BranchesAndTags(*connection);
  const auto here = [&] {
    const absl::StatusOr<std::string> local = Local(repository, id);
    return local.ok() && !local->empty();
  };
  if (!names.empty()) {
    RETURN_IF_ERROR(Fetch(repository, std::move(connection), names, here, stop));
    ASSIGN_OR_RETURN(commit, Local(repository, id));
    if (!commit.empty()) return commit;
  }
  // No branch or tag leads there: some servers give it all the same.
  const absl::Status direct = Fetch(repository, nullptr, {id}, here, stop);
  if (absl::IsCancelled(direct)) return direct;
  ASSIGN_OR_RETURN(commit, Local(repository, id));
  if (!commit.empty()) return commit;
  return absl::NotFoundError(absl::StrCat(
      "git repository ", place_.url.ToString(), " has no commit ", id,
      " on any branch or tag, and does not give it by its id; push it to a branch, or correct "
      "git.reference"));
}

absl::Status Mirror::NoSuchReference(const Connection& connection,
                                     absl::string_view reference) const {
  std::vector<std::string> names;
  for (const AdvertisedRef& ref : connection.refs()) {
    if (!IsBranchOrTag(ref)) continue;
    if (names.size() == kShownRefs) {
      names.push_back("...");
      break;
    }
    names.push_back(ref.name.substr(ref.name.find('/', 5) + 1));
  }
  const std::string what = absl::StrCat("git repository ", place_.url.ToString());
  if (names.empty()) return absl::NotFoundError(absl::StrCat(what, " is empty: push something"));
  if (reference.empty()) {
    return absl::NotFoundError(absl::StrCat(what,
                                            " has no default branch; name one of its "
                                            "branches as git.reference: ",
                                            absl::StrJoin(names, ", ")));
  }
  return absl::NotFoundError(absl::StrCat(what, " has no branch, tag or commit ",
                                          base::Quoted(reference), "; it has ",
                                          absl::StrJoin(names, ", ")));
}

absl::StatusOr<std::string> Mirror::FromAbbreviation(git_repository* repository,
                                                     std::unique_ptr<Connection> connection,
                                                     absl::string_view reference,
                                                     const std::stop_token& stop) {
  const absl::Status unknown = NoSuchReference(*connection, reference);
  const std::vector<std::string> names = BranchesAndTags(*connection);
  if (names.empty()) return unknown;
  RETURN_IF_ERROR(Fetch(
      repository, std::move(connection), names, [] { return false; }, stop));
  git_oid prefix;
  const std::string digits = absl::AsciiStrToLower(reference);
  RETURN_IF_ERROR(ToStatus(git_oid_fromstrn(&prefix, digits.data(), digits.size()), "commit id"));
  Object object;
  const int rc = git_object_lookup_prefix(base::Out(object), repository, &prefix, digits.size(),
                                          GIT_OBJECT_COMMIT);
  if (rc == GIT_EAMBIGUOUS) {
    return absl::InvalidArgumentError(absl::StrCat("git repository ", place_.url.ToString(),
                                                   ": several objects begin with ", reference,
                                                   "; write more digits of the commit"));
  }
  if (rc == GIT_ENOTFOUND) return unknown;
  RETURN_IF_ERROR(ToStatus(rc, "look up commit"), reference);
  return Hex(*git_object_id(object.get()));
}

absl::StatusOr<std::string> Mirror::Resolve(absl::string_view reference, std::stop_token stop) {
  RETURN_IF_ERROR(CheckReference(reference));
  if (IsObjectId(reference, /*full=*/true)) return Ensure(absl::AsciiStrToLower(reference), stop);
  ASSIGN_OR_RETURN(const Handle handle, Take());
  git_repository* const repository = handle.get();
  ASSIGN_OR_RETURN(std::unique_ptr<Connection> connection, Connect(repository, stop));
  const AdvertisedRef* const ref = Match(*connection, reference);
  if (ref == nullptr) {
    if (!IsObjectId(reference, /*full=*/false)) return NoSuchReference(*connection, reference);
    return FromAbbreviation(repository, std::move(connection), reference, stop);
  }
  const std::string id = ref->id;
  const std::string name = ref->name;
  ASSIGN_OR_RETURN(std::string commit, Local(repository, id));
  if (!commit.empty()) return commit;
  const auto here = [&] {
    const absl::StatusOr<std::string> local = Local(repository, id);
    return local.ok() && !local->empty();
  };
  RETURN_IF_ERROR(Fetch(repository, std::move(connection), {name}, here, stop));
  ASSIGN_OR_RETURN(commit, Local(repository, id));
  if (!commit.empty()) return commit;
  return absl::AbortedError(absl::StrCat("git repository ", place_.url.ToString(), ": ", name,
                                         " moved while it was fetched; try again"));
}

void Mirror::MarkDamaged() {
  {
    base::MutexLock lock(&mu_);
    damaged_ = true;
  }
  // If it cannot be written, the next user finds the damage again.
  (void)base::WriteFileAtomically(directory_ + "/damaged", "", 0600);
}

bool Mirror::damaged() const {
  base::MutexLock lock(&mu_);
  return damaged_;
}

bool Mirror::fetched() const {
  base::MutexLock lock(&mu_);
  return fetched_;
}

absl::Status Mirror::SaveTable() { return table_->Save(directory_ + "/digests"); }

}  // namespace stevedore::context::git
