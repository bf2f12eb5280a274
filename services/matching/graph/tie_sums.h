// The arithmetic of one tie: decayed sums, expected trust, walk weight (TRUST
// 1.1). Internal to graph/.

#ifndef MITRA_SERVICES_MATCHING_GRAPH_TIE_SUMS_H_
#define MITRA_SERVICES_MATCHING_GRAPH_TIE_SUMS_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "services/matching/graph/complaint_window.h"
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

// Evidence of one kind from one member about another; complaints that end at
// different times are held apart, so that each is gone at its end without a
// sweep. Sums are held as of the end of a half-life, counted from 1970:
// bringing them forward multiplies by a power of two, and so the same piece
// adds and takes away the same number whatever came between. Sums thus depend
// on the evidence alone, not on its order or on what was withdrawn.
struct KindSums {
  ExactSum positive;
  ExactSum negative;
  // How much better than usual the pieces are, in millionths; see RaterBias.
  int64_t excess = 0;
  int32_t period = 0;  // the end of this half-life
  uint32_t pieces = 0;
  EndDay end = kNoEnd;  // of all pieces: those of a month end together
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
    positive.Add(sign * (weight * quality));
    negative.Add(sign * (weight * (1 - quality)));
    pieces += sign;
    excess += sign * std::llround((quality - options.default_quality) * 1e6);
    if (pieces == 0) positive = negative = {};
  }

  // At `now` (Unix seconds). Evidence from the future, as clocks differ, counts
  // as if it were now: together no more than so many fresh pieces.
  Left At(const EvidenceKindOptions& options, int64_t now) const {
    if (HasEnded(end, now)) return {};
    const double r = positive.value(), s = negative.value();
    if (r + s <= 0) return {};
    double left = 1;
    if (options.half_life_days > 0) {
      const double half_life = options.half_life_days * kSecondsPerDay;
      left = std::exp2(period - static_cast<double>(now) / half_life);
    }
    left = std::min(left, options.weight * pieces / (r + s));
    return {r * left, s * left};
  }
};

static_assert(sizeof(KindSums) == 56);  // there are some for each tie

// All kinds of one ordered pair, by kind, then by end; each once. Most pairs
// have one. A pair has at most one for each month and kind, however many
// pieces.
using PairSums = absl::InlinedVector<KindSums, 1>;

// Where the sums of a kind and end are, or belong.
inline PairSums::iterator PlaceIn(PairSums& sums, uint8_t kind, EndDay end) {
  return std::lower_bound(sums.begin(), sums.end(), std::pair(kind, end),
                          [](const KindSums& s, const auto& wanted) {
                            return std::pair(s.kind, s.end) < wanted;
                          });
}

// One kind of a pair at some time.
struct KindLeft : Left {
  uint8_t kind = 0;
  uint32_t pieces = 0;  // that have not ended; at least 1
  EndDay last_end = 0;  // of those that will end; 0: none
};

// Calls `visit(const KindLeft&)` for each kind that still counts.
template <typename Visit>
void ForEachKind(const PairSums& sums, const TieOptions& options, int64_t now,
                 Visit visit) {
  KindLeft left;
  for (const KindSums& part : sums) {
    if (part.pieces == 0 || HasEnded(part.end, now)) continue;
    if (part.kind != left.kind) {
      if (left.pieces > 0) visit(std::as_const(left));
      left = {};
      left.kind = part.kind;
    }
    const auto [positive, negative] = part.At(options.kinds[part.kind], now);
    left.positive += positive;
    left.negative += negative;
    left.pieces += part.pieces;
    if (part.end != kNoEnd) left.last_end = std::max(left.last_end, part.end);
  }
  if (left.pieces > 0) visit(std::as_const(left));
}

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
  ForEachKind(sums, options, now, [&](const KindLeft& left) {
    tie.positive += left.positive;
    tie.negative += left.negative;
    tie.pieces += left.pieces;
    tie.to_group = tie.to_group || options.kinds[left.kind].to_group;
    if (left.positive + left.negative > most) {
      most = left.positive + left.negative;
      tie.kind = left.kind;
    }
  });
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
