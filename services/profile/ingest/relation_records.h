// Blocks, consents and feedback, as callers use them.

#ifndef MITRA_SERVICES_PROFILE_INGEST_RELATION_RECORDS_H_
#define MITRA_SERVICES_PROFILE_INGEST_RELATION_RECORDS_H_

#include <functional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/base/clock.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"
#include "mitra/v1/feedback_service.pb.h"
#include "mitra/v1/relations_service.pb.h"
#include "services/profile/ingest/redirects.h"
#include "services/profile/ingest/request_validation.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// Safe for concurrent calls. The contracts are those of the services Relations
// and FeedbackRecords.
class RelationRecords {
 public:
  // All must outlive the object. `on_shown` is called with the token of each
  // impression, on any thread.
  RelationRecords(RecordStore& store, const Clock& clock,
                  const Redirects& redirects,
                  std::function<void(absl::string_view)> on_shown = nullptr);

  rpc::Task<absl::Status> CreateBlock(rpc::CallContext& call,
                                      const v1::CreateBlockRequest& request,
                                      v1::Block& response);
  rpc::Task<absl::Status> DeleteBlock(rpc::CallContext& call,
                                      const v1::DeleteBlockRequest& request);
  absl::Status ListBlocks(const rpc::CallContext& call,
                          const v1::ListBlocksRequest& request,
                          v1::ListBlocksResponse& response);
  rpc::Task<absl::Status> SetConsent(rpc::CallContext& call,
                                     const v1::SetConsentRequest& request,
                                     v1::Consent& response);
  absl::Status ListConsents(const rpc::CallContext& call,
                            const v1::ListConsentsRequest& request,
                            v1::ListConsentsResponse& response);

  // Impressions are checked and passed on, not kept. Other feedback hangs on the
  // subject and the candidate of its token, and goes with either.
  rpc::Task<absl::Status> RecordFeedback(
      rpc::CallContext& call, const v1::BatchRecordFeedbackRequest& request,
      v1::BatchRecordFeedbackResponse& response);

 private:
  // NOT_FOUND unless the member exists and the caller may see all of it.
  absl::Status CheckOwn(const rpc::CallContext& call,
                        absl::string_view member) const;

  RecordStore& store_;
  const Clock& clock_;
  const Redirects& redirects_;
  const std::function<void(absl::string_view)> on_shown_;
  PageTokens tokens_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_RELATION_RECORDS_H_
