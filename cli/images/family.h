// Images of the tree that belong together: some, and everything that builds on them.

#ifndef STEVEDORE_CLI_IMAGES_FAMILY_H_
#define STEVEDORE_CLI_IMAGES_FAMILY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "graph/catalog.h"
#include "graph/source_location.h"
#include "oci/image/reference.h"

namespace stevedore::cli {

// One image of a family, as definitions describe it. A value.
struct FamilyMember {
  std::string id;  // "web:1.0".
  oci::Reference reference;
  // Extra tags in the same repository: of the definition, and of semantic versions.
  std::vector<std::string> tags;
  // "os/arch[/variant]" that the definition is built for.
  std::vector<std::string> platforms;
  // Ids, also of images outside the family. The first is the base, others contribute layers.
  std::vector<std::string> parents;
  // Empty: the image is made elsewhere.
  std::string driver;
  graph::SourceLocation where;
  // 0: no parent in the family. Else one more than the highest of its parents.
  int generation = 0;
};

// Parents before children. A value.
struct Family {
  std::vector<FamilyMember> members;
  // What definitions cannot tell, such as the versions of a wildcard.
  std::vector<std::string> notes;
};

// What is wanted of a catalog.
struct FamilyRequest {
  // Definition names, or "name:version"; at least one.
  std::vector<std::string> names;
  // If not empty: of all that only these (names as above), what builds on them, and what stands
  // between them and `names`.
  std::vector<std::string> only;
  // What builds on `names`, too.
  bool cascade = true;
  // Not those of `names` themselves, but where they are in the family anyway.
  bool with_roots = true;
};

// The images that `request` names and all that build on them, whoever makes them. Semantic version
// tags are as the configuration says. NOT_FOUND for names that are not defined; INVALID_ARGUMENT
// for one of `only` that does not build on `names`; others as graph::Selection. Thread-safe.
absl::StatusOr<Family> SelectFamily(const graph::Catalog& catalog, const FamilyRequest& request);

// The id of the image that `text` means: an id or name with one version, a reference or extra tag
// of an image, or a reference in a repository that one image alone has (another version of it).
// NOT_FOUND, saying what there is, if it is none; INVALID_ARGUMENT, listing them, for several.
// Thread-safe.
absl::StatusOr<std::string> FindInTree(const graph::Catalog& catalog, absl::string_view text);

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_FAMILY_H_
