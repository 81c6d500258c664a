#include "worker/workbench.h"

#include <utility>
#include <vector>

#include "stevedore/v1/worker_service.pb.h"
#include "worker/drivers/drivers.h"

namespace stevedore::worker {
namespace {

using credentials::ChainCredentialStore;
using credentials::ChainRecordStore;
using credentials::Credential;
using credentials::CredentialBundle;
using credentials::MemoryCredentialStore;
using credentials::MemoryRecordStore;

std::vector<std::pair<std::string, Credential>> EntriesOf(const CredentialBundle& bundle) {
  std::vector<std::pair<std::string, Credential>> entries;
  for (const credentials::BundledCredential& one : bundle.registries) {
    for (const std::string& repository : one.repositories) {
      entries.emplace_back(repository, one.credential);
    }
  }
  return entries;
}

std::vector<const credentials::RecordStore*> Stores(const credentials::RecordStore* first,
                                                    const credentials::RecordStore* second) {
  if (second == nullptr) return {first};
  return {first, second};
}

// See OpenSealedWorkbench. Members in order of use.
class SealedWorkbench final : public Executor {
 public:
  SealedWorkbench(const WorkbenchResources& resources, const WorkbenchCredentials& own,
                  CredentialBundle bundle)
      : logins_(EntriesOf(bundle)),
        records_("credentials sealed with the build", std::move(bundle.records)),
        login_chain_({&logins_, own.logins}),
        record_chain_(Stores(&records_, own.records)),
        bench_(resources, {.logins = &login_chain_, .records = &record_chain_}) {}

  v1::Outcome Execute(const v1::Assignment& assignment, RunMonitor& monitor,
                      std::stop_token stop) override {
    return bench_.Execute(assignment, monitor, std::move(stop));
  }

 private:
  const MemoryCredentialStore logins_;
  const MemoryRecordStore records_;
  const ChainCredentialStore login_chain_;
  const ChainRecordStore record_chain_;
  Workbench bench_;
};

}  // namespace

Workbench::Workbench(const WorkbenchResources& resources, const WorkbenchCredentials& credentials)
    : client_(resources.http, credentials.logins, resources.registry),
      repositories_(&client_),
      packs_(&repositories_, resources.packs),
      contexts_(&packs_, resources.git, credentials.records),
      drivers_(CreateDrivers({.budget = resources.budget,
                              .threads = resources.threads,
                              .cache_directory = resources.cache_directory,
                              .repositories = &repositories_,
                              .registries = &repositories_,
                              .credentials = credentials.logins,
                              .scratch_directory = resources.cache_directory + "/scratch"})),
      runner_(&repositories_, &contexts_, &drivers_) {}

v1::Outcome Workbench::Execute(const v1::Assignment& assignment, RunMonitor& monitor,
                               std::stop_token stop) {
  return runner_.Execute(assignment, monitor, std::move(stop));
}

std::unique_ptr<Executor> OpenSealedWorkbench(const WorkbenchResources& resources,
                                              const WorkbenchCredentials& own,
                                              CredentialBundle bundle) {
  return std::make_unique<SealedWorkbench>(resources, own, std::move(bundle));
}

}  // namespace stevedore::worker
