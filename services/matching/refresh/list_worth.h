// What an order of all lists of a market is worth, by allocation/
// market_measures.h: matches when both sides read their lists from the top, and
// the Gini coefficient of how much each candidate is looked at for each seat.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_LIST_WORTH_H_
#define MITRA_SERVICES_MATCHING_REFRESH_LIST_WORTH_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "services/matching/refresh/place_fitting.h"

namespace mitra::matching {

struct Worth {
  double matches = 0;
  double gini = 0;
};

// Measures orders of the same lists. Thread-compatible.
class ListWorth {
 public:
  // `wants` and `accepts` are by pair, as the lists; `seats` by right. All must
  // outlive the object. Memory: 8 bytes a pair, and 2 while it measures.
  ListWorth(const PlaceLists& lists, absl::Span<const float> wants,
            absl::Span<const float> accepts, absl::Span<const double> seats);

  // Of the lists by key and price; empty spans: without prices.
  Worth Of(absl::Span<const double> left_price,
           absl::Span<const double> right_price) const;

  // How many lists have this candidate.
  uint32_t lists_with(uint32_t right) const {
    return back_begin_[right + 1] - back_begin_[right];
  }

 private:
  uint32_t lefts() const {
    return static_cast<uint32_t>(lists_.begin.size() - 1);
  }

  const PlaceLists lists_;
  const absl::Span<const float> wants_, accepts_;
  const absl::Span<const double> seats_;
  // The pairs by right: where each right's begin, which they are, and whose.
  std::vector<uint32_t> back_begin_, back_pair_, back_left_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_LIST_WORTH_H_
