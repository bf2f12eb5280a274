// What an allocation is worth and how evenly it falls.

#ifndef MITRA_SERVICES_MATCHING_ALLOCATION_MARKET_MEASURES_H_
#define MITRA_SERVICES_MATCHING_ALLOCATION_MARKET_MEASURES_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "services/matching/allocation/pair_lists.h"

namespace mitra::matching {

// Gini coefficient of non-negative amounts: half the mean absolute difference
// over the mean, 0 (equal) to 1 - 1/n. 0 for none and for a sum of 0.
// O(n log n).
double GiniCoefficient(std::vector<double> amounts);

// Envy of the left side: the share of ordered pairs of different members (a, b)
// in which a would rather have b's matches than its own, by a's own values
// (`left_value` by pair, >= 0; pairs that a has not are worth 0 to a):
//   sum_r matches_br value_ar > sum_r matches_ar value_ar + 1e-9
// 0 to 1. `matches` by pair: expected, or 0 and 1. O(lefts * pairs).
double EnvyShare(const PairLists& pairs, absl::Span<const float> left_value,
                 absl::Span<const float> matches);

// Rank (0 is best) of each pair in the list of its left member or of its right
// member, by falling `score` (by pair); equal scores by the other's index.
// O(pairs log pairs).
std::vector<uint32_t> RanksOfLeft(const PairLists& pairs,
                                  absl::Span<const double> score);
std::vector<uint32_t> RanksOfRight(const PairLists& pairs,
                                   absl::Span<const double> score);

// Matches when both sides read their ranked lists from the top, look at the
// place of rank k with chance 1 / (k + 1) and then say yes with their own
// probability; a match needs both:
//   sum over pairs of  wants / (rank_left + 1) * accepts / (rank_right + 1)
// (Tomita et al., RecSys 2023; Su et al., WWW 2022). All spans by pair;
// probabilities 0 to 1.
double ExpectedMatches(absl::Span<const float> wants,
                       absl::Span<const float> accepts,
                       absl::Span<const uint32_t> rank_left,
                       absl::Span<const uint32_t> rank_right);

// How much each right member is looked at in the lists of the left: the sum of
// 1 / (rank_left + 1).
std::vector<double> ExposureOfRight(const PairLists& pairs,
                                    absl::Span<const uint32_t> rank_left);
// The same for the left members in the lists of the right.
std::vector<double> ExposureOfLeft(const PairLists& pairs,
                                   absl::Span<const uint32_t> rank_right);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_ALLOCATION_MARKET_MEASURES_H_
