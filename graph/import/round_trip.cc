#include "graph/import/round_trip.h"

#include <utility>

#include "base/status.h"
#include "graph/catalog.h"
#include "graph/configuration.h"
#include "graph/selection.h"

namespace stevedore::graph {

absl::StatusOr<std::map<std::string, ResolvedImage>> RoundTrip(absl::StatusOr<ImportedFile> file,
                                                               ImportedDefinitions* definitions) {
  RETURN_IF_ERROR(file.status());
  ASSIGN_OR_RETURN(ImportedDefinitions made, ToDefinitions(*std::move(file)));
  // JSON is YAML.
  const DefinitionFile written{"imported.yaml", made.document.dump(1)};
  RETURN_IF_ERROR(CheckImportedText(written.path, written.text));
  CatalogOptions options;
  options.default_platform = "linux/amd64";
  ASSIGN_OR_RETURN(const Catalog catalog,
                   Catalog::Parse({written}, {written}, Configuration(), options));
  std::map<std::string, ResolvedImage> images;
  for (const ImageInstance& image : catalog.instances()) {
    if (!image.has_builder()) continue;
    SelectionRequest request;
    request.names = {image.id};
    request.runnable_drivers.insert("buildkit");
    ASSIGN_OR_RETURN(const Selection selection, Selection::Create(catalog, request));
    images.emplace(image.id, selection.images.at(0));
  }
  if (definitions != nullptr) *definitions = std::move(made);
  return images;
}

}  // namespace stevedore::graph
