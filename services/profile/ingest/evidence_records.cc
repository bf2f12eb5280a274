#include "services/profile/ingest/evidence_records.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/profile/ingest/access.h"
#include "services/profile/ingest/commit.h"
#include "services/profile/ingest/profile_records.h"

namespace mitra::profile {
namespace {

constexpr int kMaxRows = 1000;
constexpr int kMaxAttempts = 8;
constexpr size_t kMaxAnswerBytes = 2 << 20;

absl::Status NoEvidence() {
  return MakeError(absl::StatusCode::kNotFound, "EVIDENCE_NOT_FOUND",
                   "no such evidence");
}

absl::Status Busy() {
  return WithRetryDelay(MakeError(absl::StatusCode::kResourceExhausted,
                                  "QUEUE_FULL", "too many batches wait"),
                        absl::Milliseconds(200));
}

// What is kept of withdrawn evidence: whom it had concerned.
std::string OnlyIds(const v1::Evidence& evidence) {
  v1::Evidence ids;
  ids.set_evidence_id(evidence.evidence_id());
  ids.set_author_id(evidence.author_id());
  ids.set_about_id(evidence.about_id());
  return ids.SerializeAsString();
}

Entity EntityOf(const Put& put, const OperationResult& result) {
  Entity entity;
  entity.type = EntityType::kEvidence;
  entity.key = put.key;
  entity.body = put.body;
  entity.secret = put.secret;
  entity.revision = result.revision;
  entity.owner = result.owner;
  entity.create_time = result.create_time;
  return entity;
}

// What a moderator, or the member that the evidence is about, may do.
absl::Status CheckContest(const rpc::CallContext& call,
                          const v1::Evidence& evidence,
                          v1::ContestState wanted) {
  if (!call.identity.is_member()) return absl::OkStatus();
  if (call.identity.member_id != evidence.about_id()) return NoEvidence();
  if (wanted != v1::CONTEST_STATE_UNSPECIFIED &&
      wanted != v1::CONTEST_STATE_CONTESTED) {
    return MakeError(absl::StatusCode::kPermissionDenied, "NOT_A_MODERATOR",
                     "state: only moderators decide");
  }
  if (evidence.contest_state() != v1::CONTEST_STATE_UNSPECIFIED &&
      evidence.contest_state() != v1::CONTEST_STATE_CONTESTED) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "CONTEST_DECIDED",
                     "the contest is decided");
  }
  return absl::OkStatus();
}

// What the audit log is told of a contest.
std::string ContestWord(v1::ContestState state) {
  switch (state) {
    case v1::CONTEST_STATE_CONTESTED:
      return "contested";
    case v1::CONTEST_STATE_UPHELD:
      return "upheld";
    case v1::CONTEST_STATE_DISMISSED:
      return "dismissed";
    default:
      return "taken-back";
  }
}

}  // namespace

absl::StatusOr<Put> PrepareEvidence(v1::Evidence evidence,
                                    const FieldPath& path, absl::Time now) {
  MITRA_RETURN_IF_ERROR(ValidateEvidence(evidence, path, now));
  evidence.DiscardUnknownFields();
  evidence.clear_contest_state();
  evidence.clear_owner();
  evidence.clear_create_time();
  evidence.clear_revision();
  if (evidence.evidence_id().empty()) {
    evidence.set_evidence_id(
        EvidenceIdOf(evidence.author_id(), evidence.about_id(), evidence.kind(),
                     ToTime(evidence.event_time()), evidence.external_ref()));
  }
  Put put;
  put.type = EntityType::kEvidence;
  put.mode = Put::Mode::kCreate;
  put.key = evidence.evidence_id();
  put.content_hash = ContentHash(evidence.SerializeAsString());
  put.links = {{evidence.author_id(), Relation::kAuthor,
                path.Field("author_id").ToString(), /*must_own=*/true},
               {evidence.about_id(), Relation::kAbout,
                path.Field("about_id").ToString(), /*must_own=*/false}};
  v1::Evidence secret;
  secret.set_note(std::move(*evidence.mutable_note()));
  secret.set_external_ref(std::move(*evidence.mutable_external_ref()));
  evidence.clear_note();
  evidence.clear_external_ref();
  put.body = evidence.SerializeAsString();
  put.secret = secret.SerializeAsString();
  return put;
}

absl::StatusOr<v1::Evidence> EvidenceOf(const Entity& entity, bool all) {
  v1::Evidence evidence;
  const bool readable = !entity.damaged &&
                        evidence.ParseFromString(entity.body) &&
                        (!all || evidence.MergeFromString(entity.secret));
  if (!readable) {
    return MakeError(absl::StatusCode::kInternal, "DAMAGED_RECORD",
                     "the stored record cannot be read");
  }
  if (all) evidence.set_owner(entity.owner);
  SetTime(entity.create_time, *evidence.mutable_create_time());
  evidence.set_revision(entity.revision);
  return evidence;
}

EvidenceRecords::EvidenceRecords(RecordStore& store, rpc::Executor& executor,
                                 const Clock& clock, const Redirects& redirects)
    : store_(store),
      executor_(executor),
      clock_(clock),
      redirects_(redirects),
      tokens_(store.info().id_hash_key, clock) {}

rpc::Task<absl::Status> EvidenceRecords::Create(
    rpc::CallContext& call, const v1::CreateEvidenceRequest& request,
    v1::Evidence& response) {
  MITRA_CO_RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  MITRA_CO_RETURN_IF_ERROR(CheckParty(call, request.evidence().author_id()));
  const absl::Time now = clock_.Now();
  MITRA_CO_ASSIGN_OR_RETURN(
      Put put, PrepareEvidence(request.evidence(), FieldPath("evidence"), now));
  MITRA_CO_RETURN_IF_ERROR(redirects_.Follow(put));
  const Put copy = put;
  WriteBatch batch = BatchFor(call, now);
  batch.request =
      RequestKeyFor(call, "CreateEvidence", request.request_id(), request);
  batch.Add(std::move(put));
  absl::StatusOr<OperationResult> result =
      co_await CommitOne(call, store_, std::move(batch));
  if (!result.ok()) co_return result.status();
  if (result->owner.empty()) result->owner = call.identity.credential;
  MITRA_CO_ASSIGN_OR_RETURN(response,
                            EvidenceOf(EntityOf(copy, *result), true));
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> EvidenceRecords::BatchCreate(
    rpc::CallContext& call, const v1::BatchCreateEvidenceRequest& request,
    v1::BatchCreateEvidenceResponse& response) {
  const int rows = request.evidence_size();
  MITRA_CO_RETURN_IF_ERROR(RefuseMembers(call));
  MITRA_CO_RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  MITRA_CO_RETURN_IF_ERROR(ValidateBatchSize("evidence", rows, kMaxRows));
  const bool entered = co_await executor_.Enter();
  if (!entered) co_return Busy();
  const absl::Time now = clock_.Now();
  WriteBatch batch = BatchFor(call, now);
  batch.request =
      RequestKeyFor(call, "BatchCreateEvidence", request.request_id(), request);
  std::vector<int> rows_of_operations;
  for (int i = 0; i < rows; ++i) {
    v1::RowResult& row = *response.add_results();
    row.set_row(i);
    absl::StatusOr<Put> put =
        PrepareEvidence(request.evidence(i), FieldPath("evidence", i), now);
    if (put.ok()) {
      absl::Status followed = redirects_.Follow(*put);
      if (!followed.ok()) put = std::move(followed);
    }
    if (!put.ok()) {
      row.set_id(CutUtf8(request.evidence(i).evidence_id(), 64));
      SetRejected(put.status(), row);
      continue;
    }
    row.set_id(put->key);
    rows_of_operations.push_back(i);
    batch.Add(*std::move(put));
  }
  if (batch.operations.empty()) co_return absl::OkStatus();
  absl::StatusOr<CommitResult> result =
      co_await CommitFor(call, store_, std::move(batch));
  if (!result.ok()) co_return result.status();
  for (size_t k = 0; k < rows_of_operations.size(); ++k) {
    SetRowResult(
        k < result->results.size() ? result->results[k] : OperationResult(),
        *response.mutable_results(rows_of_operations[k]));
  }
  co_return absl::OkStatus();
}

absl::Status EvidenceRecords::Get(const rpc::CallContext& call,
                                  const v1::GetEvidenceRequest& request,
                                  v1::Evidence& response) {
  MITRA_RETURN_IF_ERROR(RefuseMembers(call));
  MITRA_RETURN_IF_ERROR(ValidateId("evidence_id", request.evidence_id()));
  MITRA_ASSIGN_OR_RETURN(
      const std::optional<Entity> entity,
      store_.Get(EntityType::kEvidence, request.evidence_id()));
  if (!entity || !SeesAll(call, *entity)) return NoEvidence();
  MITRA_ASSIGN_OR_RETURN(response, EvidenceOf(*entity, true));
  return absl::OkStatus();
}

rpc::Task<absl::Status> EvidenceRecords::List(
    rpc::CallContext& call, const v1::ListEvidenceRequest& request,
    v1::ListEvidenceResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(RefuseMembers(call));
  FieldChecks checks;
  checks.IdOrEmpty(FieldPath("author_id"), request.author_id());
  checks.IdOrEmpty(FieldPath("about_id"), request.about_id());
  if (request.author_id().empty() && request.about_id().empty()) {
    checks.Add(FieldPath("author_id"), "is required if about_id is empty");
  }
  MITRA_CO_RETURN_IF_ERROR(checks.ToStatus());
  MITRA_CO_ASSIGN_OR_RETURN(const size_t page_size,
                            PageSize(request.page_size()));
  const std::string query =
      absl::StrCat("evidence/", request.author_id(), "/", request.about_id(),
                   "/", CallerKey(call));
  MITRA_CO_ASSIGN_OR_RETURN(std::string after,
                            tokens_.Decode(query, request.page_token()));
  const bool entered = co_await executor_.Enter();
  if (!entered) co_return Busy();
  const bool by_author = !request.author_id().empty();
  const std::string& member =
      by_author ? request.author_id() : request.about_id();
  const Relation relation = by_author ? Relation::kAuthor : Relation::kAbout;
  size_t bytes = 0;
  bool more = true;
  for (int reads = 0; more && reads < 16; ++reads) {
    const size_t wanted = page_size - response.evidence_size();
    if (wanted == 0 || bytes > kMaxAnswerBytes) break;
    MITRA_CO_ASSIGN_OR_RETURN(
        const EntityPage page,
        store_.ListLinked(member, relation, after, {wanted, 512 << 10}));
    for (const Entity& entity : page.entities) {
      after = entity.key;
      absl::StatusOr<v1::Evidence> evidence = EvidenceOf(entity, true);
      if (!evidence.ok() || !SeesAll(call, entity) ||
          (!request.about_id().empty() &&
           evidence->about_id() != request.about_id())) {
        continue;
      }
      bytes += evidence->ByteSizeLong();
      *response.add_evidence() = *std::move(evidence);
    }
    more = page.more;
  }
  if (more) response.set_next_page_token(tokens_.Encode(query, after));
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> EvidenceRecords::Withdraw(
    rpc::CallContext& call, const v1::WithdrawEvidenceRequest& request) {
  MITRA_CO_RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  MITRA_CO_RETURN_IF_ERROR(ValidateId("evidence_id", request.evidence_id()));
  Put put;
  put.type = EntityType::kEvidence;
  put.key = request.evidence_id();
  put.mode = Put::Mode::kUpdate;
  put.derived = true;
  put.removed = true;
  MITRA_CO_ASSIGN_OR_RETURN(const std::optional<Entity> entity,
                            store_.Get(EntityType::kEvidence, put.key));
  if (entity) {
    MITRA_CO_ASSIGN_OR_RETURN(const v1::Evidence evidence,
                              EvidenceOf(*entity, false));
    if (!CheckParty(call, evidence.author_id()).ok()) co_return NoEvidence();
    put.body = OnlyIds(evidence);
  } else if (call.identity.is_member()) {
    co_return NoEvidence();
  }
  WriteBatch batch = BatchFor(call, clock_.Now());
  batch.request =
      RequestKeyFor(call, "WithdrawEvidence", request.request_id(), request);
  batch.Add(std::move(put));
  absl::StatusOr<OperationResult> result =
      co_await CommitOne(call, store_, std::move(batch));
  co_return absl::IsNotFound(result.status()) ? NoEvidence() : result.status();
}

rpc::Task<absl::Status> EvidenceRecords::Contest(
    rpc::CallContext& call, const v1::ContestEvidenceRequest& request,
    v1::Evidence& response) {
  MITRA_CO_RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  MITRA_CO_RETURN_IF_ERROR(ValidateId("evidence_id", request.evidence_id()));
  if (!v1::ContestState_IsValid(request.state())) {
    co_return InvalidField("state",
                           absl::StrCat("unknown value ", request.state()));
  }
  for (int attempt = 1;; ++attempt) {
    MITRA_CO_ASSIGN_OR_RETURN(
        std::optional<Entity> entity,
        store_.Get(EntityType::kEvidence, request.evidence_id()));
    if (!entity || (!call.identity.is_member() && !SeesAll(call, *entity))) {
      co_return NoEvidence();
    }
    const bool all = !call.identity.is_member();
    MITRA_CO_ASSIGN_OR_RETURN(v1::Evidence evidence,
                              EvidenceOf(*entity, false));
    MITRA_CO_RETURN_IF_ERROR(CheckContest(call, evidence, request.state()));
    call.SetTrailer("mitra-audit", ContestWord(request.state()));
    if (evidence.contest_state() == request.state()) {
      MITRA_CO_ASSIGN_OR_RETURN(response, EvidenceOf(*entity, all));
      co_return absl::OkStatus();
    }
    v1::Evidence changed;
    changed.ParseFromString(entity->body);
    changed.set_contest_state(request.state());
    Put put;
    put.type = EntityType::kEvidence;
    put.key = entity->key;
    put.mode = Put::Mode::kUpdate;
    put.derived = true;
    put.expected_revision = entity->revision;
    put.body = changed.SerializeAsString();
    put.secret = entity->secret;
    const Put copy = put;
    WriteBatch batch = BatchFor(call, clock_.Now());
    batch.request =
        RequestKeyFor(call, "ContestEvidence", request.request_id(), request);
    batch.Add(std::move(put));
    absl::StatusOr<OperationResult> result =
        co_await CommitOne(call, store_, std::move(batch));
    if (absl::IsAborted(result.status()) && attempt < kMaxAttempts) continue;
    if (!result.ok()) co_return result.status();
    if (result->owner.empty()) result->owner = entity->owner;
    MITRA_CO_ASSIGN_OR_RETURN(response,
                              EvidenceOf(EntityOf(copy, *result), all));
    co_return absl::OkStatus();
  }
}

}  // namespace mitra::profile
