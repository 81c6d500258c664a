// One repository inside an image layout, as a place for images.

#ifndef STEVEDORE_TRANSFER_LAYOUT_REPOSITORY_H_
#define STEVEDORE_TRANSFER_LAYOUT_REPOSITORY_H_

#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "oci/image/reference.h"
#include "oci/layout/layout.h"
#include "transfer/layout_images.h"

namespace stevedore::transfer {

// A view of an oci::Layout in which the tag "1.4" of shop/web is the ref name
// "localhost:5000/shop/web:1.4" (Reference::Canonical). All repositories of one layout share its
// blobs. Thread-safe, also across processes.
class LayoutRepository final : public LayoutImages {
 public:
  // Of `repository` only registry and repository count.
  LayoutRepository(const oci::Layout* layout, oci::Reference repository)
      : LayoutImages(*layout), repository_(std::move(repository)) {}

  std::string Describe() const override;

 protected:
  absl::StatusOr<std::string> NameOf(const std::string& tag) const override;
  std::optional<std::string> TagOf(const std::string& name) const override;

 private:
  const oci::Reference repository_;
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_LAYOUT_REPOSITORY_H_
