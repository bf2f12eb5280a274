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

// A sum that keeps what rounding takes from it (two doubles, Knuth's exact
// addition): a million pieces added and taken away again leave less than 1e-20.
struct ExactSum {
  double high = 0;
  double low = 0;

  void Add(double value) {
    const double sum = high + value;
    const double part = sum - high;
    low += (high - (sum - part)) + (value - part);
    high = sum;
  }
  void Scale(int power_of_two) {
    high = std::ldexp(high, power_of_two);
    low = std::ldexp(low, power_of_two);
  }
  // Never below 0, where sums of evidence cannot be.
  double value() const { return std::max(0.0, high + low); }
};

// What is left of evidence at some time.
struct Left {
  double positive = 0;
  double negative = 0;
};

// Evidence of one kind from one member about another. Sums are held as of the
// end of a half-life, counted from 1970: bringing them forward multiplies by a
// power of two, and so the same piece adds and takes away the same number
// whatever came between. Sums thus depend on the evidence alone, not on its
// order or on what was withdrawn.
struct KindSums {
  ExactSum positive;
  ExactSum negative;
  int64_t latest = 0;  // latest event time so far
  // How much better than usual the pieces are, in millionths; see RaterBias.
  int64_t excess = 0;
  int32_t period = 0;  // the end of this half-life
  uint32_t pieces = 0;
  uint8_t kind = 0;

  // Adds (sign 1) or takes away (sign -1) one piece.
  void Add(const EvidenceKindOptions& options, int64_t time, double quality,
           int sign) {
    double weight = options.weight;
    if (options.half_life_days > 0) {
      const double half_life = options.half_life_days * kSecondsPerDay;
      const double periods = std::floor(static_cast<double>(time) / half_life);
      const auto own = static_cast<int32_t>(periods) + 1;
      if (pieces == 0) period = own;
      if (own > period) {
        positive.Scale(period - own);
        negative.Scale(period - own);
        period = own;
      }
      const double rest = static_cast<double>(time) / half_life - periods - 1;
      weight = std::ldexp(weight * std::exp2(rest), own - period);
    }
    latest = std::max(latest, time);
    positive.Add(sign * (weight * quality));
    negative.Add(sign * (weight * (1 - quality)));
    pieces += sign;
    excess += sign * std::llround((quality - options.default_quality) * 1e6);
    if (pieces == 0) positive = negative = {};
  }

  // At `now` (Unix seconds). Evidence from the future, as clocks differ, counts
  // as if it were now.
  Left At(const EvidenceKindOptions& options, int64_t now) const {
    double left = 1;
    if (options.half_life_days > 0) {
      const double half_life = options.half_life_days * kSecondsPerDay;
      left = std::exp2(period -
                       static_cast<double>(std::max(now, latest)) / half_life);
    }
    return {positive.value() * left, negative.value() * left};
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
    const auto [positive, negative] = kind.At(kind_options, now);
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
