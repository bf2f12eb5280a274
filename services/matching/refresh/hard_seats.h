// Seats given out whole: deferred acceptance over the lists in their order.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_HARD_SEATS_H_
#define MITRA_SERVICES_MATCHING_REFRESH_HARD_SEATS_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/matching/ranking/recommendation_kinds.h"
#include "services/matching/refresh/candidate_lists.h"
#include "services/matching/refresh/price_board.h"

namespace mitra::matching {

struct GivenSeats {
  uint64_t given = 0;
  uint64_t blocking = 0;  // 0: stable
};

// Gives each member up to WantedPartners(kind) seats of the candidates on its
// list, in the order of key and price, and each candidate no more members than
// it has free seats (SeatsOf), those first that it would rather accept; marks
// the rows (kSeatBit). Pinned rows have their seat beforehand. Equal chances go
// by lot, the same for the same lists. Candidates whose seats are not counted
// have none to give.
absl::StatusOr<GivenSeats> GiveSeats(
    const KindSpec& kind, const MemberView& members, const PriceList& prices,
    absl::Span<const absl::Span<MarketCandidate>> lists);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_HARD_SEATS_H_
