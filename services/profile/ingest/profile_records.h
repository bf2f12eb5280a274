// The record of profiles, as callers use it.

#ifndef MITRA_SERVICES_PROFILE_INGEST_PROFILE_RECORDS_H_
#define MITRA_SERVICES_PROFILE_INGEST_PROFILE_RECORDS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/base/clock.h"
#include "common/rpc/call_context.h"
#include "common/rpc/executor.h"
#include "common/rpc/task.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/profile/ingest/engagement_plan.h"
#include "services/profile/ingest/profile_ingest.h"
#include "services/profile/ingest/redirects.h"
#include "services/profile/ingest/request_validation.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// Safe for concurrent calls. The contract of each method is that of the service
// Profiles (proto/mitra/v1/profiles_service.proto). Batches and lists run on
// the executor, all else on the caller's thread until it waits for the disk.
class ProfileRecords {
 public:
  // All must outlive the object.
  ProfileRecords(RecordStore& store, const ProfileIngest& ingest,
                 rpc::Executor& executor, const Clock& clock,
                 const Redirects& redirects, EngagementRules rules = {});

  rpc::Task<absl::Status> Upsert(rpc::CallContext& call,
                                 const v1::UpsertProfileRequest& request,
                                 v1::Profile& response);
  rpc::Task<absl::Status> Update(rpc::CallContext& call,
                                 const v1::UpdateProfileRequest& request,
                                 v1::Profile& response);
  rpc::Task<absl::Status> Delete(rpc::CallContext& call,
                                 const v1::DeleteProfileRequest& request,
                                 v1::DeleteProfileResponse& response);
  rpc::Task<absl::Status> Verify(rpc::CallContext& call,
                                 const v1::VerifyProfileRequest& request,
                                 v1::Profile& response);
  rpc::Task<absl::Status> BatchUpsert(
      rpc::CallContext& call, const v1::BatchUpsertProfilesRequest& request,
      v1::BatchUpsertProfilesResponse& response);
  absl::Status Get(const rpc::CallContext& call,
                   const v1::GetProfileRequest& request, v1::Profile& response);
  rpc::Task<absl::Status> BatchGet(rpc::CallContext& call,
                                   const v1::BatchGetProfilesRequest& request,
                                   v1::BatchGetProfilesResponse& response);
  rpc::Task<absl::Status> List(rpc::CallContext& call,
                               const v1::ListProfilesRequest& request,
                               v1::ListProfilesResponse& response);

 private:
  // The profile as the caller may see it; NOT_FOUND if it may not.
  absl::StatusOr<v1::Profile> See(const rpc::CallContext& call,
                                  const Entity& entity,
                                  v1::ProfileView view) const;
  // An engagement between the two goes on.
  absl::StatusOr<bool> WorkTogether(const std::string& a,
                                    absl::string_view b) const;
  // The contact of a member, for an actor that works with it.
  absl::Status AddContact(const rpc::CallContext& call,
                          const std::string& actor, const Entity& entity,
                          v1::Profile& response) const;
  absl::StatusOr<bool> Blocked(absl::string_view a, absl::string_view b) const;
  // The stored profile, if the caller may change it; else NOT_FOUND.
  absl::StatusOr<Entity> Changeable(const rpc::CallContext& call,
                                    absl::string_view profile_id) const;
  // The answer to a write: the entity that it stored, as its owner sees it.
  absl::StatusOr<v1::Profile> Answer(const rpc::CallContext& call,
                                     Entity written,
                                     const OperationResult& result) const;

  RecordStore& store_;
  const ProfileIngest& ingest_;
  rpc::Executor& executor_;
  const Clock& clock_;
  const Redirects& redirects_;
  const EngagementRules rules_;
  PageTokens tokens_;
};

// Fills in a row's result from the verdict of the record.
void SetRowResult(const OperationResult& result, v1::RowResult& row);
void SetRejected(const absl::Status& status, v1::RowResult& row);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_PROFILE_RECORDS_H_
