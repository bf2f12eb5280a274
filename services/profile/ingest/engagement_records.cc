#include "services/profile/ingest/engagement_records.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/base/attribution_token.h"
#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "common/validation/field_checks.h"
#include "services/profile/ingest/access.h"
#include "services/profile/ingest/commit.h"
#include "services/profile/ingest/feedback_puts.h"

namespace mitra::profile {
namespace {

constexpr int kMaxAlternates = 5;
constexpr size_t kMaxNoteBytes = 2000;
constexpr size_t kMaxTokenBytes = 512;
constexpr size_t kMaxAnswerBytes = 2 << 20;

absl::Status Busy() {
  return WithRetryDelay(MakeError(absl::StatusCode::kResourceExhausted,
                                  "QUEUE_FULL", "too many batches wait"),
                        absl::Milliseconds(200));
}

// A value that must be given.
void CheckEnum(FieldChecks& checks, absl::string_view field, int value,
               bool known) {
  if (value == 0) {
    checks.Add(FieldPath(field), "is required");
  } else if (!known) {
    checks.Add(FieldPath(field), absl::StrCat("unknown value ", value));
  }
}

absl::Status Validate(const v1::RequestEngagementRequest& request) {
  const FieldPath root("");
  FieldChecks checks;
  checks.Id(FieldPath("seeker_id"), request.seeker_id());
  checks.Id(FieldPath("provider_id"), request.provider_id());
  if (request.seeker_id() == request.provider_id()) {
    checks.Add(FieldPath("provider_id"), "must not be the seeker");
  }
  CheckEnum(checks, "provider_role", request.provider_role(),
            v1::Role_IsValid(request.provider_role()));
  checks.Count(FieldPath("alternate_ids"), request.alternate_ids_size(),
               kMaxAlternates);
  std::set<std::string> named = {request.seeker_id(), request.provider_id()};
  for (int i = 0; i < request.alternate_ids_size(); ++i) {
    const FieldPath path = root.At("alternate_ids", i);
    checks.Id(path, request.alternate_ids(i));
    if (!named.insert(request.alternate_ids(i)).second) {
      checks.Add(path, "is named twice");
    }
  }
  checks.Text(FieldPath("note"), request.note(), kMaxNoteBytes);
  checks.LineOrEmpty(FieldPath("attribution_token"),
                     request.attribution_token(), kMaxTokenBytes);
  return checks.ToStatus();
}

// Which recommendation it came of, if the request says so.
absl::Status ReadToken(const v1::RequestEngagementRequest& request,
                       absl::string_view key, absl::Time now,
                       v1::Engagement& wanted) {
  constexpr char kField[] = "attribution_token";
  if (request.attribution_token().empty()) return absl::OkStatus();
  MITRA_ASSIGN_OR_RETURN(
      const Attribution about,
      DecodeAttribution(key, request.attribution_token(), kField, now));
  if (about.subject_id != request.seeker_id()) {
    return MisplacedAttribution(kField, "was made for another member");
  }
  if (about.candidate_id != request.provider_id()) {
    return MisplacedAttribution(kField, "is of another candidate");
  }
  v1::Attribution& kept = *wanted.mutable_attribution();
  kept = ToProto(about);
  kept.clear_subject_id();
  kept.clear_candidate_id();
  return absl::OkStatus();
}

absl::Status Validate(const v1::ChangeEngagementRequest& request) {
  FieldChecks checks;
  checks.Id(FieldPath("engagement_id"), request.engagement_id());
  checks.Id(FieldPath("actor_id"), request.actor_id());
  CheckEnum(checks, "state", request.state(),
            v1::EngagementState_IsValid(request.state()));
  checks.Text(FieldPath("note"), request.note(), kMaxNoteBytes);
  if (!request.reason_code().empty()) {
    const auto known = EngagementReasons();
    if (request.state() != v1::ENGAGEMENT_STATE_DECLINED &&
        request.state() != v1::ENGAGEMENT_STATE_CANCELLED) {
      checks.Add(FieldPath("reason_code"),
                 "is for declines and cancellations only");
    } else if (std::find(known.begin(), known.end(), request.reason_code()) ==
               known.end()) {
      checks.Add(FieldPath("reason_code"),
                 absl::StrCat("must be one of ", absl::StrJoin(known, ", ")));
    }
  }
  const bool completes = request.state() == v1::ENGAGEMENT_STATE_COMPLETED;
  if (request.has_quality()) {
    checks.Number(FieldPath("quality"), request.quality(), 0, 1);
    if (!completes) checks.Add(FieldPath("quality"), "is for completion only");
  }
  if (request.has_promise_kept() && !completes) {
    checks.Add(FieldPath("promise_kept"), "is for completion only");
  }
  return checks.ToStatus();
}

// Reads the engagements of a member on both sides, the newest first.
struct Newest {
  std::vector<Entity> entities;
  bool more = false;
};

absl::StatusOr<Newest> ReadNewest(RecordStore& store, absl::string_view member,
                                  absl::string_view before, size_t count) {
  Newest newest;
  // What one side has below the other's last key belongs to a later page.
  std::string bound;
  for (const Relation relation : {Relation::kSeeker, Relation::kProvider}) {
    MITRA_ASSIGN_OR_RETURN(
        EntityPage page,
        store.ListLinkedDown(member, relation, before, {count, 512 << 10}));
    if (page.more && !page.entities.empty()) {
      bound = std::max(bound, page.entities.back().key);
    }
    std::move(page.entities.begin(), page.entities.end(),
              std::back_inserter(newest.entities));
  }
  std::sort(newest.entities.begin(), newest.entities.end(),
            [](const Entity& a, const Entity& b) { return a.key > b.key; });
  if (!bound.empty()) {
    const auto end = std::find_if(
        newest.entities.begin(), newest.entities.end(),
        [&bound](const Entity& entity) { return entity.key < bound; });
    newest.entities.erase(end, newest.entities.end());
    newest.more = true;
  }
  return newest;
}

}  // namespace

EngagementRecords::EngagementRecords(RecordStore& store,
                                     rpc::Executor& executor,
                                     const Clock& clock, EngagementRules rules)
    : store_(store),
      executor_(executor),
      clock_(clock),
      rules_(rules),
      tokens_(store.info().id_hash_key, clock) {}

absl::Status EngagementRecords::CheckActsFor(const rpc::CallContext& call,
                                             absl::string_view member) const {
  MITRA_RETURN_IF_ERROR(CheckParty(call, member));
  MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> entity,
                         store_.Get(EntityType::kProfile, member));
  if (entity && SeesAll(call, *entity)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                   "no such profile");
}

absl::StatusOr<v1::Engagement> EngagementRecords::View(
    const Entity& entity) const {
  MITRA_ASSIGN_OR_RETURN(v1::Engagement engagement, StoredEngagement(entity));
  engagement.set_etag(EncodeEtag(store_.info().incarnation, entity.revision));
  return engagement;
}

absl::StatusOr<v1::Engagement> EngagementRecords::Read(
    absl::string_view engagement_id) const {
  MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> entity,
                         store_.Get(EntityType::kEngagement, engagement_id));
  if (!entity) return EngagementNotFound();
  return View(*entity);
}

absl::StatusOr<v1::Engagement> EngagementRecords::FindMarked(
    absl::string_view seeker, absl::string_view mark) const {
  std::string before;
  for (;;) {
    MITRA_ASSIGN_OR_RETURN(
        const EntityPage page,
        store_.ListLinkedDown(seeker, Relation::kSeeker, before, {}));
    for (const Entity& entity : page.entities) {
      if (entity.content_hash == mark) return View(entity);
      before = entity.key;
    }
    if (!page.more) return EngagementNotFound();
  }
}

rpc::Task<absl::Status> EngagementRecords::Request(
    rpc::CallContext& call, const v1::RequestEngagementRequest& request,
    v1::Engagement& response) {
  MITRA_CO_RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  MITRA_CO_RETURN_IF_ERROR(Validate(request));
  MITRA_CO_RETURN_IF_ERROR(CheckActsFor(call, request.seeker_id()));
  v1::Engagement wanted;
  wanted.set_engagement_id(NewUlid());
  wanted.set_seeker_id(request.seeker_id());
  wanted.set_provider_id(request.provider_id());
  wanted.set_provider_role(request.provider_role());
  *wanted.mutable_alternate_ids() = request.alternate_ids();
  wanted.set_note(request.note());
  const absl::Time now = clock_.Now();
  MITRA_CO_RETURN_IF_ERROR(
      ReadToken(request, store_.info().token_key, now, wanted));
  // Finds it again for a repeat, which carries another id.
  const std::string mark =
      request.request_id().empty()
          ? ""
          : ContentHash(
                absl::StrCat(CallerKey(call), "\n", request.request_id()));
  Decide decision = DecideByPlan(wanted.engagement_id(), rules_, now,
                                 [wanted, mark](EngagementPlan& plan) {
                                   return plan.Request(wanted, mark);
                                 });
  WriteBatch batch = BatchFor(call, now);
  batch.request =
      RequestKeyFor(call, "RequestEngagement", request.request_id(), request);
  batch.Add(std::move(decision));
  absl::StatusOr<CommitResult> result =
      co_await CommitFor(call, store_, std::move(batch));
  if (!result.ok()) co_return result.status();
  if (!result->results.at(0).status.ok()) co_return result->results[0].status;
  absl::StatusOr<v1::Engagement> written =
      result->repeated ? FindMarked(request.seeker_id(), mark)
                       : Read(wanted.engagement_id());
  if (!written.ok()) co_return written.status();
  response = *std::move(written);
  co_return absl::OkStatus();
}

absl::Status EngagementRecords::Get(const rpc::CallContext& call,
                                    const v1::GetEngagementRequest& request,
                                    v1::Engagement& response) {
  FieldChecks checks;
  checks.Id(FieldPath("engagement_id"), request.engagement_id());
  checks.IdOrEmpty(FieldPath("actor_id"), request.actor_id());
  MITRA_RETURN_IF_ERROR(checks.ToStatus());
  MITRA_ASSIGN_OR_RETURN(v1::Engagement engagement,
                         Read(request.engagement_id()));
  // Whoever may act for one of the two sides.
  for (const std::string* side :
       {&engagement.seeker_id(), &engagement.provider_id()}) {
    if (!request.actor_id().empty() && request.actor_id() != *side) continue;
    if (!CheckActsFor(call, *side).ok()) continue;
    response = std::move(engagement);
    return absl::OkStatus();
  }
  return EngagementNotFound();
}

rpc::Task<absl::Status> EngagementRecords::List(
    rpc::CallContext& call, const v1::ListEngagementsRequest& request,
    v1::ListEngagementsResponse& response) {
  MITRA_CO_RETURN_IF_ERROR(ValidateId("profile_id", request.profile_id()));
  std::set<int> states;
  for (int i = 0; i < request.states_size(); ++i) {
    const int state = request.states(i);
    if (!v1::EngagementState_IsValid(state) ||
        state == v1::ENGAGEMENT_STATE_UNSPECIFIED) {
      co_return InvalidField(absl::StrCat("states[", i, "]"),
                             absl::StrCat("unknown value ", state));
    }
    states.insert(state);
  }
  MITRA_CO_ASSIGN_OR_RETURN(const size_t page_size,
                            PageSize(request.page_size()));
  MITRA_CO_RETURN_IF_ERROR(CheckActsFor(call, request.profile_id()));
  const std::string query =
      absl::StrCat("engagements/", request.profile_id(), "/",
                   absl::StrJoin(states, ","), "/", CallerKey(call));
  MITRA_CO_ASSIGN_OR_RETURN(std::string before,
                            tokens_.Decode(query, request.page_token()));
  const bool entered = co_await executor_.Enter();
  if (!entered) co_return Busy();
  // What the filter leaves out is skipped, for a bounded number of reads.
  size_t bytes = 0;
  bool more = true;
  bool full = false;
  for (int reads = 0; more && !full && reads < 16; ++reads) {
    MITRA_CO_ASSIGN_OR_RETURN(
        const Newest newest,
        ReadNewest(store_, request.profile_id(), before, page_size));
    more = newest.more;
    for (const Entity& entity : newest.entities) {
      const size_t count = static_cast<size_t>(response.engagements_size());
      if (count == page_size || bytes > kMaxAnswerBytes) {
        full = true;
        more = true;
        break;
      }
      before = entity.key;
      absl::StatusOr<v1::Engagement> engagement = View(entity);
      if (!engagement.ok() ||
          (!states.empty() && !states.count(engagement->state()))) {
        continue;
      }
      bytes += engagement->ByteSizeLong();
      *response.add_engagements() = *std::move(engagement);
    }
  }
  if (more) response.set_next_page_token(tokens_.Encode(query, before));
  co_return absl::OkStatus();
}

rpc::Task<absl::Status> EngagementRecords::Change(
    rpc::CallContext& call, const v1::ChangeEngagementRequest& request,
    v1::Engagement& response) {
  MITRA_CO_RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  MITRA_CO_RETURN_IF_ERROR(Validate(request));
  MITRA_CO_ASSIGN_OR_RETURN(
      const std::optional<uint64_t> expected,
      DecodeEtag("etag", store_.info().incarnation, request.etag()));
  const absl::Status allowed = CheckActsFor(call, request.actor_id());
  if (absl::IsNotFound(allowed)) co_return EngagementNotFound();
  if (!allowed.ok()) co_return allowed;
  const absl::Time now = clock_.Now();
  Decide decision = DecideByPlan(request.engagement_id(), rules_, now,
                                 [request, expected](EngagementPlan& plan) {
                                   return plan.Change(request, expected);
                                 });
  WriteBatch batch = BatchFor(call, now);
  batch.request =
      RequestKeyFor(call, "ChangeEngagement", request.request_id(), request);
  batch.Add(std::move(decision));
  absl::StatusOr<OperationResult> result =
      co_await CommitOne(call, store_, std::move(batch));
  if (!result.ok()) co_return result.status();
  absl::StatusOr<v1::Engagement> written = Read(request.engagement_id());
  if (!written.ok()) co_return written.status();
  response = *std::move(written);
  co_return absl::OkStatus();
}

}  // namespace mitra::profile
