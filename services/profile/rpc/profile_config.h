// What can be configured of the profile service.

#ifndef MITRA_SERVICES_PROFILE_RPC_PROFILE_CONFIG_H_
#define MITRA_SERVICES_PROFILE_RPC_PROFILE_CONFIG_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/config/schema.h"
#include "common/config/service_config.h"
#include "services/profile/ingest/engagement_plan.h"
#include "services/profile/ingest/profile_ingest.h"

namespace mitra::profile {

struct ProfileConfig {
  std::string data_dir;
  std::string backup_dir;
  ServiceConfig service;
  int worker_threads = 2;
  std::string embedder = "hashing";
  int dimension = 128;
  std::string model = "caller";
  absl::Duration sweep_period = absl::Seconds(30);
  EngagementRules engagements;

  void AddTo(Schema& schema);
};

// INVALID_ARGUMENT, naming the setting, for a model or dimension that cannot
// be.
absl::StatusOr<std::unique_ptr<ProfileIngest>> MakeIngest(
    const ProfileConfig& config);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_RPC_PROFILE_CONFIG_H_
