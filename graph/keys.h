// The tables of all maps that users write, but for drivers' options (drivers.h).

#ifndef STEVEDORE_GRAPH_KEYS_H_
#define STEVEDORE_GRAPH_KEYS_H_

#include "graph/key_table.h"

namespace stevedore::graph {

// Top level of a configuration file; `images` and `builders` may be in it too.
const KeyTable& ConfigurationKeys();
// Below `credentials` of a configuration.
const KeyTable& CredentialsKeys();
// Below `registries.HOST` of a configuration.
const KeyTable& RegistryKeys();
// Top level of a file with images and builders, without the configuration's keys.
const KeyTable& DefinitionFileKeys();
// One image: `images.NAME.VERSION`.
const KeyTable& ImageKeys();
// One builder: `builders.NAME`, or `builder` of an image.
const KeyTable& BuilderKeys();
// One element of `context`, and what is below its `git` and `git.auth`.
const KeyTable& ContextKeys();
const KeyTable& GitKeys();
const KeyTable& GitAuthKeys();
// `variables_mapping` of a builder. Default values are the arguments' names.
const KeyTable& MappingKeys();

}  // namespace stevedore::graph

#endif  // STEVEDORE_GRAPH_KEYS_H_
