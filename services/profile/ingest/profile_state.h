// The forms of a profile inside the record.
//
// - given: what the caller said, normalised, without output-only fields.
// - shown to followers (Entity::body): regions and sectors in today's codes,
// what
//   has expired marked, nothing private. Follows from the given form and a
//   time.
// - secret (Entity::secret): what the followers' form lacks: contact, document
//   numbers, external ids; or the whole given form where the two differ.
//
// All functions are pure.

#ifndef MITRA_SERVICES_PROFILE_INGEST_PROFILE_STATE_H_
#define MITRA_SERVICES_PROFILE_INGEST_PROFILE_STATE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/profile/store/entity.h"

namespace mitra::v1 {
class Profile;
}

namespace mitra::profile {

// Turns a valid profile from outside into the given form: drops output-only
// and unknown fields, takes former region codes to today's, numbers needs and
// offers that have no id.
void NormaliseGiven(v1::Profile& profile);

struct ProfileState {
  std::string body;
  std::string secret;
  // When time will change the state next.
  std::optional<absl::Time> next_expiry;
};

// The stored forms at `now`. `shown`, if not null, receives the parsed body.
ProfileState DeriveState(const v1::Profile& given, absl::Time now,
                         v1::Profile* shown = nullptr);

// The given form of a stored profile. INTERNAL (DAMAGED_RECORD) if the bytes
// cannot be read.
absl::StatusOr<v1::Profile> GivenOf(const Entity& entity);

// Marks the seats that engagements take, from the record's own count
// (Entity::tally), in the facets that have seats.
void AddTakenSeats(const Entity& entity, v1::Profile& profile);

// The profile as its owner sees it (`all`) or as anybody does: the state at its
// last change, sectors as they were given, with output-only fields.
absl::StatusOr<v1::Profile> ViewOf(const Entity& entity,
                                   uint64_t record_incarnation, bool all);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_PROFILE_STATE_H_
