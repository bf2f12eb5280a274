// The weights of ranking, as data: one immutable, named version of them.

#ifndef MITRA_SERVICES_MATCHING_RANKING_RANKING_PROFILE_H_
#define MITRA_SERVICES_MATCHING_RANKING_RANKING_PROFILE_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "common/taxonomy/sector.h"
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

// The nearest three steps of taxonomy::RegionNearness: same district, regency,
// province.
inline constexpr size_t kLocalLevels = 3;

// How much ties count for subjects whose main sector lies in `sector`: strong
// ones, which lie in a circle where everybody knows everybody (weights of
// cohesion and same_group), and weak ones, which lead out of it (trust, which
// reaches as far as ties do). Trades differ in what they live by (Granovetter,
// AJS 1973; Uzzi, ASR 1996): the weights of both sides are multiplied.
struct SectorTies {
  std::string sector;  // KBLI 2020, 2 to 5 digits
  taxonomy::SectorRange range;
  double strong = 1;
  double weak = 1;
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
  // The same for candidates of the subject's own district, regency or province
  // (RegionNearness: across water nobody is near); each level for itself.
  std::array<double, kLocalLevels> local_shares{};
  // Share of slates whose first places are drawn by chance, and say so: what
  // comes of them tells how good the others are without the ranking's own
  // choice of whom to show.
  double random_share = 0;
  // The longest sector that a subject's main one lies in counts; 1 and 1
  // without.
  std::vector<SectorTies> ties;
  // phi of impression_book.h: how fast who was shown often and not taken goes
  // down; 0 turns it off.
  double fatigue = .3;
  // At most this many candidates of one group in any 10 consecutive positions,
  // while others are left; 0 turns it off.
  int group_cap = 4;

  // INVALID_ARGUMENT, naming the field, unless the id follows the grammar, all
  // weights are finite and within ±20, beta is in [.01, 10], the shares in
  // [0, .5] (random_share in [0, .2]), fatigue in [0, 5], the cap in [0, 10],
  // and ties are of known sectors, each once, with factors in [0, 5].
  absl::Status Validate() const;

  // The profile that ships. Weights are chosen, not learned: they order what is
  // known about acceptance (fit and trust first, then nearness, then manners);
  // features that nobody has data for stay neutral.
  static const RankingProfile& Default();
};

// How ties count for a subject of these sectors, the main one first; null: as
// the weights say.
const SectorTies* TiesFor(const RankingProfile& profile,
                          absl::Span<const taxonomy::SectorNumber> sectors);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_RANKING_PROFILE_H_
