// What others say of one member, weighed by how much each one's word counts.
// Internal to graph/; trust/reputation.h makes a number of it and states what
// follows for brigades.

#ifndef MITRA_SERVICES_MATCHING_GRAPH_REPUTATION_SUMS_H_
#define MITRA_SERVICES_MATCHING_GRAPH_REPUTATION_SUMS_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "services/matching/graph/graph_view.h"
#include "services/matching/graph/tie_options.h"
#include "services/matching/graph/tie_sums.h"

namespace mitra::matching {

class ReputationSums {
 public:
  explicit ReputationSums(const TieOptions& options) : options_(options) {}

  // All that one rater says, in evidence of persons. `weight`, 0 to 1: how much
  // its word counts; `bias`: how much better than usual it speaks of everybody.
  void Add(const PairSums& sums, int64_t now, double weight, double bias) {
    absl::InlinedVector<KindLeft, 4> said;
    double all = 0;
    ForEachKind(sums, options_, now, [&](const KindLeft& left) {
      if (options_.kinds[left.kind].to_group) return;
      said.push_back(left);
      all += left.positive + left.negative;
    });
    const double factor = weight * (all > options_.edge_evidence_cap
                                        ? options_.edge_evidence_cap / all
                                        : 1);
    const bool known = weight >= options_.low_weight;
    for (const KindLeft& left : said) {
      double positive = left.positive * factor;
      double negative = left.negative * factor;
      if (options_.kinds[left.kind].graded && positive + negative > 0) {
        const double n = positive + negative;
        positive = n * std::clamp(positive / n - bias, 0., 1.);
        negative = n - positive;
      }
      Sum& sum = (known ? known_ : low_)[left.kind];
      sum.positive += positive;
      sum.negative += negative;
      sum.pieces += left.pieces;
      sum.last_end = std::max(sum.last_end, left.last_end);
      ++sum.raters;
    }
  }

  // Fills the reputation part of `facts` and the causes, by kind.
  void Finish(NodeFacts& facts, std::vector<Cause>& causes) const {
    causes.clear();
    double low_all = 0;
    for (const Sum& sum : low_) low_all += sum.positive + sum.negative;
    const double low_factor = low_all > options_.low_evidence_cap
                                  ? options_.low_evidence_cap / low_all
                                  : 1;
    double positive = 0, negative = 0;
    for (int k = 0; k < kEvidenceKinds; ++k) {
      const Sum &known = known_[k], &low = low_[k];
      if (known.raters + low.raters == 0) continue;
      Cause cause;
      cause.kind = static_cast<uint8_t>(k);
      cause.pieces = known.pieces;
      cause.low_pieces = low.pieces;
      cause.raters = known.raters;
      cause.last_end = static_cast<uint16_t>(
          std::min<EndDay>(std::max(known.last_end, low.last_end),
                           std::numeric_limits<uint16_t>::max()));
      cause.positive =
          static_cast<float>(known.positive + low_factor * low.positive);
      cause.negative =
          static_cast<float>(known.negative + low_factor * low.negative);
      causes.push_back(cause);
      positive += known.positive + low_factor * low.positive;
      negative += known.negative + low_factor * low.negative;
      facts.vouched_evidence += known.pieces;
    }
    facts.vouched_positive = static_cast<float>(positive);
    facts.vouched_negative = static_cast<float>(negative);
    facts.causes = static_cast<uint32_t>(causes.size());
  }

 private:
  struct Sum {
    double positive = 0, negative = 0;
    uint32_t pieces = 0, raters = 0;
    EndDay last_end = 0;
  };
  const TieOptions& options_;
  std::array<Sum, kEvidenceKinds> known_{};
  std::array<Sum, kEvidenceKinds> low_{};
};

// How much better than usual a rater speaks of everybody: the mean of quality
// minus the kind's usual one, over graded pieces, shrunk. Whole numbers, so
// that withdrawal is exact and no order matters. It is of all that the rater
// ever said: what has ended still tells how it speaks.
class RaterBias {
 public:
  // What KindSums of a graded kind hold, in or out (`sign`).
  void Add(const KindSums& kind, int sign) {
    sum_ += sign * kind.excess;
    pieces_ += sign * int64_t{kind.pieces};
  }
  // In steps of 1/16, so that it changes seldom; within 1/4 of 0.
  double value() const {
    constexpr double kPrior = 8, kSteps = 16;
    const double mean = static_cast<double>(sum_) / kUnit /
                        (static_cast<double>(pieces_) + kPrior);
    return std::clamp(std::trunc(mean * kSteps) / kSteps, -.25, .25);
  }

 private:
  static constexpr double kUnit = 1e6;
  int64_t sum_ = 0;
  int64_t pieces_ = 0;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_GRAPH_REPUTATION_SUMS_H_
