#include "services/profile/feed/change_encoder.h"

#include "absl/strings/str_cat.h"
#include "common/validation/field_checks.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "mitra/v1/profiles_service.pb.h"
#include "services/profile/ingest/engagement_states.h"
#include "services/profile/ingest/profile_state.h"
#include "services/profile/ingest/request_validation.h"

namespace mitra::profile {
namespace {

void AppendVarint(uint64_t value, std::string& out) {
  while (value >= 0x80) {
    out.push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<char>(value));
}

void AppendNumberField(int field, uint64_t value, std::string& out) {
  if (value == 0) return;
  AppendVarint(static_cast<uint64_t>(field) << 3, out);
  AppendVarint(value, out);
}

// The output-only fields of a profile; a message may come in pieces.
std::string OutputOnly(const Entity& entity, uint64_t record_incarnation) {
  v1::Profile p;
  p.set_owner(entity.owner);
  p.set_verified_by(entity.verified_by);
  p.set_etag(EncodeEtag(record_incarnation, entity.revision));
  SetTime(entity.create_time, *p.mutable_create_time());
  SetTime(entity.update_time, *p.mutable_update_time());
  p.set_revision(entity.revision);
  return p.SerializeAsString();
}

// The body with the seats that are taken.
std::string BodyOf(const Entity& entity) {
  v1::Profile profile;
  if (entity.tally.empty() || !profile.ParseFromString(entity.body)) {
    return entity.body;
  }
  AddTakenSeats(entity, profile);
  return profile.SerializeAsString();
}

std::string ProfileBytes(const Entity& entity, Selection selection,
                         uint64_t record_incarnation) {
  std::string out;
  AppendBytesField(
      v1::ProfileChange::kProfileFieldNumber,
      absl::StrCat(BodyOf(entity), OutputOnly(entity, record_incarnation)),
      out);
  AppendNumberField(v1::ProfileChange::kIncarnationFieldNumber,
                    entity.incarnation, out);
  if (selection.vectors) out += entity.vectors;
  if (!entity.tally.empty()) {
    AppendBytesField(v1::ProfileChange::kStandingFieldNumber, entity.tally,
                     out);
  }
  return out;
}

std::string EvidenceBytes(const Entity& entity) {
  v1::Evidence extra;
  SetTime(entity.create_time, *extra.mutable_create_time());
  extra.set_owner(entity.owner);
  extra.set_revision(entity.revision);
  std::string out;
  AppendBytesField(v1::EvidenceChange::kEvidenceFieldNumber,
                   absl::StrCat(entity.body, extra.SerializeAsString()), out);
  AppendNumberField(v1::EvidenceChange::kAuthorIncarnationFieldNumber,
                    entity.incarnation, out);
  AppendNumberField(v1::EvidenceChange::kAboutIncarnationFieldNumber,
                    entity.second_incarnation, out);
  return out;
}

std::string BlockBytes(const Entity& entity) {
  v1::Block extra;
  SetTime(entity.create_time, *extra.mutable_create_time());
  extra.set_revision(entity.revision);
  std::string out;
  AppendBytesField(v1::BlockChange::kBlockFieldNumber,
                   absl::StrCat(entity.body, extra.SerializeAsString()), out);
  AppendNumberField(v1::BlockChange::kRemovedFieldNumber, entity.removed, out);
  return out;
}

std::string ConsentBytes(const Entity& entity) {
  v1::Consent extra;
  SetTime(entity.update_time, *extra.mutable_record_time());
  extra.set_revision(entity.revision);
  // The receipt is the owner's affair.
  v1::Consent consent;
  consent.ParseFromString(entity.body);
  consent.clear_receipt_id();
  return absl::StrCat(consent.SerializeAsString(), extra.SerializeAsString());
}

std::string WithdrawalBytes(const Entity& entity) {
  v1::Evidence ids;
  ids.ParseFromString(entity.body);
  v1::EvidenceWithdrawal withdrawal;
  withdrawal.set_evidence_id(entity.key);
  withdrawal.set_author_id(ids.author_id());
  withdrawal.set_about_id(ids.about_id());
  return withdrawal.SerializeAsString();
}

// Only who is engaged with whom: all else of it is its parties' own.
std::string EngagementBytes(const Entity& entity) {
  v1::Engagement engagement;
  engagement.ParseFromString(entity.secret);
  v1::EngagementChange change;
  change.set_engagement_id(entity.key);
  change.set_seeker_id(engagement.seeker_id());
  change.set_provider_id(engagement.provider_id());
  change.set_provider_role(engagement.provider_role());
  change.set_open(IsOpenState(engagement.state()));
  change.set_seeker_incarnation(entity.incarnation);
  change.set_provider_incarnation(entity.second_incarnation);
  return change.SerializeAsString();
}

std::string RedirectBytes(const Entity& entity) {
  v1::MergeProfilesRequest merged;
  merged.ParseFromString(entity.body);
  v1::RedirectChange change;
  change.set_from_profile_id(entity.key);
  change.set_into_profile_id(merged.into_profile_id());
  return change.SerializeAsString();
}

std::string DeletionBytes(const Tombstone& tombstone) {
  v1::ProfileDeletion deletion;
  deletion.set_id_hash(tombstone.id_hash);
  deletion.set_incarnation(tombstone.incarnation);
  return deletion.SerializeAsString();
}

}  // namespace

Selection Selection::From(const v1::FeedSelector& selector) {
  return {selector.profiles(), selector.vectors(), selector.relations(),
          selector.token_key(), selector.redirects()};
}

bool Selection::Wants(EntityType type) const {
  switch (type) {
    case EntityType::kProfile:
      return profiles;
    case EntityType::kEvidence:
    case EntityType::kBlock:
    case EntityType::kConsent:
    case EntityType::kEngagement:
      return relations;
    case EntityType::kRedirect:
      return redirects;
    case EntityType::kFeedback:
    case EntityType::kEpoch:
      return false;
  }
  return false;
}

void AppendBytesField(int field, absl::string_view bytes, std::string& out) {
  AppendVarint(static_cast<uint64_t>(field) << 3 | 2, out);
  AppendVarint(bytes.size(), out);
  absl::StrAppend(&out, bytes);
}

bool AppendChange(const Change& change, Selection selection,
                  uint64_t record_incarnation, std::string& out) {
  std::string state;
  int field = 0;
  if (const Tombstone* tombstone = std::get_if<Tombstone>(&change)) {
    state = DeletionBytes(*tombstone);
    field = v1::Change::kProfileDeletionFieldNumber;
  } else {
    const Entity& entity = std::get<Entity>(change);
    if (!selection.Wants(entity.type)) return true;
    if (entity.damaged) return false;
    switch (entity.type) {
      case EntityType::kProfile:
        state = ProfileBytes(entity, selection, record_incarnation);
        field = v1::Change::kProfileFieldNumber;
        break;
      case EntityType::kEvidence:
        state =
            entity.removed ? WithdrawalBytes(entity) : EvidenceBytes(entity);
        field = entity.removed ? v1::Change::kEvidenceWithdrawalFieldNumber
                               : v1::Change::kEvidenceFieldNumber;
        break;
      case EntityType::kBlock:
        state = BlockBytes(entity);
        field = v1::Change::kBlockFieldNumber;
        break;
      case EntityType::kConsent:
        state = ConsentBytes(entity);
        field = v1::Change::kConsentFieldNumber;
        break;
      case EntityType::kEngagement:
        state = EngagementBytes(entity);
        field = v1::Change::kEngagementFieldNumber;
        break;
      case EntityType::kRedirect:
        state = RedirectBytes(entity);
        field = v1::Change::kRedirectFieldNumber;
        break;
      case EntityType::kFeedback:
      case EntityType::kEpoch:
        return true;
    }
  }
  std::string bytes;
  bytes.reserve(state.size() + 16);
  AppendNumberField(v1::Change::kRevisionFieldNumber, RevisionOf(change),
                    bytes);
  AppendBytesField(field, state, bytes);
  AppendBytesField(v1::WatchResponse::kChangesFieldNumber, bytes, out);
  return true;
}

}  // namespace mitra::profile
