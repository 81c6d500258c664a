// What is to be mirrored where.

#ifndef STEVEDORE_TRANSFER_SYNC_JOB_H_
#define STEVEDORE_TRANSFER_SYNC_JOB_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "credentials/credential.h"
#include "oci/image/digest.h"
#include "oci/image/platform.h"
#include "transfer/endpoint.h"
#include "transfer/tag_rules.h"

namespace stevedore::transfer {

// Deletions are refused as a whole if they are more than `tags` or more than `percent` of the tags
// that are there: an empty answer of the source must not empty the mirror. A value.
struct DeleteLimit {
  int tags = 10;
  int percent = 50;
};

// How one side of a job is entered, where the usual way is not meant. A value.
struct SyncAccess {
  std::string credentials_id;  // In the store of credentials; empty: as the registry's name says.
  std::optional<credentials::Credential> login;  // Wins over the id.
  bool insecure = false;                         // Plain HTTP, or any certificate.
  std::string certificate_directory;             // With *.crt, *.cert and *.key; may be empty.

  bool usual() const {
    return credentials_id.empty() && !login.has_value() && !insecure &&
           certificate_directory.empty();
  }
};

// One repository that another one follows. A value.
struct SyncJob {
  std::string name;
  // Their tags and digests do not count: that is what `tags` and `digests` are for. A `dir:`
  // destination is one folder for each image: PATH:TAG.
  Endpoint source;
  Endpoint destination;
  TagRules tags;
  std::vector<oci::Digest> digests;         // Copied without a tag.
  std::vector<oci::Platform> platforms;     // Empty: all.
  bool referrers = false;                   // And what refers to the images.
  std::vector<std::string> artifact_types;  // Of referrers; empty: all.
  std::string tag_suffix;                   // Put behind each tag at the destination.
  bool delete_extraneous = false;           // Tags of the destination that no rule selects.
  DeleteLimit delete_limit;
  SyncAccess source_access, destination_access;
};

// All jobs of a file, and how fast they may run. A value.
struct SyncSettings {
  std::vector<SyncJob> jobs;
  int parallel = 4;                // Tags at once, over all jobs.
  double bytes_per_second = 0;     // Of blobs read, over all jobs. 0: no limit.
  double requests_per_second = 0;  // To registries, over all jobs. 0: no limit.
};

}  // namespace stevedore::transfer

#endif  // STEVEDORE_TRANSFER_SYNC_JOB_H_
