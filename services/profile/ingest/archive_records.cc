#include "services/profile/ingest/archive_records.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "common/base/ids.h"
#include "common/feed/follower.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/profile/ingest/access.h"
#include "services/profile/ingest/engagement_plan.h"
#include "services/profile/ingest/evidence_records.h"
#include "services/profile/ingest/facet_vectors.h"
#include "services/profile/ingest/profile_state.h"

namespace mitra::profile {
namespace {

constexpr PageLimit kPage = {1000, 256 << 10};

struct Kind {
  v1::RecordKind kind;
  EntityType type;
};
// In the order in which rows can be imported again.
constexpr Kind kKinds[] = {
    {v1::RECORD_KIND_PROFILE, EntityType::kProfile},
    {v1::RECORD_KIND_EVIDENCE, EntityType::kEvidence},
    {v1::RECORD_KIND_CONSENT, EntityType::kConsent},
    {v1::RECORD_KIND_BLOCK, EntityType::kBlock},
    {v1::RECORD_KIND_ENGAGEMENT, EntityType::kEngagement},
    {v1::RECORD_KIND_FEEDBACK, EntityType::kFeedback},
};

bool Wants(const v1::ExportRequest& request, v1::RecordKind kind) {
  return request.kinds().empty() ||
         std::find(request.kinds().begin(), request.kinds().end(), kind) !=
             request.kinds().end();
}

v1::RecordKind KindOf(Relation relation) {
  switch (relation) {
    case Relation::kAuthor:
    case Relation::kAbout:
      return v1::RECORD_KIND_EVIDENCE;
    case Relation::kBlocker:
    case Relation::kBlocked:
      return v1::RECORD_KIND_BLOCK;
    case Relation::kConsenting:
      return v1::RECORD_KIND_CONSENT;
    case Relation::kSubject:
    case Relation::kCandidate:
      return v1::RECORD_KIND_FEEDBACK;
    case Relation::kSeeker:
    case Relation::kProvider:
    case Relation::kAlternate:
      return v1::RECORD_KIND_ENGAGEMENT;
    case Relation::kRedirectTo:
      break;
  }
  return v1::RECORD_KIND_UNSPECIFIED;
}

std::string QueryOf(const rpc::CallContext& call,
                    const v1::ExportRequest& request) {
  std::string query = absl::StrCat("export/", request.include_contacts(), "/");
  for (const int kind : request.kinds()) absl::StrAppend(&query, kind, ",");
  return absl::StrCat(query, "/", CallerKey(call));
}

}  // namespace

ArchiveRecords::ArchiveRecords(RecordStore& store, const ProfileIngest& ingest,
                               const Clock& clock)
    : store_(store),
      ingest_(ingest),
      tokens_(store.info().id_hash_key, clock) {}

absl::Status ArchiveRecords::CheckExport(
    const rpc::CallContext& call, const v1::ExportRequest& request) const {
  MITRA_RETURN_IF_ERROR(RefuseMembers(call));
  for (int i = 0; i < request.kinds_size(); ++i) {
    if (!v1::RecordKind_IsValid(request.kinds(i)) || request.kinds(i) == 0) {
      return InvalidField(absl::StrCat("kinds[", i, "]"),
                          absl::StrCat("unknown value ", request.kinds(i)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ExportResponse> ArchiveRecords::ExportPage(
    const rpc::CallContext& call, const v1::ExportRequest& request,
    const std::string& token) const {
  const std::string query = QueryOf(call, request);
  auto decoded = tokens_.Decode(query, token);
  if (!decoded.ok()) {
    return InvalidField("resume_token",
                        "is broken, too old or of another query");
  }
  // The place is the number of the kind and the last key that was read.
  size_t at = decoded->empty() ? 0 : static_cast<size_t>((*decoded)[0] - '0');
  const std::string after = decoded->empty() ? "" : decoded->substr(1);
  while (at < std::size(kKinds) && !Wants(request, kKinds[at].kind)) ++at;
  v1::ExportResponse response;
  if (at >= std::size(kKinds)) {
    response.set_revision(store_.head());
    return response;
  }
  MITRA_ASSIGN_OR_RETURN(const EntityPage page,
                         store_.List(kKinds[at].type, after, kPage));
  response.set_revision(page.head);
  for (const Entity& entity : page.entities) {
    if (!SeesAll(call, entity)) continue;
    v1::ExportRow row;
    if (AppendRow(request, entity, row)) {
      *response.add_rows() = std::move(row);
    } else {
      response.set_unreadable(response.unreadable() + 1);
    }
  }
  std::string next;
  if (page.more && !page.entities.empty()) {
    next = absl::StrCat(at, page.entities.back().key);
  } else {
    for (++at; at < std::size(kKinds) && !Wants(request, kKinds[at].kind);) {
      ++at;
    }
    if (at < std::size(kKinds)) next = absl::StrCat(at);
  }
  if (!next.empty()) response.set_resume_token(tokens_.Encode(query, next));
  return response;
}

bool ArchiveRecords::AppendRow(const v1::ExportRequest& request,
                               const Entity& entity, v1::ExportRow& row) const {
  if (entity.damaged) return false;
  switch (entity.type) {
    case EntityType::kProfile: {
      absl::StatusOr<v1::Profile> given = GivenOf(entity);
      if (!given.ok()) return false;
      if (ingest_.vector_rules().from_callers) {
        RestoreVectors(entity.vectors, ingest_.vector_rules().model, *given);
      }
      if (!request.include_contacts()) given->clear_contact();
      given->set_owner(entity.owner);
      given->set_verified_by(entity.verified_by);
      SetTime(entity.create_time, *given->mutable_create_time());
      SetTime(entity.update_time, *given->mutable_update_time());
      given->set_revision(entity.revision);
      *row.mutable_profile() = *std::move(given);
      return true;
    }
    case EntityType::kEvidence: {
      absl::StatusOr<v1::Evidence> evidence = EvidenceOf(entity, true);
      if (!evidence.ok()) return false;
      *row.mutable_evidence() = *std::move(evidence);
      return true;
    }
    case EntityType::kConsent:
      if (!row.mutable_consent()->ParseFromString(entity.body)) return false;
      SetTime(entity.update_time,
              *row.mutable_consent()->mutable_record_time());
      row.mutable_consent()->set_revision(entity.revision);
      return true;
    case EntityType::kBlock:
      if (!row.mutable_block()->ParseFromString(entity.body)) return false;
      SetTime(entity.create_time, *row.mutable_block()->mutable_create_time());
      row.mutable_block()->set_revision(entity.revision);
      return true;
    case EntityType::kEngagement: {
      absl::StatusOr<v1::Engagement> engagement = StoredEngagement(entity);
      if (!engagement.ok()) return false;
      *row.mutable_engagement() = *std::move(engagement);
      return true;
    }
    case EntityType::kFeedback:
      return row.mutable_feedback()->ParseFromString(entity.secret);
    case EntityType::kRedirect:
    case EntityType::kEpoch:
      break;
  }
  return false;
}

absl::Status ArchiveRecords::Trace(const rpc::CallContext& call,
                                   const v1::TraceMemberRequest& request,
                                   v1::MemberTrace& response) const {
  MITRA_RETURN_IF_ERROR(RefuseMembers(call));
  MITRA_RETURN_IF_ERROR(ValidateId("profile_id", request.profile_id()));
  const std::string& id = request.profile_id();
  response.set_profile_id(id);
  response.set_revision(store_.head());
  response.set_presence(v1::MEMBER_PRESENCE_UNKNOWN);
  const RecordHealth health = store_.health();
  response.set_log_folded(health.log_bytes == 0);
  MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> entity,
                         store_.Get(EntityType::kProfile, id));
  if (entity && !SeesAll(call, *entity)) return absl::OkStatus();
  MITRA_ASSIGN_OR_RETURN(
      const Footprint footprint,
      store_.Trace(id, feed::IdHash(store_.info().id_hash_key, id)));
  for (const Tombstone& tombstone : footprint.deletions) {
    v1::TraceDeletion& deletion = *response.add_deletions();
    deletion.set_revision(tombstone.revision);
    deletion.set_incarnation(tombstone.incarnation);
  }
  std::map<v1::RecordKind, uint64_t> holdings;
  for (const auto& [relation, count] : footprint.links) {
    if (relation == Relation::kRedirectTo) continue;
    holdings[KindOf(relation)] += count;
  }
  if (entity) holdings[v1::RECORD_KIND_PROFILE] = 1;
  for (const auto& [kind, count] : holdings) {
    v1::TraceCount& holding = *response.add_holdings();
    holding.set_kind(kind);
    holding.set_count(count);
  }
  response.set_external_ids(static_cast<uint32_t>(footprint.external_ids));
  if (!entity) {
    MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> redirect,
                           store_.Get(EntityType::kRedirect, id));
    v1::MergeProfilesRequest merged;
    if (redirect && merged.ParseFromString(redirect->body)) {
      response.set_presence(v1::MEMBER_PRESENCE_MERGED);
      response.set_merged_into_profile_id(merged.into_profile_id());
    } else if (!footprint.deletions.empty()) {
      response.set_presence(v1::MEMBER_PRESENCE_DELETED);
    }
    return absl::OkStatus();
  }
  response.set_presence(v1::MEMBER_PRESENCE_PRESENT);
  response.set_incarnation(entity->incarnation);
  SetTime(entity->create_time, *response.mutable_create_time());
  SetTime(entity->update_time, *response.mutable_update_time());
  MITRA_ASSIGN_OR_RETURN(const EntityPage consents,
                         store_.ListLinked(id, Relation::kConsenting, "", {}));
  for (const Entity& decided : consents.entities) {
    v1::ExportRow row;
    if (AppendRow({}, decided, row)) {
      *response.add_consents() = std::move(*row.mutable_consent());
    }
  }
  return absl::OkStatus();
}

}  // namespace mitra::profile
