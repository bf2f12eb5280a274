#include "services/profile/ingest/profile_records.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/feed/follower.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/profile/ingest/access.h"
#include "services/profile/ingest/commit.h"
#include "services/profile/ingest/facet_vectors.h"
#include "services/profile/ingest/profile_state.h"
#include "services/profile/ingest/update_mask.h"

namespace mitra::profile {
namespace {

constexpr int kMaxRows = 1000;
constexpr int kMaxAttempts = 8;
// Answers stay below the 4 MiB that clients take by default.
constexpr size_t kMaxAnswerBytes = 3 << 20;

absl::Status NoProfile() {
  return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                   "no such profile");
}

absl::Status Busy() {
  return WithRetryDelay(MakeError(absl::StatusCode::kResourceExhausted,
                                  "QUEUE_FULL", "too many batches wait"),
                        absl::Milliseconds(200));
}

absl::Status ValidateView(v1::ProfileView view) {
  if (v1::ProfileView_IsValid(view)) return absl::OkStatus();
  return InvalidField("view", absl::StrCat("unknown value ", view));
}

bool IsMismatch(const absl::Status& status) {
  return absl::IsAborted(status) && ReasonOf(status) == "ETAG_MISMATCH";
}

// What a put will be when it is stored; the rest comes with its result.
Entity EntityOf(const Put& put) {
  Entity entity;
  entity.key = put.key;
  entity.body = put.body;
  entity.secret = put.secret;
  return entity;
}

}  // namespace

void SetRowResult(const OperationResult& result, v1::RowResult& row) {
  switch (result.outcome) {
    case Outcome::kCreated:
      row.set_verdict(v1::ROW_VERDICT_CREATED);
      break;
    case Outcome::kUpdated:
    case Outcome::kDeleted:
      row.set_verdict(v1::ROW_VERDICT_UPDATED);
      break;
    case Outcome::kUnchanged:
      row.set_verdict(v1::ROW_VERDICT_UNCHANGED);
      break;
    case Outcome::kRefused:
      SetRejected(result.status, row);
      return;
  }
  row.set_revision(result.revision);
}

void SetRejected(const absl::Status& status, v1::RowResult& row) {
  row.set_verdict(v1::ROW_VERDICT_REJECTED);
  *row.mutable_status() = ToRpcStatus(status);
}

ProfileRecords::ProfileRecords(RecordStore& store, const ProfileIngest& ingest,
                               rpc::Executor& executor, const Clock& clock,
                               const Redirects& redirects,
                               EngagementRules rules)
    : store_(store),
      ingest_(ingest),
      executor_(executor),
      clock_(clock),
      redirects_(redirects),
      rules_(rules),
      tokens_(store.info().id_hash_key, clock) {}

absl::StatusOr<v1::Profile> ProfileRecords::Answer(
    const rpc::CallContext& call, Entity written,
    const OperationResult& result) const {
  written.revision = result.revision;
  written.create_time = result.create_time;
  written.update_time = result.update_time;
  written.owner =
      result.owner.empty() ? call.identity.credential : result.owner;
  written.verified_by = result.verified_by;
  written.tally = result.tally;
  return ViewOf(written, store_.info().incarnation, /*all=*/true);
}

rpc::Task<absl::Status> ProfileRecords::Upsert(
    rpc::CallContext& call, const v1::UpsertProfileRequest& request,
    v1::Profile& response) {
  const v1::Profile& profile = request.profile();
  MITRA_CO_RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  MITRA_CO_RETURN_IF_ERROR(ingest_.Validate(profile, FieldPath("profile")));
  MITRA_CO_RETURN_IF_ERROR(CheckParty(call, profile.profile_id()));
  MITRA_CO_RETURN_IF_ERROR(redirects_.CheckFree(store_, profile.profile_id()));
  MITRA_CO_ASSIGN_OR_RETURN(
      const std::optional<uint64_t> expected,
      DecodeEtag("profile.etag", store_.info().incarnation, profile.etag()));
  const absl::Time now = clock_.Now();
  Put put = ingest_.Prepare(profile, now, nullptr);
  put.expected_revision = expected;
  Entity written = EntityOf(put);
  if (request.validate_only()) {
    MITRA_CO_ASSIGN_OR_RETURN(
        response, Answer(call, std::move(written), OperationResult()));
    response.clear_etag();
    response.clear_create_time();
    response.clear_update_time();
    co_return absl::OkStatus();
  }
  WriteBatch batch = BatchFor(call, now);
  batch.request =
      RequestKeyFor(call, "UpsertProfile", request.request_id(), request);
  batch.Add(std::move(put));
  absl::StatusOr<OperationResult> result =
      co_await CommitOne(call, store_, std::move(batch));
  if (!result.ok()) co_return result.status();
  MITRA_CO_ASSIGN_OR_RETURN(response,
                            Answer(call, std::move(written), *result));
  co_return absl::OkStatus();
}

absl::StatusOr<Entity> ProfileRecords::Changeable(
    const rpc::CallContext& call, absl::string_view profile_id) const {
  MITRA_ASSIGN_OR_RETURN(std::optional<Entity> entity,
                         store_.Get(EntityType::kProfile, profile_id));
  if (!entity || !SeesAll(call, *entity)) return NoProfile();
  return *std::move(entity);
}

rpc::Task<absl::Status> ProfileRecords::Update(
    rpc::CallContext& call, const v1::UpdateProfileRequest& request,
    v1::Profile& response) {
  const std::string& id = request.profile().profile_id();
  MITRA_CO_RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  MITRA_CO_RETURN_IF_ERROR(ValidateId("profile.profile_id", id));
  MITRA_CO_RETURN_IF_ERROR(CheckParty(call, id));
  MITRA_CO_ASSIGN_OR_RETURN(
      const std::optional<uint64_t> expected,
      DecodeEtag("profile.etag", store_.info().incarnation,
                 request.profile().etag()));
  // Without an etag the update is tried again on what others have written
  // meanwhile.
  for (int attempt = 1;; ++attempt) {
    MITRA_CO_ASSIGN_OR_RETURN(const Entity stored, Changeable(call, id));
    MITRA_CO_ASSIGN_OR_RETURN(v1::Profile profile, GivenOf(stored));
    if (ingest_.vector_rules().from_callers) {
      RestoreVectors(stored.vectors, ingest_.vector_rules().model, profile);
    }
    MITRA_CO_RETURN_IF_ERROR(ApplyUpdate(request, profile));
    MITRA_CO_RETURN_IF_ERROR(ingest_.Validate(profile, FieldPath("profile")));
    const absl::Time now = clock_.Now();
    Put put = ingest_.Prepare(std::move(profile), now, &stored);
    put.mode = Put::Mode::kUpdate;
    put.expected_revision = expected ? *expected : stored.revision;
    Entity written = EntityOf(put);
    WriteBatch batch = BatchFor(call, now);
    batch.request =
        RequestKeyFor(call, "UpdateProfile", request.request_id(), request);
    batch.Add(std::move(put));
    absl::StatusOr<OperationResult> result =
        co_await CommitOne(call, store_, std::move(batch));
    if (!expected && IsMismatch(result.status()) && attempt < kMaxAttempts) {
      continue;
    }
    if (!result.ok()) co_return result.status();
    MITRA_CO_ASSIGN_OR_RETURN(response,
                              Answer(call, std::move(written), *result));
    co_return absl::OkStatus();
  }
}

rpc::Task<absl::Status> ProfileRecords::Delete(
    rpc::CallContext& call, const v1::DeleteProfileRequest& request,
    v1::DeleteProfileResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(RefuseDelegates(call));
  MITRA_CO_RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  MITRA_CO_RETURN_IF_ERROR(ValidateId("profile_id", request.profile_id()));
  MITRA_CO_RETURN_IF_ERROR(CheckParty(call, request.profile_id()));
  DeleteMember deletion;
  MITRA_CO_ASSIGN_OR_RETURN(
      deletion.expected_revision,
      DecodeEtag("etag", store_.info().incarnation, request.etag()));
  deletion.key = request.profile_id();
  deletion.id_hash = feed::IdHash(store_.info().id_hash_key, deletion.key);
  const absl::Time now = clock_.Now();
  WriteBatch batch = BatchFor(call, now);
  batch.request =
      RequestKeyFor(call, "DeleteProfile", request.request_id(), request);
  batch.Add(DeleteMemberWithEngagements(std::move(deletion), rules_, now));
  absl::StatusOr<OperationResult> result =
      co_await CommitOne(call, store_, std::move(batch));
  if (!result.ok()) co_return result.status();
  response.set_revision(result->revision);
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> ProfileRecords::Verify(
    rpc::CallContext& call, const v1::VerifyProfileRequest& request,
    v1::Profile& response) {
  FieldChecks checks;
  checks.Id(FieldPath("profile_id"), request.profile_id());
  checks.LineOrEmpty(FieldPath("verified_by"), request.verified_by(), 200);
  MITRA_CO_RETURN_IF_ERROR(checks.ToStatus());
  MITRA_CO_RETURN_IF_ERROR(RefuseMembers(call));
  for (int attempt = 1;; ++attempt) {
    MITRA_CO_ASSIGN_OR_RETURN(Entity stored,
                              Changeable(call, request.profile_id()));
    if (stored.verified_by == request.verified_by()) {
      MITRA_CO_ASSIGN_OR_RETURN(
          response, ViewOf(stored, store_.info().incarnation, true));
      co_return absl::OkStatus();
    }
    const absl::Time now = clock_.Now();
    MITRA_CO_ASSIGN_OR_RETURN(Put put, ingest_.Rederive(stored, now));
    put.verified_by = request.verified_by();
    Entity written = EntityOf(put);
    WriteBatch batch = BatchFor(call, now);
    batch.Add(std::move(put));
    absl::StatusOr<OperationResult> result =
        co_await CommitOne(call, store_, std::move(batch));
    if (IsMismatch(result.status()) && attempt < kMaxAttempts) continue;
    if (!result.ok()) co_return result.status();
    MITRA_CO_ASSIGN_OR_RETURN(response,
                              Answer(call, std::move(written), *result));
    co_return absl::OkStatus();
  }
}

rpc::Task<absl::Status> ProfileRecords::BatchUpsert(
    rpc::CallContext& call, const v1::BatchUpsertProfilesRequest& request,
    v1::BatchUpsertProfilesResponse& response) {
  const int rows = request.profiles_size();
  MITRA_CO_RETURN_IF_ERROR(RefuseMembers(call));
  MITRA_CO_RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  MITRA_CO_RETURN_IF_ERROR(ValidateBatchSize("profiles", rows, kMaxRows));
  const bool entered = co_await executor_.Enter();
  if (!entered) co_return Busy();

  const absl::Time now = clock_.Now();
  WriteBatch batch = BatchFor(call, now);
  batch.request =
      RequestKeyFor(call, "BatchUpsertProfiles", request.request_id(), request);
  std::vector<std::optional<uint64_t>> expected(rows);
  absl::flat_hash_map<absl::string_view, int> winners;  // last good row of id
  for (int i = 0; i < rows; ++i) {
    const v1::Profile& profile = request.profiles(i);
    v1::RowResult& row = *response.add_results();
    row.set_row(i);
    row.set_id(CutUtf8(profile.profile_id(), 64));
    const FieldPath path("profiles", i);
    absl::Status status = ingest_.Validate(profile, path);
    if (status.ok()) {
      auto etag = DecodeEtag(absl::StrCat("profiles[", i, "].etag"),
                             store_.info().incarnation, profile.etag());
      status = etag.status();
      if (etag.ok()) expected[i] = *etag;
    }
    if (status.ok()) {
      status = redirects_.CheckFree(store_, profile.profile_id());
    }
    if (!status.ok()) {
      SetRejected(status, row);
      continue;
    }
    const auto [at, first] = winners.emplace(profile.profile_id(), i);
    if (!first) {
      response.mutable_results(at->second)
          ->set_verdict(v1::ROW_VERDICT_SUPERSEDED);
      at->second = i;
    }
  }
  if (request.validate_only()) {
    for (v1::RowResult& row : *response.mutable_results()) {
      if (row.verdict() == v1::ROW_VERDICT_UNSPECIFIED) {
        row.set_verdict(v1::ROW_VERDICT_UNCHANGED);
      }
    }
    co_return absl::OkStatus();
  }
  std::vector<int> rows_of_operations;
  std::vector<std::string> ids;
  for (int i = 0; i < rows; ++i) {
    if (response.results(i).verdict() != v1::ROW_VERDICT_UNSPECIFIED) continue;
    rows_of_operations.push_back(i);
    ids.push_back(request.profiles(i).profile_id());
  }
  MITRA_CO_ASSIGN_OR_RETURN(const std::vector<std::optional<Entity>> stored,
                            store_.GetMany(EntityType::kProfile, ids));
  for (size_t k = 0; k < ids.size(); ++k) {
    const int i = rows_of_operations[k];
    Put put = ingest_.Prepare(request.profiles(i), now,
                              stored[k] ? &*stored[k] : nullptr);
    put.expected_revision = expected[i];
    batch.Add(std::move(put));
  }
  if (batch.operations.empty()) co_return absl::OkStatus();
  absl::StatusOr<CommitResult> result =
      co_await CommitFor(call, store_, std::move(batch));
  if (!result.ok()) co_return result.status();
  for (size_t k = 0; k < rows_of_operations.size(); ++k) {
    v1::RowResult& row = *response.mutable_results(rows_of_operations[k]);
    // A repeat may see a row as good that was refused at the first attempt.
    SetRowResult(
        k < result->results.size() ? result->results[k] : OperationResult(),
        row);
  }
  co_return absl::OkStatus();
}

absl::StatusOr<bool> ProfileRecords::Blocked(absl::string_view a,
                                             absl::string_view b) const {
  for (const std::string& key :
       {absl::StrCat(a, "/", b), absl::StrCat(b, "/", a)}) {
    MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> block,
                           store_.Get(EntityType::kBlock, key));
    if (block) return true;
  }
  return false;
}

absl::StatusOr<v1::Profile> ProfileRecords::See(const rpc::CallContext& call,
                                                const Entity& entity,
                                                v1::ProfileView view) const {
  MITRA_ASSIGN_OR_RETURN(
      v1::Profile profile,
      ViewOf(entity, store_.info().incarnation,
             SightOf(call, entity, false, view) == Sight::kAll));
  if (SightOf(call, entity, profile.hidden(), view) == Sight::kNothing) {
    return NoProfile();
  }
  if (call.identity.is_member() && !SeesAll(call, entity)) {
    MITRA_ASSIGN_OR_RETURN(const bool blocked,
                           Blocked(call.identity.member_id, entity.key));
    if (blocked) return NoProfile();
  }
  return profile;
}

absl::StatusOr<bool> ProfileRecords::WorkTogether(const std::string& a,
                                                  absl::string_view b) const {
  for (const Relation relation : {Relation::kSeeker, Relation::kProvider}) {
    std::string before;
    for (bool more = true; more;) {
      MITRA_ASSIGN_OR_RETURN(const EntityPage page,
                             store_.ListLinkedDown(a, relation, before, {}));
      for (const Entity& entity : page.entities) {
        before = entity.key;
        const auto engagement = StoredEngagement(entity);
        if (!engagement.ok() ||
            engagement->state() != v1::ENGAGEMENT_STATE_ACTIVE) {
          continue;
        }
        const std::string& other = relation == Relation::kSeeker
                                       ? engagement->provider_id()
                                       : engagement->seeker_id();
        if (other == b) return true;
      }
      more = page.more;
    }
  }
  return false;
}

absl::Status ProfileRecords::AddContact(const rpc::CallContext& call,
                                        const std::string& actor,
                                        const Entity& entity,
                                        v1::Profile& response) const {
  MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> acting,
                         store_.Get(EntityType::kProfile, actor));
  if (!acting || !SeesAll(call, *acting)) return absl::OkStatus();
  MITRA_ASSIGN_OR_RETURN(const bool together, WorkTogether(actor, entity.key));
  if (!together) return absl::OkStatus();
  MITRA_ASSIGN_OR_RETURN(const bool blocked, Blocked(actor, entity.key));
  if (blocked) return absl::OkStatus();
  MITRA_ASSIGN_OR_RETURN(const v1::Profile all,
                         ViewOf(entity, store_.info().incarnation, true));
  if (all.has_contact()) *response.mutable_contact() = all.contact();
  return absl::OkStatus();
}

absl::Status ProfileRecords::Get(const rpc::CallContext& call,
                                 const v1::GetProfileRequest& request,
                                 v1::Profile& response) {
  MITRA_RETURN_IF_ERROR(ValidateId("profile_id", request.profile_id()));
  MITRA_RETURN_IF_ERROR(ValidateView(request.view()));
  if (call.identity.is_member()) {
    MITRA_RETURN_IF_ERROR(CheckParty(call, request.actor_id()));
  }
  std::string id = request.profile_id();
  MITRA_ASSIGN_OR_RETURN(std::optional<Entity> entity,
                         store_.Get(EntityType::kProfile, id));
  if (!entity && redirects_.Resolve(id)) {
    MITRA_ASSIGN_OR_RETURN(entity, store_.Get(EntityType::kProfile, id));
  }
  if (!entity) return NoProfile();
  MITRA_ASSIGN_OR_RETURN(response, See(call, *entity, request.view()));
  // One of two who work together may reach the other.
  if (request.actor_id().empty() || request.view() == v1::PROFILE_VIEW_PUBLIC ||
      SeesAll(call, *entity)) {
    return absl::OkStatus();
  }
  return AddContact(call, request.actor_id(), *entity, response);
}

rpc::Task<absl::Status> ProfileRecords::BatchGet(
    rpc::CallContext& call, const v1::BatchGetProfilesRequest& request,
    v1::BatchGetProfilesResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(RefuseMembers(call));
  MITRA_CO_RETURN_IF_ERROR(
      ValidateBatchSize("profile_ids", request.profile_ids_size(), kMaxRows));
  MITRA_CO_RETURN_IF_ERROR(ValidateView(request.view()));
  FieldChecks checks;
  const FieldPath root("");
  for (int i = 0; i < request.profile_ids_size(); ++i) {
    checks.Id(root.At("profile_ids", i), request.profile_ids(i));
  }
  MITRA_CO_RETURN_IF_ERROR(checks.ToStatus());
  const bool entered = co_await executor_.Enter();
  if (!entered) co_return Busy();
  std::vector<std::string> ids(request.profile_ids().begin(),
                               request.profile_ids().end());
  for (std::string& id : ids) redirects_.Resolve(id);
  MITRA_CO_ASSIGN_OR_RETURN(const std::vector<std::optional<Entity>> entities,
                            store_.GetMany(EntityType::kProfile, ids));
  size_t bytes = 0;
  for (size_t i = 0; i < ids.size(); ++i) {
    auto& result = *response.add_results();
    result.set_profile_id(request.profile_ids(static_cast<int>(i)));
    absl::StatusOr<v1::Profile> profile =
        entities[i] ? See(call, *entities[i], request.view())
                    : absl::StatusOr<v1::Profile>(NoProfile());
    if (profile.ok()) bytes += profile->ByteSizeLong();
    if (profile.ok() && bytes > kMaxAnswerBytes) {
      profile =
          MakeError(absl::StatusCode::kResourceExhausted, "ANSWER_TOO_LARGE",
                    "the answer is full; ask again for the rest");
    }
    if (profile.ok()) {
      *result.mutable_profile() = *std::move(profile);
    } else {
      *result.mutable_status() = ToRpcStatus(profile.status());
    }
  }
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> ProfileRecords::List(
    rpc::CallContext& call, const v1::ListProfilesRequest& request,
    v1::ListProfilesResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(RefuseMembers(call));
  MITRA_CO_RETURN_IF_ERROR(ValidateView(request.view()));
  MITRA_CO_ASSIGN_OR_RETURN(const size_t page_size,
                            PageSize(request.page_size()));
  const std::string query =
      absl::StrCat("profiles/", request.view(), "/", CallerKey(call));
  MITRA_CO_ASSIGN_OR_RETURN(std::string after,
                            tokens_.Decode(query, request.page_token()));
  const bool entered = co_await executor_.Enter();
  if (!entered) co_return Busy();
  // What the caller may not see is skipped, for a bounded number of reads.
  size_t bytes = 0;
  bool more = true;
  for (int reads = 0; more && reads < 16; ++reads) {
    const size_t wanted = page_size - response.profiles_size();
    if (wanted == 0 || bytes > kMaxAnswerBytes / 2) break;
    MITRA_CO_ASSIGN_OR_RETURN(
        const EntityPage page,
        store_.List(EntityType::kProfile, after, {wanted, 512 << 10}));
    for (const Entity& entity : page.entities) {
      after = entity.key;
      absl::StatusOr<v1::Profile> profile = See(call, entity, request.view());
      if (profile.ok()) {
        bytes += profile->ByteSizeLong();
        *response.add_profiles() = *std::move(profile);
      } else if (!absl::IsNotFound(profile.status())) {
        response.set_unreadable(response.unreadable() + 1);
      }
    }
    more = page.more;
  }
  if (more) response.set_next_page_token(tokens_.Encode(query, after));
  co_return absl::OkStatus();
}

}  // namespace mitra::profile
