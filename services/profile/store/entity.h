// What the record holds: entities, their links to members, and what is left of
// a member that was deleted.

#ifndef MITRA_SERVICES_PROFILE_STORE_ENTITY_H_
#define MITRA_SERVICES_PROFILE_STORE_ENTITY_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/time/time.h"

namespace mitra::profile {

// Kinds of entities, in the order in which a snapshot lists them: members come
// before what refers to them.
enum class EntityType : uint8_t {
  kProfile = 1,
  kEvidence = 2,
  kBlock = 3,
  kConsent = 4,
  kFeedback = 5,
  kEngagement = 6,
  // An id that means another member, after the two were merged.
  kRedirect = 7,
  // Which slates are current, told by matching; one, under the key "current".
  kEpoch = 8,
};

// How an entity hangs on a member. Relations come in pairs that differ in the
// lowest bit: the two sides of one entity.
enum class Relation : uint8_t {
  kAuthor = 2,
  kAbout = 3,
  kBlocker = 4,
  kBlocked = 5,
  kConsenting = 6,
  kSubject = 8,
  kCandidate = 9,
  kSeeker = 10,
  kProvider = 11,
  // Named by an entity that does not go when the member goes.
  kAlternate = 12,
  kRedirectTo = 14,
};

inline Relation OtherSide(Relation relation) {
  return static_cast<Relation>(static_cast<uint8_t>(relation) ^ 1);
}

// An entity as it is stored. `body` is what followers may see, `secret` what
// only owners may; both are serialised messages without output-only fields.
struct Entity {
  EntityType type = EntityType::kProfile;
  std::string key;
  uint64_t revision = 0;
  // The life of the member: the revision at which it began. For other entities
  // the life of the first and the second member that they belong to.
  uint64_t incarnation = 0;
  uint64_t second_incarnation = 0;
  // Withdrawn: kept so that followers that come late learn of it.
  bool removed = false;
  // The stored bytes are not those that were written; body, secret and vectors
  // are empty.
  bool damaged = false;
  absl::Time create_time;
  absl::Time update_time;
  // Label of the credential that brought it.
  std::string owner;
  // Who checked the member; empty if nobody.
  std::string verified_by;
  // Hash of the content as the caller gave it, 16 bytes.
  std::string content_hash;
  std::string body;
  std::string secret;
  // Serialised vectors of a profile's facets.
  std::string vectors;
  // What the record itself counts of a member (SetTally); outlives what is
  // written over it.
  std::string tally;
};

// What is left of a deleted member, for ever.
struct Tombstone {
  uint64_t revision = 0;
  std::string id_hash;  // 16 bytes
  uint64_t incarnation = 0;
};

// One entry of the change feed.
using Change = std::variant<Entity, Tombstone>;

inline uint64_t RevisionOf(const Change& change) {
  return std::visit([](const auto& c) { return c.revision; }, change);
}

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_STORE_ENTITY_H_
