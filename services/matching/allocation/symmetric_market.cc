#include "services/matching/allocation/symmetric_market.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "common/base/thread_priority.h"
#include "common/status/status_macros.h"
#include "services/matching/allocation/plain_price.h"

namespace mitra::matching {
namespace {

constexpr float kMaxUtility = 1e6F;
// Members whose price is made before others may have the processor.
constexpr size_t kTurn = 64;

absl::Status Check(const SymmetricPairs& pairs,
                   absl::Span<const double> capacity,
                   const MarketOptions& options) {
  const size_t members = capacity.size();
  if (pairs.begin.size() != members + 1 || pairs.begin.front() != 0 ||
      pairs.begin.back() != pairs.other.size() ||
      pairs.other.size() != pairs.utility.size() ||
      !std::is_sorted(pairs.begin.begin(), pairs.begin.end())) {
    return absl::InvalidArgumentError("pairs: rows do not fit");
  }
  for (size_t p = 0; p < pairs.other.size(); ++p) {
    // Written so that NaN fails, too.
    if (pairs.other[p] >= members ||
        !(std::abs(pairs.utility[p]) <= kMaxUtility)) {
      return absl::InvalidArgumentError("pairs: out of range");
    }
  }
  for (const double places : capacity) {
    if (!(places >= 0 && places <= 1e9)) {
      return absl::InvalidArgumentError("capacity: out of range");
    }
  }
  if (!(options.beta >= .001 && options.beta <= 100) ||
      options.max_sweeps < 1 || !(options.tolerance >= 0)) {
    return absl::InvalidArgumentError("options: out of range");
  }
  return absl::OkStatus();
}

// For utilities that are too great for plain numbers.
absl::StatusOr<SymmetricSolution> SolveByLists(
    const SymmetricPairs& pairs, absl::Span<const double> capacity,
    MarketOptions options) {
  std::vector<CandidatePair> both;
  both.reserve(pairs.other.size());
  for (uint32_t a = 0; a < capacity.size(); ++a) {
    for (uint32_t p = pairs.begin[a]; p < pairs.begin[a + 1]; ++p) {
      both.push_back({a, pairs.other[p], pairs.utility[p]});
    }
  }
  MITRA_ASSIGN_OR_RETURN(
      const PairLists lists,
      PairLists::DoubleCover(static_cast<uint32_t>(capacity.size()),
                             std::move(both)));
  options.prices_only = true;
  MITRA_ASSIGN_OR_RETURN(MarketSolution market,
                         SolveMarket(lists, capacity, capacity, options));
  return SymmetricSolution{std::move(market.log_price_right), market.sweeps,
                           market.converged};
}

// The prices of one side for those of the other; returns the greatest move.
double Sweep(const SymmetricPairs& pairs, const std::vector<float>& weight,
             absl::Span<const double> capacity, const std::vector<double>& from,
             std::vector<double>& to) {
  double change = 0;
  for (size_t m = 0; m < capacity.size(); ++m) {
    if (m % kTurn == 0) GiveWay();
    double sum = 0;
    for (uint32_t p = pairs.begin[m]; p < pairs.begin[m + 1]; ++p) {
      sum += weight[p] * from[pairs.other[p]];
    }
    change =
        std::max(change, MovePlain(to[m], PlainPrice(capacity[m], sum / 2)));
  }
  return change;
}

}  // namespace

absl::StatusOr<SymmetricSolution> SolveSymmetricMarket(
    SymmetricPairs pairs, absl::Span<const double> capacity,
    const MarketOptions& options) {
  MITRA_RETURN_IF_ERROR(Check(pairs, capacity, options));
  const double scale = 1 / (2 * options.beta);
  if (!IsNarrow(pairs.utility, scale)) {
    return SolveByLists(pairs, capacity, options);
  }
  std::vector<float> weight = std::move(pairs.utility);
  for (float& one : weight) one = static_cast<float>(Weigh(one * scale));
  std::vector<double> left(capacity.size(), 1), right(capacity.size());
  for (size_t m = 0; m < right.size(); ++m) {
    right[m] = PlainPrice(capacity[m], 0);
  }
  SymmetricSolution solution;
  while (solution.sweeps < options.max_sweeps && !solution.converged) {
    ++solution.sweeps;
    double change = Sweep(pairs, weight, capacity, right, left);
    change = std::max(change, Sweep(pairs, weight, capacity, left, right));
    solution.converged = change <= options.tolerance;
  }
  // One price for both copies of a member: the mean of their logs.
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  solution.log_price.resize(capacity.size());
  for (size_t m = 0; m < capacity.size(); ++m) {
    solution.log_price[m] = left[m] > 0 && right[m] > 0
                                ? .5 * (std::log(left[m]) + std::log(right[m]))
                                : kNever;
  }
  return solution;
}

}  // namespace mitra::matching
