#include "services/profile/ingest/engagement_plan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "common/validation/field_checks.h"
#include "services/profile/ingest/engagement_history.h"
#include "services/profile/ingest/evidence_records.h"

namespace mitra::profile {
namespace {

// A promise that was not kept is no good experience, whatever was said of it.
constexpr double kBrokenPromiseQuality = 0.25;
constexpr absl::Duration kWeek = absl::Hours(7 * 24);

absl::Status NotAvailable() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_AVAILABLE",
                   "the member does not take this request");
}

absl::Status NoSeat() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "NO_SEAT",
                   "no seat of the member is free in this role");
}

absl::Status NoProfile(absl::string_view field) {
  return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                   absl::StrCat(field, ": no such profile"),
                   {{"field", std::string(field)}});
}

const v1::Facet* FacetOf(const v1::Profile& profile, v1::Role role) {
  for (const v1::Facet& facet : profile.facets()) {
    if (facet.role() == role) return &facet;
  }
  return nullptr;
}

// As Facet::seats says in profile.proto.
bool SeatsAreCounted(const v1::Profile& profile, const v1::Facet& facet) {
  return facet.has_seats() || facet.role() == v1::ROLE_MENTOR ||
         facet.role() == v1::ROLE_FACILITATOR ||
         profile.kind() == v1::MEMBER_KIND_EVENT ||
         profile.kind() == v1::MEMBER_KIND_PROGRAMME;
}

// `taken` more than those that are taken elsewhere.
bool HasFree(const v1::Profile& profile, const v1::Facet& facet,
             uint64_t taken) {
  return !SeatsAreCounted(profile, facet) ||
         facet.seats().total() > taken + facet.seats().taken_elsewhere();
}

v1::RoleSeats& SeatsOf(v1::Standing& standing, v1::Role role) {
  for (v1::RoleSeats& seats : *standing.mutable_seats()) {
    if (seats.role() == role) return seats;
  }
  v1::RoleSeats& seats = *standing.add_seats();
  seats.set_role(role);
  return seats;
}

void Count(v1::RoleSeats& seats, SeatUse use, int change) {
  // Never below zero: a count that was lost must not become four billion.
  const auto moved = [change](uint32_t n) {
    return static_cast<uint32_t>(std::max<int64_t>(int64_t{n} + change, 0));
  };
  if (use == SeatUse::kHeld) seats.set_held(moved(seats.held()));
  if (use == SeatUse::kEngaged) seats.set_engaged(moved(seats.engaged()));
}

// What a completion says of the other side.
v1::EvidenceKind KindOf(const v1::Profile& provider, v1::Role role,
                        Side author) {
  switch (role) {
    case v1::ROLE_MENTOR:
    case v1::ROLE_FACILITATOR:
      return v1::EVIDENCE_KIND_MENTORING;
    case v1::ROLE_SUPPLIER:
      return v1::EVIDENCE_KIND_TRANSACTION;
    default:
      break;
  }
  if (provider.kind() == v1::MEMBER_KIND_EVENT) {
    return author == Side::kSeeker ? v1::EVIDENCE_KIND_ATTENDANCE
                                   : v1::EVIDENCE_KIND_RATING;
  }
  return v1::EVIDENCE_KIND_COLLABORATION;
}

}  // namespace

absl::Status EngagementNotFound() {
  return MakeError(absl::StatusCode::kNotFound, "ENGAGEMENT_NOT_FOUND",
                   "no such engagement");
}

absl::StatusOr<v1::Engagement> StoredEngagement(const Entity& entity) {
  v1::Engagement engagement;
  if (entity.damaged || !engagement.ParseFromString(entity.secret)) {
    return MakeError(absl::StatusCode::kInternal, "DAMAGED_RECORD",
                     "the stored record cannot be read");
  }
  // Of versions that kept the token.
  engagement.DiscardUnknownFields();
  SetTime(entity.create_time, *engagement.mutable_create_time());
  if (!IsHistory(engagement)) {
    SetTime(entity.update_time, *engagement.mutable_update_time());
  }
  engagement.set_revision(entity.revision);
  return engagement;
}

EngagementPlan::EngagementPlan(TransactionView& view,
                               const EngagementRules& rules, absl::Time now)
    : view_(view), rules_(rules), now_(now) {}

absl::StatusOr<EngagementPlan::Party*> EngagementPlan::Find(
    const std::string& member) {
  const auto [it, is_new] = parties_.try_emplace(member);
  Party& party = it->second;
  if (!is_new) return &party;
  MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> entity,
                         view_.Get(EntityType::kProfile, member));
  if (!entity) return &party;
  if (entity->damaged || !party.profile.ParseFromString(entity->body) ||
      !party.standing.ParseFromString(entity->tally)) {
    return MakeError(absl::StatusCode::kInternal, "DAMAGED_RECORD",
                     "the stored record cannot be read");
  }
  party.exists = true;
  return &party;
}

absl::StatusOr<bool> EngagementPlan::Blocked(const std::string& a,
                                             const std::string& b) {
  for (const std::string& key :
       {absl::StrCat(a, "/", b), absl::StrCat(b, "/", a)}) {
    MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> block,
                           view_.Get(EntityType::kBlock, key));
    if (block) return true;
  }
  return false;
}

absl::Status EngagementPlan::CheckHistory(const v1::Engagement& wanted) {
  MITRA_ASSIGN_OR_RETURN(
      const std::vector<Entity> entities,
      view_.ListLinked(wanted.seeker_id(), Relation::kSeeker));
  std::vector<v1::Engagement> history = opened_;
  for (const Entity& entity : entities) {
    if (closed_.contains(entity.key)) continue;
    // What cannot be read takes no part.
    absl::StatusOr<v1::Engagement> engagement = StoredEngagement(entity);
    if (engagement.ok()) history.push_back(*std::move(engagement));
  }
  int open_requests = 0;
  for (const v1::Engagement& other : history) {
    if (other.seeker_id() != wanted.seeker_id()) continue;
    open_requests += other.state() == v1::ENGAGEMENT_STATE_REQUESTED;
    if (other.provider_id() != wanted.provider_id()) continue;
    if (IsOpenState(other.state()) &&
        other.provider_role() == wanted.provider_role()) {
      return MakeError(absl::StatusCode::kAlreadyExists, "ALREADY_ENGAGED",
                       "the two are engaged in this role already");
    }
    if (other.state() == v1::ENGAGEMENT_STATE_DECLINED &&
        ToTime(other.update_time()) + rules_.cool_down > now_) {
      return MakeError(absl::StatusCode::kFailedPrecondition, "COOLING_DOWN",
                       "the member has declined not long ago");
    }
  }
  if (open_requests >= rules_.max_open_requests) {
    return MakeError(absl::StatusCode::kResourceExhausted, "TOO_MANY_OPEN",
                     absl::StrCat("the seeker has ", open_requests,
                                  " requests without an answer"));
  }
  return absl::OkStatus();
}

absl::Status EngagementPlan::CheckWeek(const v1::Engagement& wanted) {
  const bool own_time = wanted.provider_role() == v1::ROLE_MENTOR ||
                        wanted.provider_role() == v1::ROLE_FACILITATOR;
  if (!own_time || rules_.weekly_requests == 0) return absl::OkStatus();
  MITRA_ASSIGN_OR_RETURN(
      const std::vector<Entity> entities,
      view_.ListLinked(wanted.provider_id(), Relation::kProvider));
  int requests = 0;
  for (const Entity& entity : entities) {
    requests += entity.create_time + kWeek > now_;
  }
  for (const v1::Engagement& opened : opened_) {
    requests += opened.provider_id() == wanted.provider_id();
  }
  if (requests < rules_.weekly_requests) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "WEEKLY_CAP",
                   "the member was asked often enough this week");
}

absl::Status EngagementPlan::CheckMayAsk(const v1::Engagement& wanted) {
  MITRA_ASSIGN_OR_RETURN(const Party* seeker, Find(wanted.seeker_id()));
  if (!seeker->exists) return NoProfile("seeker_id");
  MITRA_ASSIGN_OR_RETURN(Party * provider, Find(wanted.provider_id()));
  if (!provider->exists) return NoProfile("provider_id");
  const v1::Facet* facet = FacetOf(provider->profile, wanted.provider_role());
  // One answer for all, so that nobody learns that it is blocked.
  if (provider->profile.hidden() || facet == nullptr || facet->paused()) {
    return NotAvailable();
  }
  MITRA_ASSIGN_OR_RETURN(const bool blocked,
                         Blocked(wanted.seeker_id(), wanted.provider_id()));
  if (blocked) return NotAvailable();
  MITRA_RETURN_IF_ERROR(CheckHistory(wanted));
  const v1::RoleSeats& seats =
      SeatsOf(provider->standing, wanted.provider_role());
  if (!HasFree(provider->profile, *facet,
               uint64_t{seats.held()} + seats.engaged())) {
    return NoSeat();
  }
  return CheckWeek(wanted);
}

absl::Status EngagementPlan::Move(v1::Engagement& engagement,
                                  v1::EngagementState to) {
  MITRA_ASSIGN_OR_RETURN(Party * provider, Find(engagement.provider_id()));
  const v1::EngagementState from = engagement.state();
  v1::RoleSeats& seats =
      SeatsOf(provider->standing, engagement.provider_role());
  Count(seats, SeatUseOf(from), -1);
  Count(seats, SeatUseOf(to), +1);
  v1::Standing& standing = provider->standing;
  if (from == v1::ENGAGEMENT_STATE_REQUESTED) {
    if (to == v1::ENGAGEMENT_STATE_ACCEPTED) {
      standing.set_accepted(standing.accepted() + 1);
    } else if (to == v1::ENGAGEMENT_STATE_DECLINED) {
      standing.set_declined(standing.declined() + 1);
    } else if (to == v1::ENGAGEMENT_STATE_EXPIRED) {
      standing.set_unanswered(standing.unanswered() + 1);
    }
  }
  provider->changed = true;
  engagement.set_state(to);
  return absl::OkStatus();
}

Put EngagementPlan::PutOf(const v1::Engagement& engagement) const {
  v1::Engagement stored = engagement;
  stored.clear_create_time();
  stored.clear_update_time();
  stored.clear_etag();
  stored.clear_revision();
  Put put;
  put.type = EntityType::kEngagement;
  put.key = engagement.engagement_id();
  put.mode = Put::Mode::kUpdate;
  put.derived = true;
  put.by_record = true;
  put.secret = stored.SerializeAsString();
  if (engagement.state() == v1::ENGAGEMENT_STATE_REQUESTED) {
    put.next_expiry = ToTime(engagement.hold_expire_time());
  }
  return put;
}

absl::Status EngagementPlan::Open(v1::Engagement engagement,
                                  const std::string& mark, bool is_first) {
  engagement.set_state(v1::ENGAGEMENT_STATE_UNSPECIFIED);
  SetTime(now_ + rules_.hold, *engagement.mutable_hold_expire_time());
  MITRA_RETURN_IF_ERROR(Move(engagement, v1::ENGAGEMENT_STATE_REQUESTED));
  Put put = PutOf(engagement);
  put.mode = Put::Mode::kCreate;
  put.content_hash = mark;
  put.links = {
      {engagement.seeker_id(), Relation::kSeeker, "seeker_id", false},
      {engagement.provider_id(), Relation::kProvider, "provider_id", false}};
  for (const std::string& alternate : engagement.alternate_ids()) {
    put.links.push_back(
        {alternate, Relation::kAlternate, "alternate_ids", false});
  }
  steps_.insert(is_first ? steps_.begin() : steps_.end(), std::move(put));
  opened_.push_back(std::move(engagement));
  return absl::OkStatus();
}

absl::Status EngagementPlan::Request(v1::Engagement wanted,
                                     const std::string& mark) {
  for (const std::string& alternate : wanted.alternate_ids()) {
    MITRA_ASSIGN_OR_RETURN(const Party* party, Find(alternate));
    if (!party->exists) return NoProfile("alternate_ids");
  }
  MITRA_RETURN_IF_ERROR(CheckMayAsk(wanted));
  return Open(std::move(wanted), mark, /*is_first=*/true);
}

absl::StatusOr<std::string> EngagementPlan::AskNext(
    const v1::Engagement& closed, const std::string& note) {
  for (int i = 0; i < closed.alternate_ids_size(); ++i) {
    v1::Engagement next;
    next.set_seeker_id(closed.seeker_id());
    next.set_provider_id(closed.alternate_ids(i));
    next.set_provider_role(closed.provider_role());
    next.set_note(note);
    if (!CheckMayAsk(next).ok()) continue;
    for (int k = i + 1; k < closed.alternate_ids_size(); ++k) {
      MITRA_ASSIGN_OR_RETURN(const Party* party, Find(closed.alternate_ids(k)));
      if (party->exists) next.add_alternate_ids(closed.alternate_ids(k));
    }
    next.set_engagement_id(NewUlid());
    const std::string id = next.engagement_id();
    MITRA_RETURN_IF_ERROR(Open(std::move(next), "", /*is_first=*/false));
    return id;
  }
  return std::string();
}

absl::Status EngagementPlan::AddEvidence(
    const v1::Engagement& engagement, Side side,
    const v1::ChangeEngagementRequest& request) {
  MITRA_ASSIGN_OR_RETURN(const Party* provider, Find(engagement.provider_id()));
  const bool seeker = side == Side::kSeeker;
  v1::Evidence evidence;
  evidence.set_evidence_id(absl::StrCat("engagement-",
                                        engagement.engagement_id(),
                                        seeker ? "-seeker" : "-provider"));
  MITRA_ASSIGN_OR_RETURN(
      const std::optional<Entity> said,
      view_.Get(EntityType::kEvidence, evidence.evidence_id()));
  if (said) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "ILLEGAL_TRANSITION", "this side has answered already");
  }
  evidence.set_author_id(seeker ? engagement.seeker_id()
                                : engagement.provider_id());
  evidence.set_about_id(seeker ? engagement.provider_id()
                               : engagement.seeker_id());
  evidence.set_kind(
      KindOf(provider->profile, engagement.provider_role(), side));
  SetTime(now_, *evidence.mutable_event_time());
  if (request.has_quality()) evidence.set_quality(request.quality());
  if (request.has_promise_kept() && !request.promise_kept()) {
    evidence.set_quality(request.has_quality() ? std::min(request.quality(),
                                                          kBrokenPromiseQuality)
                                               : kBrokenPromiseQuality);
  }
  MITRA_ASSIGN_OR_RETURN(Put put, PrepareEvidence(std::move(evidence),
                                                  FieldPath("evidence"), now_));
  put.by_record = true;
  for (MemberLink& link : put.links) link.must_own = false;
  steps_.emplace_back(std::in_place_type<Put>, std::move(put));
  return absl::OkStatus();
}

absl::Status EngagementPlan::Change(const v1::ChangeEngagementRequest& request,
                                    std::optional<uint64_t> expected_revision) {
  MITRA_ASSIGN_OR_RETURN(
      const std::optional<Entity> entity,
      view_.Get(EntityType::kEngagement, request.engagement_id()));
  if (!entity) return EngagementNotFound();
  MITRA_ASSIGN_OR_RETURN(v1::Engagement engagement, StoredEngagement(*entity));
  const bool seeker = request.actor_id() == engagement.seeker_id();
  if (!seeker && request.actor_id() != engagement.provider_id()) {
    return EngagementNotFound();
  }
  const Side side = seeker ? Side::kSeeker : Side::kProvider;
  if (expected_revision && *expected_revision != entity->revision) {
    return MakeError(absl::StatusCode::kAborted, "ETAG_MISMATCH",
                     "etag: the record has changed since it was read");
  }
  const v1::EngagementState from = engagement.state();
  const v1::EngagementState to = request.state();
  MITRA_RETURN_IF_ERROR(CheckTransition(from, to, side));
  if (from == v1::ENGAGEMENT_STATE_REQUESTED && side == Side::kProvider &&
      ToTime(engagement.hold_expire_time()) <= now_) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "ILLEGAL_TRANSITION", "the request has expired");
  }
  if (to == v1::ENGAGEMENT_STATE_ACCEPTED) {
    MITRA_ASSIGN_OR_RETURN(
        const bool blocked,
        Blocked(engagement.seeker_id(), engagement.provider_id()));
    if (blocked) return NotAvailable();
    MITRA_ASSIGN_OR_RETURN(Party * provider, Find(engagement.provider_id()));
    const v1::Facet* facet =
        FacetOf(provider->profile, engagement.provider_role());
    if (facet == nullptr) return NotAvailable();
    // The seat is held, unless the capacity was lowered meanwhile.
    const uint32_t engaged =
        SeatsOf(provider->standing, engagement.provider_role()).engaged();
    if (!HasFree(provider->profile, *facet, engaged)) return NoSeat();
  }

  const std::string first_note = engagement.note();
  if (to != from) MITRA_RETURN_IF_ERROR(Move(engagement, to));
  if (!request.reason_code().empty()) {
    engagement.set_reason_code(request.reason_code());
  }
  if (!request.note().empty()) engagement.set_note(request.note());
  if (to == v1::ENGAGEMENT_STATE_COMPLETED) {
    if (request.has_quality()) engagement.set_quality(request.quality());
    if (request.has_promise_kept()) {
      engagement.set_promise_kept(request.promise_kept());
    }
    MITRA_RETURN_IF_ERROR(AddEvidence(engagement, side, request));
  }
  if (to == v1::ENGAGEMENT_STATE_DECLINED) {
    closed_.insert(engagement.engagement_id());
    MITRA_ASSIGN_OR_RETURN(*engagement.mutable_next_engagement_id(),
                           AskNext(engagement, first_note));
  }
  if (from == v1::ENGAGEMENT_STATE_REQUESTED) engagement.clear_alternate_ids();
  steps_.insert(steps_.begin(), PutOf(engagement));
  return absl::OkStatus();
}

absl::Status EngagementPlan::Expire(const std::string& engagement_id) {
  MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> entity,
                         view_.Get(EntityType::kEngagement, engagement_id));
  if (!entity) return absl::OkStatus();
  MITRA_ASSIGN_OR_RETURN(v1::Engagement engagement, StoredEngagement(*entity));
  if (engagement.state() != v1::ENGAGEMENT_STATE_REQUESTED ||
      ToTime(engagement.hold_expire_time()) > now_) {
    return absl::OkStatus();
  }
  closed_.insert(engagement_id);
  MITRA_RETURN_IF_ERROR(Move(engagement, v1::ENGAGEMENT_STATE_EXPIRED));
  MITRA_ASSIGN_OR_RETURN(*engagement.mutable_next_engagement_id(),
                         AskNext(engagement, engagement.note()));
  engagement.clear_alternate_ids();
  steps_.insert(steps_.begin(), PutOf(engagement));
  return absl::OkStatus();
}

absl::Status EngagementPlan::Delete(DeleteMember deletion) {
  const std::string member = deletion.key;
  std::vector<v1::Engagement> waiting;
  for (const Relation relation : {Relation::kSeeker, Relation::kProvider}) {
    MITRA_ASSIGN_OR_RETURN(const std::vector<Entity> entities,
                           view_.ListLinked(member, relation));
    for (const Entity& entity : entities) {
      closed_.insert(entity.key);
      absl::StatusOr<v1::Engagement> engagement = StoredEngagement(entity);
      if (!engagement.ok()) continue;
      if (relation == Relation::kProvider) {
        if (engagement->state() == v1::ENGAGEMENT_STATE_REQUESTED) {
          waiting.push_back(*std::move(engagement));
        }
      } else if (IsOpenState(engagement->state())) {
        MITRA_RETURN_IF_ERROR(
            Move(*engagement, v1::ENGAGEMENT_STATE_CANCELLED));
      }
    }
  }
  MITRA_ASSIGN_OR_RETURN(const std::vector<Entity> naming,
                         view_.ListLinked(member, Relation::kAlternate));
  parties_[member] = Party();  // gone
  for (const v1::Engagement& engagement : waiting) {
    MITRA_RETURN_IF_ERROR(AskNext(engagement, engagement.note()).status());
  }
  for (const Entity& entity : naming) {
    absl::StatusOr<v1::Engagement> engagement = StoredEngagement(entity);
    if (!engagement.ok() || closed_.contains(entity.key)) continue;
    auto& alternates = *engagement->mutable_alternate_ids();
    const auto kept = std::remove(alternates.begin(), alternates.end(), member);
    if (kept == alternates.end()) continue;
    alternates.erase(kept, alternates.end());
    steps_.push_back(PutOf(*engagement));
  }
  steps_.insert(steps_.begin(), std::move(deletion));
  return absl::OkStatus();
}

std::vector<Step> EngagementPlan::TakeSteps() {
  for (auto& [id, party] : parties_) {
    if (!party.changed) continue;
    v1::Standing standing = party.standing;
    auto& seats = *standing.mutable_seats();
    seats.erase(std::remove_if(seats.begin(), seats.end(),
                               [](const v1::RoleSeats& s) {
                                 return s.held() == 0 && s.engaged() == 0;
                               }),
                seats.end());
    steps_.push_back(SetTally{id, standing.SerializeAsString()});
  }
  return std::move(steps_);
}

Decide DecideByPlan(std::string key, const EngagementRules& rules,
                    absl::Time now,
                    std::function<absl::Status(EngagementPlan&)> take) {
  Decide decision;
  decision.key = std::move(key);
  decision.decide =
      [rules, now, take = std::move(take)](
          TransactionView& view) -> absl::StatusOr<std::vector<Step>> {
    EngagementPlan plan(view, rules, now);
    MITRA_RETURN_IF_ERROR(take(plan));
    return plan.TakeSteps();
  };
  return decision;
}

Decide ExpireEngagement(const std::string& engagement_id,
                        const EngagementRules& rules, absl::Time now) {
  return DecideByPlan(engagement_id, rules, now,
                      [engagement_id](EngagementPlan& plan) {
                        return plan.Expire(engagement_id);
                      });
}

Decide DeleteMemberWithEngagements(DeleteMember deletion,
                                   const EngagementRules& rules,
                                   absl::Time now) {
  const std::string key = deletion.key;
  Decide decision = DecideByPlan(
      key, rules, now, [deletion = std::move(deletion)](EngagementPlan& plan) {
        return plan.Delete(deletion);
      });
  decision.deletes = true;
  return decision;
}

}  // namespace mitra::profile
