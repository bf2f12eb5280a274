#include "services/profile/ingest/redirects.h"

#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "mitra/v1/evidence.pb.h"
#include "mitra/v1/profiles_service.pb.h"

namespace mitra::profile {

absl::Status Redirects::Load(RecordStore& store) {
  std::string after;
  for (bool more = true; more;) {
    MITRA_ASSIGN_OR_RETURN(const EntityPage page,
                           store.List(EntityType::kRedirect, after, {}));
    for (const Entity& entity : page.entities) {
      after = entity.key;
      Add(entity);
    }
    more = page.more;
  }
  return absl::OkStatus();
}

void Redirects::Note(const CommittedChanges& changes) {
  for (const Change& change : *changes) {
    const Entity* entity = std::get_if<Entity>(&change);
    if (entity != nullptr && entity->type == EntityType::kRedirect) {
      Add(*entity);
    }
  }
}

void Redirects::Add(const Entity& entity) {
  v1::MergeProfilesRequest merged;
  if (entity.damaged || !merged.ParseFromString(entity.body)) return;
  absl::MutexLock lock(&mutex_);
  into_[entity.key] = merged.into_profile_id();
  any_ = true;
}

bool Redirects::Resolve(std::string& id) const {
  if (!any_.load(std::memory_order_acquire)) return false;
  absl::MutexLock lock(&mutex_);
  bool found = false;
  // A chain is as long as members were merged one after the other.
  for (auto it = into_.find(id); it != into_.end(); it = into_.find(id)) {
    id = it->second;
    found = true;
  }
  return found;
}

absl::Status Redirects::Follow(Put& evidence) const {
  bool moved = false;
  for (MemberLink& link : evidence.links) moved |= Resolve(link.member);
  if (!moved || evidence.links.size() != 2) return absl::OkStatus();
  v1::Evidence body;
  body.ParseFromString(evidence.body);
  body.set_author_id(evidence.links[0].member);
  body.set_about_id(evidence.links[1].member);
  evidence.body = body.SerializeAsString();
  if (body.author_id() != body.about_id()) return absl::OkStatus();
  return InvalidField(
      evidence.links[1].field,
      "is the same member as the author since they were merged");
}

absl::Status Redirects::CheckFree(RecordStore& store,
                                  const std::string& id) const {
  std::string into = id;
  if (!Resolve(into)) return absl::OkStatus();
  // With the member that stayed the redirect went too.
  MITRA_ASSIGN_OR_RETURN(const std::optional<Entity> redirect,
                         store.Get(EntityType::kRedirect, id));
  if (!redirect) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "PROFILE_MERGED",
                   "profile_id: was merged into another member",
                   {{"into_profile_id", into}});
}

}  // namespace mitra::profile
