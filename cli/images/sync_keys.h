// The tables of the maps in a file for `sync`.

#ifndef STEVEDORE_CLI_IMAGES_SYNC_KEYS_H_
#define STEVEDORE_CLI_IMAGES_SYNC_KEYS_H_

#include "graph/key_table.h"

namespace stevedore::cli {

// Top level.
const graph::KeyTable& SyncFileKeys();
// One element of `jobs`.
const graph::KeyTable& SyncJobKeys();
// `defaults`: what a job says of itself wins.
const graph::KeyTable& SyncDefaultsKeys();
// `delete_limit` and `rate_limit`.
const graph::KeyTable& DeleteLimitKeys();
const graph::KeyTable& RateLimitKeys();
// One registry of a file as `skopeo sync --src yaml` reads it, and its `credentials`.
const graph::KeyTable& SkopeoRegistryKeys();
const graph::KeyTable& SkopeoCredentialsKeys();

}  // namespace stevedore::cli

#endif  // STEVEDORE_CLI_IMAGES_SYNC_KEYS_H_
