// One utility for everybody who scores a pair: online answers, the refresh,
// explanations and the quality programs.
//
// A match needs two yeses, so both sides' decisions are modelled and
// multiplied:
//   P(wants), P(accepts): logistics over the pair's features (RankingProfile)
//   P(match) = P(wants) * P(accepts), shown as the score
//   x_uv = log P(wants), x_vu = log P(accepts)
//   order key = (x_uv + x_vu) / 2 beta + log B_v
// with log B_v the candidate's price in a market with transferable utility
// (Choo and Siow, JPE 2006; Tomita et al., RecSys 2023): who is wanted by too
// many stands lower, and who is overlooked stands higher. Taking logs of
// probabilities keeps one-sided interest down: (.99, .05) stands below (.6,
// .6). Trust and reputation are features, thus inside x.

#ifndef MITRA_SERVICES_MATCHING_RANKING_JOINT_UTILITY_H_
#define MITRA_SERVICES_MATCHING_RANKING_JOINT_UTILITY_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "services/matching/ranking/features.h"
#include "services/matching/ranking/ranking_profile.h"
#include "services/matching/ranking/recommendation_kinds.h"

namespace mitra::matching {

struct PairScore {
  float wants = 0;    // P(subject wants candidate), in (0, 1)
  float accepts = 0;  // P(candidate accepts subject), in (0, 1)
  float match = 0;    // their product
  float key = 0;      // order key, finite; higher is better
};

// One addend of the order key.
struct KeyTerm {
  absl::string_view name;
  float value = 0;
  // What it adds to the key. The contributions of all terms, with "base" and
  // "price", sum to the key.
  float contribution = 0;
  bool missing = false;
};

// Immutable and safe for concurrent use.
class JointUtility {
 public:
  // `subject_weight` tilts the key: .6, the default of requests, counts both
  // sides alike as above; 1 counts only what the subject wants, 0 only what the
  // candidate does, and between them linearly.
  // `sectors`: of the subject, the main one first, for what its ties count
  // (SectorTies).
  JointUtility(const RankingProfile& profile, const KindSpec& kind,
               double subject_weight = .6,
               absl::Span<const taxonomy::SectorNumber> sectors = {});

  // `log_price` is log B_v, 0 for a candidate without a price (that is the
  // median price). About 50 ns; allocates nothing.
  PairScore Score(const FeatureVector& features, float log_price = 0) const;

  // The same key as a sum of named terms. Each side's log P is spread over its
  // features in proportion to their share of its log odds (the secant between
  // an ordinary pair and this one), so that the terms sum exactly.
  std::vector<KeyTerm> Terms(const FeatureVector& features,
                             float log_price = 0) const;

  // What one feature adds to a side's log odds.
  float WantsTerm(const FeatureVector& features, Feature feature) const;
  float AcceptsTerm(const FeatureVector& features, Feature feature) const;

 private:
  const KindWeights weights_;
  float wants_share_;
  float accepts_share_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_JOINT_UTILITY_H_
