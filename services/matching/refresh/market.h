// One kind's joint solution: everybody's candidates are weighed together, so
// that attention goes where there is room for it.
//
// Each list ranked alone sends everybody to the same few. Here every member
// states how many partners it wants and every candidate how many it can carry;
// the prices of allocation/transferable_utility.h then lower the key of those
// who are wanted by too many and raise that of the overlooked. The key is the
// one of online answers, (x_uv + x_vu) / 2 beta + log B_v, so both agree.
//
// Saying fewer seats than one has does not pay: the price of who does, relative
// to the median, does not rise. In the joint solution that is a theorem (less
// capacity never makes its owner cheaper; allocation/transferable_utility.h);
// each round of fitting to places goes against who is shown beyond its seats'
// share; and how far looks are spread at all is decided by the same market with
// the same seats for everybody, so that nobody's statement has a part in it.
// Two things are left: rounds are steps, which where nearly all want the same
// has raised a price by half a log unit (of 20 that keys span; 2 cases of
// 3,000), and seats as they are stated may cost matches that even ones gain.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_MARKET_H_
#define MITRA_SERVICES_MATCHING_REFRESH_MARKET_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "services/matching/ranking/recommendation_kinds.h"
#include "services/matching/refresh/candidate_lists.h"
#include "services/matching/refresh/price_board.h"

namespace mitra::matching {

struct MarketInput {
  const KindSpec* kind = nullptr;
  const MemberView* members = nullptr;
  // Who seeks.
  absl::Span<const MemberIndex> subjects;
  // Gives the list of each, in order: its candidates, best key first, each
  // member once. Pinned ones stand before all others: they are settled, and
  // their seats taken. A list need not outlive its call.
  using TakeList = std::function<void(absl::Span<const MarketCandidate>)>;
  std::function<absl::Status(const TakeList&)> lists;
  // Of each list, this many are weighed.
  size_t weighed = SIZE_MAX;
  int threads = 1;
};

struct MarketOutput {
  PriceList prices;  // by MemberIndex
  float unit = 0;    // what a log unit of the market is in units of the key
  v1::MarketReport report;
};

// Partners that a subject wants of a kind, on average: what its seats in the
// market are. A slate shows more than one takes.
double WantedPartners(const KindSpec& kind);

// Seats of a candidate in a kind's market; negative: not counted.
double SeatsOf(const KindSpec& kind, const Member& member);

// 30 sweeps; O(pairs log pairs). Deterministic. Memory: about 45 bytes a pair.
// INVALID_ARGUMENT for keys that are not finite; errors of `lists`.
absl::StatusOr<MarketOutput> SolveMarketOf(const MarketInput& input);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_MARKET_H_
