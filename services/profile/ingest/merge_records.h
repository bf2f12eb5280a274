// Two members that turn out to be one.

#ifndef MITRA_SERVICES_PROFILE_INGEST_MERGE_RECORDS_H_
#define MITRA_SERVICES_PROFILE_INGEST_MERGE_RECORDS_H_

#include "absl/status/status.h"
#include "common/base/clock.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/profile/ingest/engagement_plan.h"
#include "services/profile/ingest/profile_ingest.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// Safe for concurrent calls.
class MergeRecords {
 public:
  // All must outlive the object.
  MergeRecords(RecordStore& store, const ProfileIngest& ingest,
               const Clock& clock, EngagementRules rules)
      : store_(store), ingest_(ingest), clock_(clock), rules_(rules) {}

  // As in profiles_service.proto. All in one transaction: for followers the
  // member that goes is deleted, and what moves is news of the one that stays.
  rpc::Task<absl::Status> Merge(rpc::CallContext& call,
                                const v1::MergeProfilesRequest& request,
                                v1::Profile& response);

 private:
  RecordStore& store_;
  const ProfileIngest& ingest_;
  const Clock& clock_;
  const EngagementRules rules_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_MERGE_RECORDS_H_
