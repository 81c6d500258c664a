// One image of a build with no question left open: what travels to the coordinator.

#ifndef STEVEDORE_GRAPH_RESOLVED_IMAGE_H_
#define STEVEDORE_GRAPH_RESOLVED_IMAGE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "graph/source_location.h"

namespace stevedore::graph {

// How to reach a git context: everything but the secret. A value.
struct GitContext {
  std::string repository;            // URL; never empty in a git context.
  std::string reference;             // Branch, tag, full ref or commit; empty: the default branch.
  std::string path;                  // Folder that becomes the root; empty: the whole tree.
  std::string credentials_id;        // Of the credential store; empty: anonymous or agent.
  std::string username;              // With `password`: HTTP basic.
  std::string password;              // Inline secret as the file has it. Never print.
  std::string private_key_file;      // SSH key.
  std::string private_key_password;  // Of that key. Never print.
  std::string ssh_user;              // Empty: "git".
};

// One build context as the definition names it. A value.
struct ContextSpec {
  // Local folder as the user wrote it (see Configuration::paths_relative_to); empty: `git` is set.
  std::string path;
  // Where to open it: `path`, below the definition's folder where the configuration says so.
  std::string resolved_path;
  std::optional<GitContext> git;
  SourceLocation where;
};

// The URL of a git repository for people: without password, and without user where that is a secret
// too (http). Thread-safe.
std::string ShownRepository(const std::string& repository);

// What a context is called in messages and lists: its folder, or "URL#REFERENCE:PATH" without user
// and password. Thread-safe.
std::string ContextName(const ContextSpec& context);

// One image with every template rendered and every default filled in. Mirrors v1.Image. A value.
struct ResolvedImage {
  // "DEFINITION NAME:RENDERED VERSION", unique within a catalog.
  std::string id;
  // Keys of the definition in the images tree.
  std::string definition_name;
  std::string definition_version;
  // "[registry/][namespace/]name:version".
  std::string reference;
  // Extra tags as full references in the same repository: of the definition, semver, command line;
  // each once, and never the main reference.
  std::vector<std::string> tags;
  // Those of `tags` that nobody wrote: made of a semantic version.
  std::vector<std::string> semver_tags;
  // "os/arch[/variant]", at least one.
  std::vector<std::string> platforms;
  // Ids. The first is the base (`FROM`), others contribute layers.
  std::vector<std::string> parents;
  // "assemble", "sleep", ...; "none": no builder, the image is made elsewhere.
  std::string driver;
  // The driver's options as canonical JSON (an object), without `context`.
  std::string options_json = "{}";
  // Build variables, automatic ones included, as the driver gets them.
  std::map<std::string, std::string> arguments;
  // Which of `arguments` are automatic ones about the base, by argument name: "reference", "tag",
  // "name", "registry" or "namespace". Drivers pin those to the very parent that was built;
  // what the user set is not here.
  std::map<std::string, std::string> parent_arguments;
  std::map<std::string, std::string> labels;
  // "arg NAME" and "label NAME" for values that templates made from dates: handed to the driver,
  // not in the build key.
  std::vector<std::string> volatile_names;
  // In merge order, later wins.
  std::vector<ContextSpec> contexts;
  // Seconds since 1970, when SOURCE_DATE_EPOCH is set.
  std::optional<int64_t> source_date_epoch;
  // Name of the builder, for lists: a global builder's, or "name:version" for one written in place.
  std::string builder;
  // Where the definition stands.
  SourceLocation where;
};

// A parent that is not built along: an image made elsewhere, or one outside the selection. A value.
struct ExternalParent {
  // As ResolvedImage::parents name it.
  std::string id;
  std::string reference;
  // It has a builder this version can run, so it can be added with Selection's `include`.
  bool buildable = false;
  // The selected images that build on it, by id; empty if it was named itself but has no builder.
  std::vector<std::string> needed_by;
  // Where it is defined; where the child is, if only the command line names it.
  SourceLocation where;
};

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_RESOLVED_IMAGE_H_
