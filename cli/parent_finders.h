// Where parents are looked for.

#ifndef STEVEDORE_CLI_PARENT_FINDERS_H_
#define STEVEDORE_CLI_PARENT_FINDERS_H_

#include "absl/functional/any_invocable.h"
#include "absl/strings/string_view.h"
#include "cli/external_parents.h"
#include "oci/layout/layout.h"
#include "transfer/registry_client.h"

namespace stevedore::cli {

// Looks in the parent's registry. Thread-safe.
class RegistryParentFinder final : public ParentFinder {
 public:
  // `client` must outlive the finder.
  explicit RegistryParentFinder(transfer::RegistryClient* client) : client_(client) {}

  absl::StatusOr<std::optional<PlatformManifests>> Find(const oci::Reference& reference,
                                                        const std::vector<std::string>& platforms,
                                                        std::stop_token stop) override;

 private:
  transfer::RegistryClient* const client_;
};

// Looks in an image layout by full reference, then in the parent's registry; what is found there
// is copied into the layout (by digest, without a name: the next build asks the registry again), as
// a layout is only whole with all layers of its images. Thread-safe.
class LayoutParentFinder final : public ParentFinder {
 public:
  // `layout` null: there is none yet. `fetch` false: finds without copying, for plans. `note` is
  // told what is copied; it may be called from several threads, and may be empty. Pointers must
  // outlive the finder.
  LayoutParentFinder(const oci::Layout* layout, transfer::RegistryClient* client, bool fetch,
                     absl::AnyInvocable<void(absl::string_view)> note)
      : layout_(layout), client_(client), fetch_(fetch), note_(std::move(note)) {}

  absl::StatusOr<std::optional<PlatformManifests>> Find(const oci::Reference& reference,
                                                        const std::vector<std::string>& platforms,
                                                        std::stop_token stop) override;

 private:
  const oci::Layout* const layout_;
  transfer::RegistryClient* const client_;
  const bool fetch_;
  absl::AnyInvocable<void(absl::string_view)> note_;
};

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_PARENT_FINDERS_H_
