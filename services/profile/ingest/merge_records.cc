#include "services/profile/ingest/merge_records.h"

#include <iterator>
#include <utility>

#include "common/base/ids.h"
#include "common/feed/follower.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "mitra/v1/feedback_service.pb.h"
#include "services/profile/ingest/access.h"
#include "services/profile/ingest/commit.h"
#include "services/profile/ingest/facet_vectors.h"
#include "services/profile/ingest/profile_state.h"
#include "services/profile/ingest/relation_puts.h"
#include "services/profile/ingest/request_validation.h"

namespace mitra::profile {
namespace {

constexpr int kMaxExternalIds = 16;

absl::Status NoProfile() {
  return MakeError(absl::StatusCode::kNotFound, "PROFILE_NOT_FOUND",
                   "no such profile");
}

// What an entity of the member that goes becomes: the same thing under the
// other's name, with its own times and owner.
Put Again(const Entity& entity) {
  Put put;
  put.type = entity.type;
  put.key = entity.key;
  put.content_hash = entity.content_hash;
  put.body = entity.body;
  put.secret = entity.secret;
  put.by_record = true;
  put.create_time = entity.create_time;
  put.owner = entity.owner;
  return put;
}

// Made and used up within one decision.
class Merger {
 public:
  Merger(TransactionView& view, const std::string& from,
         const std::string& into)
      : view_(view), from_(from), into_(into) {}

  // Collects what moves; to be called before the member is gone.
  absl::Status Collect() {
    MITRA_RETURN_IF_ERROR(CollectEngagements());
    MITRA_RETURN_IF_ERROR(CollectEvidence());
    MITRA_RETURN_IF_ERROR(CollectBlocks());
    MITRA_RETURN_IF_ERROR(CollectConsents());
    MITRA_RETURN_IF_ERROR(CollectFeedback());
    MITRA_ASSIGN_OR_RETURN(const std::vector<Entity> redirects,
                           view_.ListLinked(from_, Relation::kRedirectTo));
    for (const Entity& entity : redirects) AddRedirect(entity.key);
    AddRedirect(from_);
    return absl::OkStatus();
  }

  std::vector<Step> TakeSteps() { return std::move(steps_); }

 private:
  void Add(Put put) {
    steps_.emplace_back(std::in_place_type<Put>, std::move(put));
  }

  std::string Moved(const std::string& id) const {
    return id == from_ ? into_ : id;
  }

  void AddRedirect(const std::string& key) {
    v1::MergeProfilesRequest body;
    body.set_into_profile_id(into_);
    body.set_from_profile_id(key);
    Put put;
    put.type = EntityType::kRedirect;
    put.key = key;
    put.body = body.SerializeAsString();
    put.content_hash = ContentHash(put.body);
    put.by_record = true;
    put.links = {{into_, Relation::kRedirectTo, "into_profile_id", false}};
    Add(std::move(put));
  }

  absl::Status CollectEngagements() {
    for (const Relation relation : {Relation::kSeeker, Relation::kProvider}) {
      MITRA_ASSIGN_OR_RETURN(const std::vector<Entity> entities,
                             view_.ListLinked(from_, relation));
      for (const Entity& entity : entities) {
        MITRA_ASSIGN_OR_RETURN(v1::Engagement engagement,
                               StoredEngagement(entity));
        if (IsOpenState(engagement.state())) {
          return MakeError(
              absl::StatusCode::kFailedPrecondition, "OPEN_ENGAGEMENTS",
              "from_profile_id: has engagements that are not over");
        }
        engagement.ParseFromString(entity.secret);
        engagement.DiscardUnknownFields();
        engagement.set_seeker_id(Moved(engagement.seeker_id()));
        engagement.set_provider_id(Moved(engagement.provider_id()));
        if (engagement.seeker_id() == engagement.provider_id()) continue;
        Put put = Again(entity);
        put.secret = engagement.SerializeAsString();
        put.links = {
            {engagement.seeker_id(), Relation::kSeeker, "seeker_id", false},
            {engagement.provider_id(), Relation::kProvider, "provider_id",
             false}};
        Add(std::move(put));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CollectEvidence() {
    for (const Relation relation : {Relation::kAuthor, Relation::kAbout}) {
      MITRA_ASSIGN_OR_RETURN(const std::vector<Entity> entities,
                             view_.ListLinked(from_, relation));
      for (const Entity& entity : entities) {
        v1::Evidence evidence;
        if (entity.removed || entity.damaged ||
            !evidence.ParseFromString(entity.body)) {
          continue;
        }
        evidence.set_author_id(Moved(evidence.author_id()));
        evidence.set_about_id(Moved(evidence.about_id()));
        // What the two said of each other says nothing any more.
        if (evidence.author_id() == evidence.about_id()) continue;
        Put put = Again(entity);
        put.body = evidence.SerializeAsString();
        put.links = {
            {evidence.author_id(), Relation::kAuthor, "author_id", false},
            {evidence.about_id(), Relation::kAbout, "about_id", false}};
        Add(std::move(put));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CollectBlocks() {
    for (const Relation relation : {Relation::kBlocker, Relation::kBlocked}) {
      MITRA_ASSIGN_OR_RETURN(const std::vector<Entity> entities,
                             view_.ListLinked(from_, relation));
      for (const Entity& entity : entities) {
        v1::Block block;
        if (entity.removed || !block.ParseFromString(entity.body)) continue;
        block.set_blocker_id(Moved(block.blocker_id()));
        block.set_blocked_id(Moved(block.blocked_id()));
        absl::StatusOr<Put> put = PrepareBlock(block, FieldPath("block"));
        if (!put.ok()) continue;  // of the two themselves
        MITRA_RETURN_IF_ERROR(AddIfAbsent(entity, *std::move(put)));
      }
    }
    return absl::OkStatus();
  }

  absl::Status CollectConsents() {
    MITRA_ASSIGN_OR_RETURN(const std::vector<Entity> entities,
                           view_.ListLinked(from_, Relation::kConsenting));
    for (const Entity& entity : entities) {
      v1::Consent consent;
      if (entity.removed || !consent.ParseFromString(entity.body)) continue;
      consent.set_profile_id(into_);
      MITRA_ASSIGN_OR_RETURN(Put put,
                             PrepareConsent(consent, FieldPath("consent")));
      MITRA_RETURN_IF_ERROR(AddIfAbsent(entity, std::move(put)));
    }
    return absl::OkStatus();
  }

  absl::Status CollectFeedback() {
    for (const Relation relation : {Relation::kSubject, Relation::kCandidate}) {
      MITRA_ASSIGN_OR_RETURN(const std::vector<Entity> entities,
                             view_.ListLinked(from_, relation));
      for (const Entity& entity : entities) {
        v1::Feedback feedback;
        if (entity.damaged || !feedback.ParseFromString(entity.secret)) {
          continue;
        }
        v1::Attribution& about = *feedback.mutable_attribution();
        about.set_subject_id(Moved(about.subject_id()));
        about.set_candidate_id(Moved(about.candidate_id()));
        // What one said of the other says nothing any more.
        if (about.subject_id() == about.candidate_id()) continue;
        Put put = Again(entity);
        put.secret = feedback.SerializeAsString();
        if (!about.subject_id().empty()) {
          put.links.push_back({about.subject_id(), Relation::kSubject,
                               "into_profile_id", false});
        }
        put.links.push_back({about.candidate_id(), Relation::kCandidate,
                             "into_profile_id", false});
        Add(std::move(put));
      }
    }
    return absl::OkStatus();
  }

  // Unless the member that stays has its own.
  absl::Status AddIfAbsent(const Entity& entity, Put put) {
    MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> own,
                           view_.Get(put.type, put.key));
    if (own && !own->removed) return absl::OkStatus();
    put.by_member = false;
    put.by_record = true;
    put.create_time = entity.create_time;
    put.owner = entity.owner;
    for (MemberLink& link : put.links) link.must_own = false;
    Add(std::move(put));
    return absl::OkStatus();
  }

  TransactionView& view_;
  const std::string& from_;
  const std::string& into_;
  std::vector<Step> steps_;
};

// The member that stays with the external ids of both.
absl::StatusOr<Put> WithExternalIds(const Entity& from, const Entity& into,
                                    const ProfileIngest& ingest,
                                    absl::Time now) {
  MITRA_ASSIGN_OR_RETURN(const v1::Profile gone, GivenOf(from));
  MITRA_ASSIGN_OR_RETURN(v1::Profile given, GivenOf(into));
  if (ingest.vector_rules().from_callers) {
    RestoreVectors(into.vectors, ingest.vector_rules().model, given);
  }
  for (const v1::ExternalId& id : gone.external_ids()) {
    *given.add_external_ids() = id;
  }
  if (given.external_ids_size() > kMaxExternalIds) {
    return MakeError(absl::StatusCode::kFailedPrecondition,
                     "TOO_MANY_EXTERNAL_IDS",
                     "the two have too many external ids together");
  }
  Put put = ingest.Prepare(std::move(given), now, &into);
  put.mode = Put::Mode::kUpdate;
  put.derived = true;
  put.by_record = true;
  return put;
}

// What the record counted of both.
SetTally AddTallies(const Entity& from, const Entity& into) {
  v1::Standing gone, kept;
  gone.ParseFromString(from.tally);
  kept.ParseFromString(into.tally);
  kept.set_accepted(kept.accepted() + gone.accepted());
  kept.set_declined(kept.declined() + gone.declined());
  kept.set_unanswered(kept.unanswered() + gone.unanswered());
  return {into.key, kept.SerializeAsString()};
}

}  // namespace

rpc::Task<absl::Status> MergeRecords::Merge(
    rpc::CallContext& call, const v1::MergeProfilesRequest& request,
    v1::Profile& response) {
  MITRA_CO_RETURN_IF_ERROR(RefuseMembers(call));
  MITRA_CO_RETURN_IF_ERROR(ValidateRequestId(request.request_id()));
  const std::string from = request.from_profile_id();
  const std::string into = request.into_profile_id();
  MITRA_CO_RETURN_IF_ERROR(ValidateId("into_profile_id", into));
  MITRA_CO_RETURN_IF_ERROR(ValidateId("from_profile_id", from));
  if (from == into) {
    co_return InvalidField("from_profile_id", "must not be into_profile_id");
  }
  const absl::Time now = clock_.Now();
  Decide decision;
  decision.key = into;
  decision.decide =
      [this, &call, from, into,
       now](TransactionView& view) -> absl::StatusOr<std::vector<Step>> {
    MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> kept,
                           view.Get(EntityType::kProfile, into));
    MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> gone,
                           view.Get(EntityType::kProfile, from));
    if (!kept || !SeesAll(call, *kept)) return NoProfile();
    if (!gone) {
      MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> redirect,
                             view.Get(EntityType::kRedirect, from));
      v1::MergeProfilesRequest merged;
      const bool repeat = redirect && merged.ParseFromString(redirect->body) &&
                          merged.into_profile_id() == into;
      if (repeat) return std::vector<Step>();
      return NoProfile();
    }
    if (!SeesAll(call, *gone)) return NoProfile();
    Merger merger(view, from, into);
    MITRA_RETURN_IF_ERROR(merger.Collect());
    MITRA_ASSIGN_OR_RETURN(Put profile,
                           WithExternalIds(*gone, *kept, ingest_, now));
    EngagementPlan plan(view, rules_, now);
    MITRA_RETURN_IF_ERROR(
        plan.Delete({from, feed::IdHash(store_.info().id_hash_key, from), {}}));
    std::vector<Step> steps = plan.TakeSteps();
    steps.emplace_back(std::in_place_type<Put>, std::move(profile));
    if (!gone->tally.empty()) {
      steps.emplace_back(std::in_place_type<SetTally>,
                         AddTallies(*gone, *kept));
    }
    std::vector<Step> moved = merger.TakeSteps();
    std::move(moved.begin(), moved.end(), std::back_inserter(steps));
    return steps;
  };
  WriteBatch batch = BatchFor(call, now);
  batch.request =
      RequestKeyFor(call, "MergeProfiles", request.request_id(), request);
  batch.Add(std::move(decision));
  const absl::StatusOr<OperationResult> result =
      co_await CommitOne(call, store_, std::move(batch));
  if (!result.ok()) co_return result.status();
  MITRA_CO_ASSIGN_OR_RETURN(const std::optional<Entity> entity,
                            store_.Get(EntityType::kProfile, into));
  if (!entity) co_return NoProfile();
  MITRA_CO_ASSIGN_OR_RETURN(response,
                            ViewOf(*entity, store_.info().incarnation, true));
  co_return absl::OkStatus();
}

}  // namespace mitra::profile
