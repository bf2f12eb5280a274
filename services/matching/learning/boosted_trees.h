// Gradient boosting with trees of at most three questions: what a logistic
// cannot say, namely that one number means another thing where a second one is
// high. J. H. Friedman, "Greedy function approximation", Annals of Statistics
// 2001, with Newton steps at the leaves.

#ifndef MITRA_SERVICES_MATCHING_LEARNING_BOOSTED_TREES_H_
#define MITRA_SERVICES_MATCHING_LEARNING_BOOSTED_TREES_H_

#include <array>
#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/matching/learning/logistic.h"

namespace mitra::matching {

// Two questions one after the other: at 0 the first, at 1 the second for values
// up to the first's split, at 2 for those above it.
struct SmallTree {
  std::array<size_t, 3> feature{};
  std::array<float, 3> split{};
  // Low, low; low, high; high, low; high, high.
  std::array<double, 4> value{};

  double Of(absl::Span<const float> values) const {
    const size_t second = values[feature[0]] <= split[0] ? 1 : 2;
    const bool high = !(values[feature[second]] <= split[second]);
    return value[2 * (second - 1) + (high ? 1 : 0)];
  }
};

struct BoostedTrees {
  double bias = 0;
  std::vector<SmallTree> trees;

  double LogOdds(absl::Span<const float> values) const;
};

struct BoostingOptions {
  int rounds = 60;
  // Share of each tree's step that is taken.
  double step = .1;
  // Penalty on the value of a leaf, in units of its curvature.
  double l2 = 5;
  // Examples on each side of a split at least.
  size_t min_examples = 50;
  // Splits are looked for between so many quantiles of a feature.
  int quantiles = 32;
};

// O(rounds * n * features). Deterministic. Weights of examples count.
// FAILED_PRECONDITION unless both answers occur; INVALID_ARGUMENT for options
// out of range.
absl::StatusOr<BoostedTrees> FitTrees(const Examples& examples,
                                      const BoostingOptions& options = {});

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_LEARNING_BOOSTED_TREES_H_
