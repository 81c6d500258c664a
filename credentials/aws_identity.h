// Who we are to AWS: the places where its own tools find keys, in their order.

#ifndef STEVEDORE_CREDENTIALS_AWS_IDENTITY_H_
#define STEVEDORE_CREDENTIALS_AWS_IDENTITY_H_

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "credentials/aws_profiles.h"
#include "credentials/aws_service.h"
#include "credentials/aws_signature.h"
#include "credentials/record.h"

namespace stevedore::credentials {

// True if `record` says how to get an identity at AWS. Thread-safe.
bool IsAwsRecord(const Record& record);

// Finds the keys that one record asks for. Not thread-safe; one for each search.
class AwsIdentity {
 public:
  // Both must outlive this.
  AwsIdentity(AwsService* service, const Record* record) : service_(service), record_(record) {}

  // The region: the record's; else that of `host_region` (what the registry's name says), which
  // knows better than settings for everything; else AWS_REGION, AWS_DEFAULT_REGION, the profile's.
  // INVALID_ARGUMENT, with all of these, if none says.
  absl::StatusOr<std::string> Region(const std::string& host_region);

  // Static keys of the record; else those of the default chain (the record's profile first; then
  // variables, web identity, shared files, container, instance metadata). Of the record's role, if
  // it names one, which these are then traded for. Errors name the places that were looked at.
  absl::StatusOr<AwsKeys> Keys(const std::string& region);

 private:
  // One role to be assumed, from a record, a profile or variables.
  struct Role {
    std::string arn, session_name, external_id, duration_seconds;
  };
  using MaybeKeys = absl::StatusOr<std::optional<AwsKeys>>;

  absl::Status LoadProfiles();
  std::string ProfileName() const;
  absl::StatusOr<AwsKeys> Chain();
  MaybeKeys FromVariables();
  MaybeKeys FromWebIdentity(const std::string& file, const Role& role, const std::string& origin);
  // `explicitly`: the user named it, so it must exist.
  MaybeKeys FromProfile(const std::string& name, bool explicitly);
  MaybeKeys FromProfileRole(const std::string& name, const AwsProfile& profile);
  MaybeKeys FromStaticProfile(const std::string& name, const AwsProfile& profile);
  MaybeKeys FromProgram(const std::string& command, const std::string& origin);
  MaybeKeys FromContainer();
  MaybeKeys FromInstance();
  absl::StatusOr<AwsKeys> Assume(const Role& role, const AwsKeys& keys, const std::string& origin);
  absl::StatusOr<AwsKeys> CallSts(const std::string& action, const std::string& body,
                                  const AwsKeys* keys, const std::string& origin);

  AwsService* const service_;
  const Record* const record_;
  bool loaded_ = false;
  AwsProfiles profiles_;
  std::set<std::string> visited_;    // Profiles that are being followed.
  std::vector<std::string> looked_;  // Where there was nothing, for the error.
  std::string region_;
};

}  // namespace stevedore::credentials

#endif  // STEVEDORE_CREDENTIALS_AWS_IDENTITY_H_
