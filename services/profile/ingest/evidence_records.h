// The record of evidence, as callers use it.

#ifndef MITRA_SERVICES_PROFILE_INGEST_EVIDENCE_RECORDS_H_
#define MITRA_SERVICES_PROFILE_INGEST_EVIDENCE_RECORDS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/rpc/call_context.h"
#include "common/rpc/executor.h"
#include "common/rpc/task.h"
#include "common/validation/field_checks.h"
#include "mitra/v1/evidence_service.pb.h"
#include "services/profile/ingest/redirects.h"
#include "services/profile/ingest/request_validation.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// The write that records a piece of evidence at `now`; INVALID_ARGUMENT names
// the fields from `path` on. `links` of the result name their fields the same
// way. The author must be the caller's own member.
absl::StatusOr<Put> PrepareEvidence(v1::Evidence evidence,
                                    const FieldPath& path, absl::Time now);

// Evidence as it is stored. Without `all` the words and the caller's reference
// are left out. INTERNAL (DAMAGED_RECORD) if the bytes cannot be read.
absl::StatusOr<v1::Evidence> EvidenceOf(const Entity& entity, bool all);

// Safe for concurrent calls. The contract of each method is that of the service
// EvidenceRecords (proto/mitra/v1/evidence_service.proto).
class EvidenceRecords {
 public:
  // All must outlive the object.
  EvidenceRecords(RecordStore& store, rpc::Executor& executor,
                  const Clock& clock, const Redirects& redirects);

  rpc::Task<absl::Status> Create(rpc::CallContext& call,
                                 const v1::CreateEvidenceRequest& request,
                                 v1::Evidence& response);
  rpc::Task<absl::Status> BatchCreate(
      rpc::CallContext& call, const v1::BatchCreateEvidenceRequest& request,
      v1::BatchCreateEvidenceResponse& response);
  absl::Status Get(const rpc::CallContext& call,
                   const v1::GetEvidenceRequest& request,
                   v1::Evidence& response);
  rpc::Task<absl::Status> List(rpc::CallContext& call,
                               const v1::ListEvidenceRequest& request,
                               v1::ListEvidenceResponse& response);
  rpc::Task<absl::Status> Withdraw(rpc::CallContext& call,
                                   const v1::WithdrawEvidenceRequest& request);
  rpc::Task<absl::Status> Contest(rpc::CallContext& call,
                                  const v1::ContestEvidenceRequest& request,
                                  v1::Evidence& response);

 private:
  RecordStore& store_;
  rpc::Executor& executor_;
  const Clock& clock_;
  const Redirects& redirects_;
  PageTokens tokens_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_EVIDENCE_RECORDS_H_
