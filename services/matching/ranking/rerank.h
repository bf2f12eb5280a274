// Light changes to the order after scoring, for the network's sake: newcomers
// get a chance, some candidates lead out of the subject's own circle, some are
// near, no group fills a slate. All are soft: nobody is dropped, and a rule
// that cannot be kept is not. A few slates are drawn by chance, to learn from.

#ifndef MITRA_SERVICES_MATCHING_RANKING_RERANK_H_
#define MITRA_SERVICES_MATCHING_RANKING_RERANK_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/taxonomy/region.h"
#include "services/matching/members/codes.h"
#include "services/matching/ranking/ranking_profile.h"

namespace mitra::matching {

struct RerankItem {
  // Position in the order by key, from 0.
  uint32_t rank = 0;
  bool newcomer = false;
  // The group that the candidate stands for most; kNoMember for none.
  MemberIndex group = kNoMember;
  // Leads into a group that the subject is not in and has no tie to.
  bool bridge = false;
  // How near it is to the subject.
  taxonomy::RegionNearness nearness = taxonomy::RegionNearness::kElsewhere;
};

struct RerankRules {
  // At least one newcomer in every 1 / newcomer_share positions, and likewise
  // one bridge; one candidate can be both.
  double newcomer_share = 0;
  double bridging_share = 0;
  // Likewise one of the subject's district, regency and province.
  std::array<double, kLocalLevels> local_shares{};
  // At most this many of one group in any block of 10 positions; 0: no limit.
  int group_cap = 0;
  // Shifts which position of a block goes to whom, so that not all subjects see
  // newcomers at the same place. From the subject, not from the clock: the same
  // slate comes again.
  uint64_t seed = 0;
  // Positions that are looked at; the rest keeps its order.
  size_t depth = 100;
  // In the end the first kDrawnPlaces are drawn anew by chance, by this number.
  std::optional<uint64_t> draw;
};
inline constexpr size_t kDrawnPlaces = 20;

// The rules of a profile for one slate. `subject_seed`: RerankSeed of the
// subject. Which slates belong to the random slice changes every week (`now`,
// Unix seconds) and with the kind, so that nobody has only such.
RerankRules RulesOf(const RankingProfile& profile, uint64_t subject_seed,
                    int kind, int64_t now, size_t depth);

struct RerankResult {
  std::vector<uint32_t> order;  // ranks, in the new order
  // Ranks of newcomers and bridges that stand where their key would not have
  // put them.
  std::vector<uint32_t> introduced;
  std::vector<uint32_t> bridged;
  uint32_t capped = 0;  // positions at which a full group was passed over
  uint32_t drawn = 0;   // positions from the first on that chance has filled
};

// `items` in the order of their keys. O(depth * n) at worst, O(n) usually.
RerankResult Rerank(const std::vector<RerankItem>& items,
                    const RerankRules& rules);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_RERANK_H_
