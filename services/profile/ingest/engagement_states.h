// The life of an engagement: one table of states and of who may move it where.
//
//   from       to         who                what else happens
//   REQUESTED  ACCEPTED   provider           the held seat becomes an engaged
//                                            one; needs a free seat
//   REQUESTED  DECLINED   provider           seat freed, next choice asked
//   REQUESTED  CANCELLED  seeker             seat freed
//   REQUESTED  EXPIRED    the record         seat freed, next choice asked
//   ACCEPTED   ACTIVE     either             contact opens
//   ACCEPTED   COMPLETED  either             seat freed, evidence
//   ACCEPTED   CANCELLED  either             seat freed
//   ACTIVE     COMPLETED  either             seat freed, evidence
//   ACTIVE     CANCELLED  either             seat freed
//   COMPLETED  COMPLETED  who did not yet    evidence of the second side
//
// The table in proto/mitra/v1/engagements_service.proto is this one in words.

#ifndef MITRA_SERVICES_PROFILE_INGEST_ENGAGEMENT_STATES_H_
#define MITRA_SERVICES_PROFILE_INGEST_ENGAGEMENT_STATES_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "mitra/v1/engagement.pb.h"

namespace mitra::profile {

// Who moves an engagement; a bit each.
enum class Side : uint8_t {
  kSeeker = 1,
  kProvider = 2,
  kSystem = 4,
};

struct Transition {
  v1::EngagementState from;
  v1::EngagementState to;
  uint8_t sides;  // bits of Side

  bool Allows(Side side) const {
    return (sides & static_cast<uint8_t>(side)) != 0;
  }
};

// The whole table.
absl::Span<const Transition> Transitions();

// FAILED_PRECONDITION (ILLEGAL_TRANSITION) if the table has no such row,
// PERMISSION_DENIED (WRONG_SIDE) if the row is not for `side`.
absl::Status CheckTransition(v1::EngagementState from, v1::EngagementState to,
                             Side side);

// How a state counts against the provider's seats.
enum class SeatUse { kNone, kHeld, kEngaged };
SeatUse SeatUseOf(v1::EngagementState state);

// The state is not the last one.
inline bool IsOpenState(v1::EngagementState state) {
  return SeatUseOf(state) != SeatUse::kNone;
}

// The reasons that may be given for a decline or a cancellation.
absl::Span<const absl::string_view> EngagementReasons();

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_ENGAGEMENT_STATES_H_
