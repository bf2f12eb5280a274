#include "services/profile/ingest/relation_records.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/observability/metrics.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/profile/ingest/access.h"
#include "services/profile/ingest/commit.h"
#include "services/profile/ingest/feedback_puts.h"
#include "services/profile/ingest/relation_puts.h"

namespace mitra::profile {
namespace {

constexpr int kMaxRows = 1000;

v1::Block BlockOf(absl::string_view blocker, absl::string_view blocked) {
  v1::Block block;
  block.set_blocker_id(std::string(blocker));
  block.set_blocked_id(std::string(blocked));
  return block;
}

}  // namespace

RelationRecords::RelationRecords(
    RecordStore& store, const Clock& clock, const Redirects& redirects,
    std::function<void(absl::string_view)> on_shown)
    : store_(store),
      clock_(clock),
      redirects_(redirects),
      on_shown_(std::move(on_shown)),
      tokens_(store.info().id_hash_key, clock) {}

absl::Status RelationRecords::CheckOwn(const rpc::CallContext& call,
                                       absl::string_view member) const {
  MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> entity,
                         store_.Get(EntityType::kProfile, member));
  if (!entity || !SeesAll(call, *entity)) {
    return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                     "no such profile");
  }
  return absl::OkStatus();
}

rpc::Task<absl::Status> RelationRecords::CreateBlock(
    rpc::CallContext& call, const v1::CreateBlockRequest& request,
    v1::Block& response) {
  v1::Block block = BlockOf(request.blocker_id(), request.blocked_id());
  redirects_.Resolve(*block.mutable_blocker_id());
  redirects_.Resolve(*block.mutable_blocked_id());
  MITRA_CO_ASSIGN_OR_RETURN(Put put, PrepareBlock(block, FieldPath("")));
  MITRA_CO_RETURN_IF_ERROR(CheckParty(call, request.blocker_id()));
  WriteBatch batch = BatchFor(call, clock_.Now());
  batch.Add(std::move(put));
  absl::StatusOr<OperationResult> result =
      co_await CommitOne(call, store_, std::move(batch));
  if (!result.ok()) co_return result.status();
  response = block;
  SetTime(result->create_time, *response.mutable_create_time());
  response.set_revision(result->revision);
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> RelationRecords::DeleteBlock(
    rpc::CallContext& call, const v1::DeleteBlockRequest& request) {
  v1::Block block = BlockOf(request.blocker_id(), request.blocked_id());
  redirects_.Resolve(*block.mutable_blocker_id());
  redirects_.Resolve(*block.mutable_blocked_id());
  MITRA_CO_RETURN_IF_ERROR(ValidateBlock(block, FieldPath("")));
  MITRA_CO_RETURN_IF_ERROR(CheckParty(call, request.blocker_id()));
  MITRA_CO_RETURN_IF_ERROR(CheckOwn(call, block.blocker_id()));
  Put put;
  put.type = EntityType::kBlock;
  put.key = BlockKey(block.blocker_id(), block.blocked_id());
  put.mode = Put::Mode::kUpdate;
  put.derived = true;
  put.removed = true;
  put.body = block.SerializeAsString();
  WriteBatch batch = BatchFor(call, clock_.Now());
  // Whoever may act for the blocker may take back what others set for it.
  batch.authority.all_members = true;
  batch.Add(std::move(put));
  absl::StatusOr<OperationResult> result =
      co_await CommitOne(call, store_, std::move(batch));
  co_return absl::IsNotFound(result.status()) ? absl::OkStatus()
                                              : result.status();
}

absl::Status RelationRecords::ListBlocks(const rpc::CallContext& call,
                                         const v1::ListBlocksRequest& request,
                                         v1::ListBlocksResponse& response) {
  MITRA_RETURN_IF_ERROR(ValidateId("blocker_id", request.blocker_id()));
  MITRA_RETURN_IF_ERROR(CheckParty(call, request.blocker_id()));
  MITRA_ASSIGN_OR_RETURN(const size_t page_size, PageSize(request.page_size()));
  const std::string query = absl::StrCat("blocks/", request.blocker_id());
  MITRA_ASSIGN_OR_RETURN(const std::string after,
                         tokens_.Decode(query, request.page_token()));
  std::string blocker = request.blocker_id();
  redirects_.Resolve(blocker);
  MITRA_RETURN_IF_ERROR(CheckOwn(call, blocker));
  MITRA_ASSIGN_OR_RETURN(const EntityPage page,
                         store_.ListLinked(blocker, Relation::kBlocker, after,
                                           {page_size, 256 << 10}));
  for (const Entity& entity : page.entities) {
    v1::Block& block = *response.add_blocks();
    if (entity.damaged || !block.ParseFromString(entity.body)) {
      response.mutable_blocks()->RemoveLast();
      continue;
    }
    SetTime(entity.create_time, *block.mutable_create_time());
    block.set_revision(entity.revision);
  }
  if (page.more && !page.entities.empty()) {
    response.set_next_page_token(
        tokens_.Encode(query, page.entities.back().key));
  }
  return absl::OkStatus();
}

rpc::Task<absl::Status> RelationRecords::SetConsent(
    rpc::CallContext& call, const v1::SetConsentRequest& request,
    v1::Consent& response) {
  MITRA_CO_RETURN_IF_ERROR(RefuseDelegates(call));
  v1::Consent consent;
  consent.set_profile_id(request.profile_id());
  redirects_.Resolve(*consent.mutable_profile_id());
  consent.set_purpose(request.purpose());
  consent.set_granted(request.granted());
  consent.set_receipt_id(request.receipt_id());
  MITRA_CO_ASSIGN_OR_RETURN(Put put, PrepareConsent(consent, FieldPath("")));
  MITRA_CO_RETURN_IF_ERROR(CheckParty(call, request.profile_id()));
  WriteBatch batch = BatchFor(call, clock_.Now());
  batch.Add(std::move(put));
  absl::StatusOr<OperationResult> result =
      co_await CommitOne(call, store_, std::move(batch));
  if (!result.ok()) co_return result.status();
  response = std::move(consent);
  SetTime(result->update_time, *response.mutable_record_time());
  response.set_revision(result->revision);
  co_return absl::OkStatus();
}

absl::Status RelationRecords::ListConsents(
    const rpc::CallContext& call, const v1::ListConsentsRequest& request,
    v1::ListConsentsResponse& response) {
  MITRA_RETURN_IF_ERROR(ValidateId("profile_id", request.profile_id()));
  MITRA_RETURN_IF_ERROR(CheckParty(call, request.profile_id()));
  std::string member = request.profile_id();
  redirects_.Resolve(member);
  MITRA_RETURN_IF_ERROR(CheckOwn(call, member));
  MITRA_ASSIGN_OR_RETURN(
      const EntityPage page,
      store_.ListLinked(member, Relation::kConsenting, "", {}));
  for (const Entity& entity : page.entities) {
    v1::Consent& consent = *response.add_consents();
    if (entity.damaged || !consent.ParseFromString(entity.body)) {
      response.mutable_consents()->RemoveLast();
      continue;
    }
    SetTime(entity.update_time, *consent.mutable_record_time());
    consent.set_revision(entity.revision);
  }
  return absl::OkStatus();
}

rpc::Task<absl::Status> RelationRecords::RecordFeedback(
    rpc::CallContext& call, const v1::BatchRecordFeedbackRequest& request,
    v1::BatchRecordFeedbackResponse& response) {
  static Counter& shown =
      Metrics().GetCounter("mitra_impressions_total",
                           "Impressions reported; not kept in the record.");
  const int rows = request.feedback_size();
  MITRA_CO_RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  MITRA_CO_RETURN_IF_ERROR(ValidateBatchSize("feedback", rows, kMaxRows));
  if (!request.actor_id().empty()) {
    MITRA_CO_RETURN_IF_ERROR(ValidateId("actor_id", request.actor_id()));
  }
  MITRA_CO_RETURN_IF_ERROR(CheckParty(call, request.actor_id()));
  const absl::Time now = clock_.Now();
  WriteBatch batch = BatchFor(call, now);
  batch.request =
      RequestKeyFor(call, "BatchRecordFeedback", request.request_id(), request);
  const FeedbackSource source = {CallerKey(call), request.actor_id(),
                                 store_.info().token_key, redirects_, now};
  std::vector<int> rows_of_operations;
  for (int i = 0; i < rows; ++i) {
    google::rpc::Status& status = *response.add_statuses();
    absl::StatusOr<Put> put =
        PrepareFeedback(request.feedback(i), source, FieldPath("feedback", i));
    if (!put.ok()) {
      status = ToRpcStatus(put.status());
    } else if (request.feedback(i).kind() == v1::FEEDBACK_KIND_SHOWN) {
      shown.Increment();
      if (on_shown_) on_shown_(request.feedback(i).attribution_token());
    } else {
      rows_of_operations.push_back(i);
      batch.Add(*std::move(put));
    }
  }
  if (batch.operations.empty()) co_return absl::OkStatus();
  absl::StatusOr<CommitResult> result =
      co_await CommitFor(call, store_, std::move(batch));
  if (!result.ok()) co_return result.status();
  for (size_t k = 0; k < rows_of_operations.size(); ++k) {
    if (k >= result->results.size()) continue;
    const absl::Status& status = result->results[k].status;
    if (status.ok()) continue;
    *response.mutable_statuses(rows_of_operations[k]) = ToRpcStatus(status);
  }
  co_return absl::OkStatus();
}

}  // namespace mitra::profile
