// Expected matches and prices of a market in which everybody's places are
// counted.
//
// Choo and Siow, "Who marries whom and why", JPE 2006, solved by iterative
// proportional fitting (IPFP; Galichon and Salanie, REStud 2022), as proposed
// for recommendation by Tomita et al., RecSys 2023:
//   K_lr  = exp(utility_lr / 2 beta)
//   mu_lr = K_lr A_l B_r                 expected matches of a pair
//   A_l^2 + sum_r mu_lr = capacity_l     A_l^2: places that stay free
//   B_r^2 + sum_l mu_lr = capacity_r
// The update of one side given the other is the positive root of a quadratic.
// Its textbook form sqrt(n + s^2) - s cancels to 0 for small beta; here it is
//   log A = 1/2 log n - asinh(s / sqrt n),  s = 1/2 sum_r K_lr B_r,
// with log s by log-sum-exp, so nothing overflows or cancels for any utility
// within ±1e6 and any beta that is allowed. Where all utilities lie within
// ±60 log units the exponentials are taken once and the sums are plain ones,
// with the root as A = n / (s + sqrt(s^2 + n)), which does not cancel either:
// 6 times faster, and the same to 1e-6 of a log unit.
//
// What a price means: log B_r is high while r has free places and falls as r
// is wanted by more than it has places for; added to the utility of each side
// it spreads attention over the overlooked. B_r and r's expected matches
// capacity_r - B_r^2 both grow with capacity_r when all else stands still
// (Decker, Lieb, McCann and Stephens, J. Econ. Theory 2013, theorem 2 and
// corollary 3), so a member who states fewer places than it has gains neither
// a better price nor more matches. Not covered: several members who act
// together, and a market that is stopped long before it has converged.

#ifndef MITRA_SERVICES_MATCHING_ALLOCATION_TRANSFERABLE_UTILITY_H_
#define MITRA_SERVICES_MATCHING_ALLOCATION_TRANSFERABLE_UTILITY_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/matching/allocation/pair_lists.h"

namespace mitra::matching {

struct MarketOptions {
  // Temperature, .001 to 100: how much chance decides; at 0 the matching of
  // greatest total utility.
  double beta = .1;
  // Rounds over both sides, 1 to 100,000. Order of the best candidates is
  // usually settled after 30 (TRUST 1.6).
  int max_sweeps = 30;
  // Ends earlier once no log price moves by more, in log units; 0 or more.
  double tolerance = 1e-9;
  // Leaves `matches` and the free places out, which take as long as a round.
  bool prices_only = false;
};

struct MarketSolution {
  // Natural logs of A and B; -infinity for capacity 0.
  std::vector<double> log_price_left;
  std::vector<double> log_price_right;
  // Expected matches by pair of the lists, at least 0. The sum over a member's
  // pairs is at most its capacity.
  std::vector<float> matches;
  // Places that stay free, expected.
  std::vector<double> free_left;
  std::vector<double> free_right;
  int sweeps = 0;
  // Largest move of a log price in the last sweep.
  double last_change = 0;
  bool converged = false;  // last_change <= tolerance

  double total() const;  // expected matches in all
};

// `capacity_left` and `capacity_right`: places per member, 0 to 1e9, finite;
// fractions are allowed. For lists of one population both are the same and the
// solution is symmetric: matches of (a, b) and (b, a) are equal and each is the
// expected number of meetings of a and b. INVALID_ARGUMENT for numbers out of
// range.
//
// O(pairs) per sweep, two exponentials per pair; deterministic.
absl::StatusOr<MarketSolution> SolveMarket(
    const PairLists& pairs, absl::Span<const double> capacity_left,
    absl::Span<const double> capacity_right, const MarketOptions& options = {});

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_ALLOCATION_TRANSFERABLE_UTILITY_H_
