// Any bytes as a file of images and builders: an error, or a catalog from which everything can be
// selected; never a crash.

#include <cstddef>
#include <cstdint>
#include <string>

#include "graph/catalog.h"
#include "graph/configuration.h"
#include "graph/selection.h"

using stevedore::graph::Catalog;
using stevedore::graph::CatalogOptions;
using stevedore::graph::Configuration;
using stevedore::graph::DefinitionFile;
using stevedore::graph::ImageInstance;
using stevedore::graph::Selection;
using stevedore::graph::SelectionRequest;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const DefinitionFile file{"fuzz.yaml", std::string(reinterpret_cast<const char*>(bytes), size)};
  CatalogOptions options;
  options.default_platform = "linux/amd64";
  options.lenient = size % 2 == 0;
  const auto catalog = Catalog::Parse({file}, {file}, Configuration(), options);
  if (!catalog.ok()) return 0;
  SelectionRequest request;
  for (const ImageInstance& image : catalog->instances()) {
    request.names.push_back(image.definition_name);
  }
  request.cascade = true;
  request.overrides.semver_templates = {"{{ .Major }}"};
  (void)Selection::Create(*catalog, request);
  for (const std::string& name : catalog->wildcards()) {
    SelectionRequest one;
    one.names = {name + ":1.2"};
    (void)Selection::Create(*catalog, one);
  }
  return 0;
}
