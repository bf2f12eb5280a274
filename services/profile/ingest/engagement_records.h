// Engagements, as callers use them.

#ifndef MITRA_SERVICES_PROFILE_INGEST_ENGAGEMENT_RECORDS_H_
#define MITRA_SERVICES_PROFILE_INGEST_ENGAGEMENT_RECORDS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "common/base/clock.h"
#include "common/rpc/call_context.h"
#include "common/rpc/executor.h"
#include "common/rpc/task.h"
#include "mitra/v1/engagements_service.pb.h"
#include "services/profile/ingest/engagement_plan.h"
#include "services/profile/ingest/request_validation.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// Safe for concurrent calls. The contract of each method is that of the service
// Engagements (proto/mitra/v1/engagements_service.proto). A member acts for
// itself only; a platform for the members that it owns.
class EngagementRecords {
 public:
  // All must outlive the object.
  EngagementRecords(RecordStore& store, rpc::Executor& executor,
                    const Clock& clock, EngagementRules rules = {});

  rpc::Task<absl::Status> Request(rpc::CallContext& call,
                                  const v1::RequestEngagementRequest& request,
                                  v1::Engagement& response);
  absl::Status Get(const rpc::CallContext& call,
                   const v1::GetEngagementRequest& request,
                   v1::Engagement& response);
  rpc::Task<absl::Status> List(rpc::CallContext& call,
                               const v1::ListEngagementsRequest& request,
                               v1::ListEngagementsResponse& response);
  rpc::Task<absl::Status> Change(rpc::CallContext& call,
                                 const v1::ChangeEngagementRequest& request,
                                 v1::Engagement& response);

 private:
  // OK if the caller may act for the member; else NOT_FOUND.
  absl::Status CheckActsFor(const rpc::CallContext& call,
                            absl::string_view member) const;
  absl::StatusOr<v1::Engagement> Read(absl::string_view engagement_id) const;
  absl::StatusOr<v1::Engagement> View(const Entity& entity) const;
  // What an earlier call with the same request id asked.
  absl::StatusOr<v1::Engagement> FindMarked(absl::string_view seeker,
                                            absl::string_view mark) const;

  RecordStore& store_;
  rpc::Executor& executor_;
  const Clock& clock_;
  const EngagementRules rules_;
  PageTokens tokens_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_ENGAGEMENT_RECORDS_H_
