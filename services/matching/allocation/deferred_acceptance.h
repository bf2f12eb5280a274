// Hard seats: who gets which place when places are whole and lists are ordered.
//
// Deferred acceptance (Gale and Shapley, AMM 1962; hospitals and residents with
// places on both sides). The result is stable: no two who are on each other's
// lists would both rather have each other than what they got. With one place
// each on the proposing side it is the best stable result for every proposer
// and no proposer gains by ordering its list falsely (Roth, 1982; Dubins and
// Freedman, 1981).
//
// Equal values are ordered by a lottery number that depends on the seed and the
// two members only, so that the same input and seed give the same result
// whatever the order of the pairs, and nobody is favoured for a low index.

#ifndef MITRA_SERVICES_MATCHING_ALLOCATION_DEFERRED_ACCEPTANCE_H_
#define MITRA_SERVICES_MATCHING_ALLOCATION_DEFERRED_ACCEPTANCE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/matching/allocation/pair_lists.h"

namespace mitra::matching {

struct SeatMarket {
  const PairLists* pairs;  // utilities are not read
  // By pair: what each side thinks of the other; greater is better. A value
  // that is not above `acceptable` is no candidate for that side. Finite.
  absl::Span<const float> left_value;
  absl::Span<const float> right_value;
  float acceptable = 0;
  // Places that the left (it proposes) wants and the right has.
  absl::Span<const uint32_t> wanted_left;
  absl::Span<const uint32_t> seats_right;
  uint64_t lottery_seed = 0;
};

// Pairs that get a place, ascending. O(pairs log pairs). INVALID_ARGUMENT for
// spans of other sizes, values that are not finite, and pairs of one population
// (a stable result need not exist there).
absl::StatusOr<std::vector<uint32_t>> AllocateSeats(const SeatMarket& market);

// Pairs (l, r) without a place for each other that both would take: each has a
// place free or prefers the other to the worst it got. 0 for a stable result.
// `given` as AllocateSeats returns it. O(pairs log pairs).
uint64_t CountBlockingPairs(const SeatMarket& market,
                            absl::Span<const uint32_t> given);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_ALLOCATION_DEFERRED_ACCEPTANCE_H_
