#include "services/profile/rpc/profile_config.h"

#include "absl/strings/match.h"
#include "common/base/ids.h"
#include "common/embedding/hashing_embedder.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::profile {

void ProfileConfig::AddTo(Schema& schema) {
  schema.Add("data_dir", &data_dir, "Folder of the record.");
  schema.Add("backup.dir", &backup_dir,
             "Folder for backups and the journal of deletions; empty: none.");
  service.AddTo(schema);
  schema
      .Add("workers.threads", &worker_threads,
           "Threads that check and embed batches.")
      .Range(1, 256);
  schema
      .Add("embedding.embedder", &embedder,
           "Who makes vectors: hashing, or caller for vectors in requests.")
      .OneOf({"hashing", "caller"});
  schema
      .Add("embedding.dimension", &dimension,
           "Numbers per side of a vector; a power of 2 for hashing.")
      .Range(16, 4096);
  schema.Add("embedding.model", &model,
             "Name of the callers' model, which their vectors must state.");
  schema
      .Add("expiry.period", &sweep_period,
           "How often the passing of time is committed.")
      .Range(1, 60);
  schema
      .Add("engagements.hold", &engagements.hold,
           "How long a request holds its seat.")
      .Range(1, 90 * 86'400);
  schema
      .Add("engagements.cool_down", &engagements.cool_down,
           "How long a member that declined is not asked again.")
      .Range(0, 365 * 86'400);
  schema
      .Add("engagements.max_open_requests", &engagements.max_open_requests,
           "Requests that one seeker may have without an answer.")
      .Range(1, 1000);
  schema
      .Add("engagements.weekly_requests", &engagements.weekly_requests,
           "Requests that one mentor gets in any 7 days; 0: no limit.")
      .Range(0, 10'000);
}

absl::StatusOr<std::unique_ptr<ProfileIngest>> MakeIngest(
    const ProfileConfig& config) {
  if (config.embedder == "caller") {
    // It stands in the name of the space, whose parts are split by slashes.
    if (!IsValidId(config.model) ||
        absl::StartsWith(config.model, "hashing-")) {
      return InvalidField("embedding.model",
                          "must be an id that does not begin with hashing-");
    }
    return std::make_unique<ProfileIngest>(
        static_cast<size_t>(config.dimension), config.model);
  }
  MITRA_ASSIGN_OR_RETURN(auto embedder,
                         embedding::HashingEmbedder::Create(config.dimension));
  return std::make_unique<ProfileIngest>(std::move(embedder));
}

}  // namespace mitra::profile
