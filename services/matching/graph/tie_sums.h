// The arithmetic of one tie: decayed sums, expected trust, walk weight (TRUST
// 1.1). Internal to graph/.

#ifndef MITRA_SERVICES_MATCHING_GRAPH_TIE_SUMS_H_
#define MITRA_SERVICES_MATCHING_GRAPH_TIE_SUMS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "absl/container/inlined_vector.h"
#include "services/matching/graph/tie_options.h"

namespace mitra::matching {

inline constexpr double kSecondsPerDay = 86'400;

// What is left of 1 after `seconds`; above 1 for times before.
inline double DecayOver(const EvidenceKindOptions& kind, double seconds) {
  if (kind.half_life_days <= 0) return 1;
  return std::exp2(-seconds / (kind.half_life_days * kSecondsPerDay));
}

// Evidence of one kind from one member about another, at time `at`, that of
// its latest piece.
struct KindSums {
  double positive = 0;
  double negative = 0;
  int64_t at = 0;
  uint32_t pieces = 0;
  uint8_t kind = 0;

  // Adds (sign 1) or takes away (sign -1) one piece.
  void Add(const EvidenceKindOptions& options, int64_t time, double quality,
           int sign) {
    if (time > at) {
      const double left = DecayOver(options, static_cast<double>(time - at));
      positive *= left;
      negative *= left;
      at = time;
    }
    const double weight =
        options.weight * DecayOver(options, static_cast<double>(at - time));
    positive = std::max(0.0, positive + sign * weight * quality);
    negative = std::max(0.0, negative + sign * weight * (1 - quality));
    pieces += sign;
    if (pieces == 0) positive = negative = 0;
  }
};

// All kinds of one ordered pair.
using PairSums = absl::InlinedVector<KindSums, 1>;

// A tie at one time.
struct TieValue {
  double positive = 0;
  double negative = 0;
  double trust = 0;
  double certainty = 0;
  double walk = 0;  // weight of the walk, not normalised
  uint32_t pieces = 0;
  uint8_t kind = 0;  // the kind with most evidence; 0: no tie
  bool to_group = false;
};

inline TieValue Evaluate(const PairSums& sums, const TieOptions& options,
                         int64_t now) {
  TieValue tie;
  double most = -1;
  for (const KindSums& kind : sums) {
    if (kind.pieces == 0) continue;
    const EvidenceKindOptions& kind_options = options.kinds[kind.kind];
    // Evidence from the future (clocks differ) counts as of now.
    const double left = DecayOver(
        kind_options, std::max<double>(0, static_cast<double>(now - kind.at)));
    const double positive = kind.positive * left;
    const double negative = kind.negative * left;
    tie.positive += positive;
    tie.negative += negative;
    tie.pieces += kind.pieces;
    tie.to_group = tie.to_group || kind_options.to_group;
    if (positive + negative > most) {
      most = positive + negative;
      tie.kind = kind.kind;
    }
  }
  if (tie.pieces == 0) return tie;
  const double n = tie.positive + tie.negative;
  const double uncertainty = options.prior_weight / (n + options.prior_weight);
  tie.certainty = 1 - uncertainty;
  tie.trust = tie.positive / (n + options.prior_weight) +
              options.base_rate * uncertainty;
  tie.walk = std::max(0.0, tie.trust - options.neutral_trust) *
             std::pow(tie.certainty, options.certainty_power);
  return tie;
}

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_GRAPH_TIE_SUMS_H_
