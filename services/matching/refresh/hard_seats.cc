#include "services/matching/refresh/hard_seats.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/status/status_macros.h"
#include "services/matching/allocation/deferred_acceptance.h"
#include "services/matching/refresh/market.h"

namespace mitra::matching {
namespace {

using Lists = absl::Span<const absl::Span<MarketCandidate>>;

// Rows that may be given a seat, as the solver wants them.
struct Offers {
  std::vector<CandidatePair> pairs;
  std::vector<MarketCandidate*> rows;  // by pair
  std::vector<float> left, right;      // values by pair
  std::vector<uint32_t> wanted;        // by list
  std::vector<uint32_t> seats;         // by candidate
};

class Candidates {
 public:
  Candidates(const KindSpec& kind, const MemberView& members)
      : kind_(kind), members_(members) {}

  uint32_t Of(MemberIndex member, Offers& offers) {
    const auto [at, is_new] = numbers_.try_emplace(member, numbers_.size());
    if (is_new) {
      const double seats = SeatsOf(kind_, members_.at(member));
      offers.seats.push_back(static_cast<uint32_t>(std::max(0.0, seats)));
    }
    return at->second;
  }

 private:
  const KindSpec& kind_;
  const MemberView& members_;
  absl::flat_hash_map<MemberIndex, uint32_t> numbers_;
};

Offers OffersOf(const KindSpec& kind, const MemberView& members,
                const PriceList& prices, Lists lists) {
  Offers offers;
  Candidates candidates(kind, members);
  const auto wanted = static_cast<uint32_t>(WantedPartners(kind));
  std::vector<std::pair<uint32_t, MarketCandidate*>> rows;
  for (uint32_t l = 0; l < lists.size(); ++l) {
    offers.wanted.push_back(wanted);
    rows.clear();
    for (MarketCandidate& row : lists[l]) {
      const uint32_t number = candidates.Of(row.member, offers);
      if (!row.pinned()) {
        rows.emplace_back(number, &row);
        continue;
      }
      if (offers.seats[number] > 0) --offers.seats[number];
      if (offers.wanted[l] > 0) --offers.wanted[l];
    }
    std::sort(rows.begin(), rows.end());
    for (const auto& [number, row] : rows) {
      offers.pairs.push_back({l, number, 0});
      offers.rows.push_back(row);
      offers.left.push_back(row->key + prices[row->member]);
      offers.right.push_back(row->accepts);
    }
  }
  return offers;
}

}  // namespace

absl::StatusOr<GivenSeats> GiveSeats(const KindSpec& kind,
                                     const MemberView& members,
                                     const PriceList& prices, Lists lists) {
  GivenSeats result;
  if (kind.pool != CapacityPool::kFacetSeats) return result;
  const Offers offers = OffersOf(kind, members, prices, lists);
  if (offers.pairs.empty()) return result;
  MITRA_ASSIGN_OR_RETURN(
      const PairLists pairs,
      PairLists::Sparse(static_cast<uint32_t>(lists.size()),
                        static_cast<uint32_t>(offers.seats.size()),
                        offers.pairs));
  SeatMarket market;
  market.pairs = &pairs;
  market.left_value = offers.left;
  market.right_value = offers.right;
  // Everybody on a list may be shown: none is worse than nobody.
  market.acceptable =
      std::min(*std::min_element(offers.left.begin(), offers.left.end()),
               *std::min_element(offers.right.begin(), offers.right.end())) -
      1;
  market.wanted_left = offers.wanted;
  market.seats_right = offers.seats;
  market.lottery_seed = static_cast<uint64_t>(kind.kind);
  MITRA_ASSIGN_OR_RETURN(const std::vector<uint32_t> given,
                         AllocateSeats(market));
  for (const uint32_t pair : given) {
    offers.rows[pair]->sources |= MarketCandidate::kSeatBit;
  }
  result.given = given.size();
  result.blocking = CountBlockingPairs(market, given);
  return result;
}

}  // namespace mitra::matching
