// The weights of ranking, as data: one immutable, named version of them.

#ifndef MITRA_SERVICES_MATCHING_RANKING_RANKING_PROFILE_H_
#define MITRA_SERVICES_MATCHING_RANKING_RANKING_PROFILE_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "services/matching/ranking/features.h"

namespace mitra::matching {

// Rows of RankingProfile::kinds: v1::RecommendationKind.
inline constexpr int kKindRows = 11;

// One side's decision as a logistic: P = 1 / (1 + exp(-z)),
// z = bias + sum over features of weight * (value - neutral).
struct SideWeights {
  // Log odds of an ordinary pair.
  float bias = 0;
  std::array<float, kFeatureCount> weight{};

  float& operator[](Feature feature) {
    return weight[static_cast<size_t>(feature)];
  }
  float operator[](Feature feature) const {
    return weight[static_cast<size_t>(feature)];
  }
};

struct KindWeights {
  // P(subject wants candidate).
  SideWeights wants;
  // P(candidate accepts subject).
  SideWeights accepts;
};

struct RankingProfile {
  // `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`; stands in slates, tokens and keys, so
  // other weights need another id.
  std::string id;
  // Temperature of the order key (x_uv + x_vu) / 2 beta. At .5 the key is the
  // log of P(match).
  double beta = .5;
  // By v1::RecommendationKind; row 0 is unused.
  std::array<KindWeights, kKindRows> kinds{};
  // At least one newcomer in every 1 / share positions, where there is one;
  // 0 turns it off.
  double newcomer_share = .1;
  // The same for candidates that lead into a group which the subject is not in
  // and has no common acquaintance with.
  double bridging_share = .1;
  // phi of impression_book.h: how fast who was shown often and not taken goes
  // down; 0 turns it off.
  double fatigue = .3;
  // At most this many candidates of one group in any 10 consecutive positions,
  // while others are left; 0 turns it off.
  int group_cap = 4;

  // INVALID_ARGUMENT, naming the field, unless the id follows the grammar, all
  // weights are finite and within ±20, beta is in [.01, 10], the shares in
  // [0, .5], fatigue in [0, 5] and the cap in [0, 10].
  absl::Status Validate() const;

  // The profile that ships. Weights are chosen, not learned: they order what is
  // known about acceptance (fit and trust first, then nearness, then manners);
  // features that nobody has data for stay neutral.
  static const RankingProfile& Default();
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_RANKING_PROFILE_H_
