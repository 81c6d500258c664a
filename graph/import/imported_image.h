// What every foreign build file is read into before it becomes definitions.

#ifndef STEVEDORE_GRAPH_IMPORT_IMPORTED_IMAGE_H_
#define STEVEDORE_GRAPH_IMPORT_IMPORTED_IMAGE_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "nlohmann/json.hpp"

namespace stevedore::graph {

// Something in the foreign file that definitions do not have, or have differently. A value.
struct ImportNote {
  std::string place;  // "FILE#/target/app/attest" or "FILE:3:5".
  std::string text;
  // Further lines for the written file, such as a Dockerfile that stood inside.
  std::string attachment = "";
};

// A context that is another image of the same file, or something that the builder fetches.
struct ImportedContext {
  std::string name;  // As FROM and COPY --from have it.
  // The image of the same file that it is; empty: `value` says what it is.
  std::string image;
  std::string value;  // A folder, "docker-image://...", a git or http URL.
  std::string place;
};

// One target of bake or one service of compose. A value.
struct ImportedImage {
  std::string name;  // Of the target or service.
  std::string place;
  // Full references; the first is the image's own. Empty: named like the target.
  std::vector<std::string> references;
  // False: an image that is made elsewhere, and only named.
  bool is_built = true;
  std::string context = ".";  // A folder or a URL.
  // Where its text is in the file, relative to the context.
  std::string dockerfile = "";
  std::string dockerfile_inline = "";
  std::vector<ImportedContext> contexts = {};
  std::map<std::string, std::string> arguments = {};
  std::map<std::string, std::string> labels = {};
  std::vector<std::string> platforms = {};
  // What else the driver is told, in its own words.
  nlohmann::ordered_json options = nlohmann::ordered_json::object();
};

// A foreign file, read.
struct ImportedFile {
  std::vector<ImportedImage> images;
  std::vector<ImportNote> notes;
  // Groups with the images that they name.
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_IMPORT_IMPORTED_IMAGE_H_
