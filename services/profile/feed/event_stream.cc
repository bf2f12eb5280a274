#include "services/profile/feed/event_stream.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "common/validation/field_checks.h"
#include "services/profile/ingest/access.h"
#include "services/profile/ingest/commit.h"
#include "services/profile/ingest/engagement_history.h"
#include "services/profile/ingest/profile_state.h"

namespace mitra::profile {
namespace {

constexpr char kCurrentEpoch[] = "current";
constexpr PageLimit kPage = {1000, 1 << 20};

bool SeesEverything(const rpc::CallContext& call) {
  return call.identity.credential.empty() ||
         call.identity.HasScope(kAllMembersScope);
}

bool Wants(const v1::WatchEventsRequest& request, v1::EventKind kind) {
  return request.kinds().empty() ||
         std::find(request.kinds().begin(), request.kinds().end(), kind) !=
             request.kinds().end();
}

void Describe(const Entity& entity, v1::Profile profile,
              v1::MemberEvent& event) {
  AddTakenSeats(entity, profile);
  event.set_profile_id(entity.key);
  event.set_created(entity.revision == entity.incarnation);
  for (const v1::Facet& facet : profile.facets()) {
    if (!facet.has_seats()) continue;
    const v1::Seats& seats = facet.seats();
    const uint32_t used = seats.taken() + seats.taken_elsewhere();
    v1::FreeSeats& free = *event.add_seats();
    free.set_role(facet.role());
    free.set_total(seats.total());
    free.set_free(seats.total() - std::min(seats.total(), used));
  }
}

}  // namespace

absl::StatusOr<uint64_t> EventStream::Begin(
    const rpc::CallContext& call, const v1::WatchEventsRequest& request) const {
  MITRA_RETURN_IF_ERROR(RefuseMembers(call));
  for (int i = 0; i < request.kinds_size(); ++i) {
    if (!v1::EventKind_IsValid(request.kinds(i)) || request.kinds(i) == 0) {
      return InvalidField(absl::StrCat("kinds[", i, "]"),
                          absl::StrCat("unknown value ", request.kinds(i)));
    }
  }
  if (request.from_now() && request.after_revision() != 0) {
    return InvalidField("after_revision", "must be 0 with from_now");
  }
  if (request.record_incarnation() != 0 &&
      request.record_incarnation() != store_.info().incarnation) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "RECORD_REPLACED",
                     "record_incarnation: the record is another one");
  }
  const uint64_t head = store_.head();
  if (request.from_now()) return head;
  if (request.after_revision() > head) {
    return MakeError(absl::StatusCode::kOutOfRange, "REVISION_AHEAD",
                     "after_revision: is still to come");
  }
  return request.after_revision();
}

absl::StatusOr<uint64_t> EventStream::KnownOrder() const {
  MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> known,
                         store_.Get(EntityType::kEpoch, kCurrentEpoch));
  v1::EpochEvent event;
  if (!known || known->damaged || !event.ParseFromString(known->body)) {
    return 0;
  }
  return event.order();
}

rpc::Task<absl::StatusOr<uint64_t>> EventStream::TellEpoch(
    rpc::CallContext& call, const v1::EpochEvent& epoch, absl::Time now) {
  if (epoch.order() == 0) {
    co_return InvalidField("epoch.order", "must be greater than 0");
  }
  for (int i = 0; i < epoch.kinds_size(); ++i) {
    const int kind = epoch.kinds(i).kind();
    if (!v1::RecommendationKind_IsValid(kind) || kind == 0) {
      co_return InvalidField(absl::StrCat("epoch.kinds[", i, "].kind"),
                             absl::StrCat("unknown value ", kind));
    }
  }
  Decide decision;
  decision.key = kCurrentEpoch;
  decision.decide =
      [epoch](TransactionView& view) -> absl::StatusOr<std::vector<Step>> {
    MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> known,
                           view.Get(EntityType::kEpoch, kCurrentEpoch));
    v1::EpochEvent before;
    if (known && !known->damaged && before.ParseFromString(known->body) &&
        before.order() >= epoch.order()) {
      // Told already, or overtaken.
      return absl::AlreadyExistsError("known");
    }
    Put put;
    put.type = EntityType::kEpoch;
    put.key = kCurrentEpoch;
    put.body = epoch.SerializeAsString();
    put.content_hash = ContentHash(put.body);
    put.by_record = true;
    std::vector<Step> steps;
    steps.emplace_back(std::in_place_type<Put>, std::move(put));
    return steps;
  };
  WriteBatch batch = BatchFor(call, now);
  batch.Add(std::move(decision));
  absl::StatusOr<OperationResult> result =
      co_await CommitOne(call, store_, std::move(batch));
  if (!result.ok() && !absl::IsAlreadyExists(result.status())) {
    co_return result.status();
  }
  co_return KnownOrder();
}

rpc::Task<absl::StatusOr<v1::WatchEventsResponse>> EventStream::Next(
    const rpc::CallContext& call, const v1::WatchEventsRequest& request,
    uint64_t after) {
  const absl::Status waited = co_await feed_.WaitFor(after + 1);
  if (!waited.ok()) co_return waited;
  (void)co_await executor_.Enter();
  co_return Read(call, request, after);
}

absl::StatusOr<v1::WatchEventsResponse> EventStream::Read(
    const rpc::CallContext& call, const v1::WatchEventsRequest& request,
    uint64_t after) const {
  MITRA_ASSIGN_OR_RETURN(const ChangePage page,
                         store_.ReadChanges(after + 1, kPage));
  v1::WatchEventsResponse response;
  for (const Change& change : page.changes) {
    v1::Event event;
    if (!AppendEvent(call, request, change, event)) continue;
    event.set_revision(RevisionOf(change));
    *response.add_events() = std::move(event);
  }
  response.set_revision(std::max(page.watermark, after));
  response.set_record_incarnation(store_.info().incarnation);
  if (SeesEverything(call)) {
    response.set_id_hash_key(store_.info().id_hash_key);
  }
  return response;
}

bool EventStream::AppendEvent(const rpc::CallContext& call,
                              const v1::WatchEventsRequest& request,
                              const Change& change, v1::Event& event) const {
  if (const Tombstone* tombstone = std::get_if<Tombstone>(&change)) {
    if (!Wants(request, v1::EVENT_KIND_DELETION) || !SeesEverything(call)) {
      return false;
    }
    event.mutable_deletion()->set_profile_id_hash(tombstone->id_hash);
    return true;
  }
  const Entity& entity = std::get<Entity>(change);
  if (entity.damaged || entity.removed) return false;
  SetTime(entity.update_time, *event.mutable_time());
  if (entity.type == EntityType::kProfile) {
    v1::Profile profile;
    if (!Wants(request, v1::EVENT_KIND_MEMBER) || !SeesAll(call, entity) ||
        !profile.ParseFromString(entity.body)) {
      return false;
    }
    Describe(entity, std::move(profile), *event.mutable_member());
    return true;
  }
  if (entity.type == EntityType::kEpoch) {
    return Wants(request, v1::EVENT_KIND_EPOCH) &&
           event.mutable_epoch()->ParseFromString(entity.body);
  }
  if (entity.type != EntityType::kEngagement ||
      !Wants(request, v1::EVENT_KIND_ENGAGEMENT)) {
    return false;
  }
  v1::Engagement& engagement = *event.mutable_engagement();
  // All of it is its parties' own.
  if (!engagement.ParseFromString(entity.secret) || IsHistory(engagement) ||
      !Sees(call, entity, engagement)) {
    return false;
  }
  engagement.DiscardUnknownFields();
  engagement.clear_note();
  engagement.clear_quality();
  engagement.clear_promise_kept();
  engagement.set_revision(entity.revision);
  return true;
}

bool EventStream::Sees(const rpc::CallContext& call, const Entity& entity,
                       const v1::Engagement& engagement) const {
  if (SeesAll(call, entity)) return true;
  const std::string sides[] = {engagement.seeker_id(),
                               engagement.provider_id()};
  const auto members = store_.GetMany(EntityType::kProfile, sides);
  return members.ok() && std::any_of(members->begin(), members->end(),
                                     [&](const std::optional<Entity>& member) {
                                       return member && SeesAll(call, *member);
                                     });
}

}  // namespace mitra::profile
