#include "services/matching/ranking/rerank.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "common/base/random.h"

namespace mitra::matching {
namespace {

constexpr size_t kBlock = 10;

// One of a kind in every so many positions, where there is one.
class Quota {
 public:
  using Trait = bool (*)(const RerankItem&);
  Quota(const std::vector<RerankItem>& items, Trait trait, double share,
        uint64_t seed)
      : items_(items),
        trait_(trait),
        block_(share > 0 ? std::max<size_t>(2, static_cast<size_t>(1 / share))
                         : 0) {
    if (block_ == 0) return;
    // In the second half of a block, so that the first places stay with the
    // best; the seed chooses where.
    turn_ = block_ / 2 + seed % (block_ - block_ / 2);
  }

  void Begin(size_t position) {
    if (block_ > 0 && position % block_ == 0) met_ = false;
  }
  // Whom this position is due to.
  std::optional<size_t> Due(size_t position, const std::vector<bool>& taken) {
    if (block_ == 0 || met_ || position % block_ < turn_) return std::nullopt;
    while (next_ < items_.size() && (taken[next_] || !Has(next_))) ++next_;
    if (next_ == items_.size()) return std::nullopt;
    return next_;
  }
  void Take(size_t item) { met_ = met_ || Has(item); }
  bool Has(size_t item) const { return trait_(items_[item]); }

 private:
  const std::vector<RerankItem>& items_;
  const Trait trait_;
  const size_t block_;
  size_t turn_ = 0;
  size_t next_ = 0;   // the best that may not be taken yet
  bool met_ = false;  // in this block
};

// At most so many of a group in a block.
class GroupCap {
 public:
  explicit GroupCap(int cap) : cap_(cap) {}

  void Begin(size_t position) {
    if (position % kBlock == 0) of_group_.clear();
  }
  bool Full(const RerankItem& item) const {
    if (cap_ <= 0 || item.group == kNoMember) return false;
    const auto at = of_group_.find(item.group);
    return at != of_group_.end() && at->second >= cap_;
  }
  void Take(const RerankItem& item) {
    if (cap_ > 0 && item.group != kNoMember) ++of_group_[item.group];
  }

 private:
  const int cap_;
  absl::flat_hash_map<MemberIndex, int> of_group_;
};

template <taxonomy::RegionNearness level>
bool IsWithin(const RerankItem& item) {
  return item.nearness <= level;
}

// Fisher and Yates.
void Draw(uint64_t seed, RerankResult& result) {
  Random random(seed);
  const size_t n = std::min(result.order.size(), kDrawnPlaces);
  for (size_t i = n; i > 1; --i) {
    std::swap(result.order[i - 1], result.order[random.Below(i)]);
  }
  result.drawn = static_cast<uint32_t>(n);
}

}  // namespace

RerankRules RulesOf(const RankingProfile& profile, uint64_t subject_seed,
                    int kind, int64_t now, size_t depth) {
  constexpr int64_t kWeek = 7 * 86'400;
  RerankRules rules;
  rules.newcomer_share = profile.newcomer_share;
  rules.bridging_share = profile.bridging_share;
  rules.local_shares = profile.local_shares;
  rules.group_cap = profile.group_cap;
  rules.seed = subject_seed;
  rules.depth = depth;
  if (profile.random_share > 0) {
    const auto week = static_cast<uint64_t>(now / kWeek);
    Random random(subject_seed ^ (week << 8 | static_cast<uint64_t>(kind)));
    if (random.Chance(profile.random_share)) rules.draw = random.Next64();
  }
  return rules;
}

RerankResult Rerank(const std::vector<RerankItem>& items,
                    const RerankRules& rules) {
  RerankResult result;
  const size_t n = items.size();
  const size_t depth = std::min(n, rules.depth);
  result.order.reserve(n);
  std::vector<bool> taken(n, false);
  using taxonomy::RegionNearness;
  // Who comes first is served first where two are due.
  Quota quotas[] = {
      {items, [](const RerankItem& item) { return item.newcomer; },
       rules.newcomer_share, rules.seed},
      {items, [](const RerankItem& item) { return item.bridge; },
       rules.bridging_share, rules.seed / 7},
      {items, IsWithin<RegionNearness::kSameDistrict>, rules.local_shares[0],
       rules.seed / 11},
      {items, IsWithin<RegionNearness::kSameRegency>, rules.local_shares[1],
       rules.seed / 13},
      {items, IsWithin<RegionNearness::kSameProvince>, rules.local_shares[2],
       rules.seed / 17},
  };
  std::vector<uint32_t>* const put_up[] = {&result.introduced, &result.bridged,
                                           nullptr, nullptr, nullptr};
  GroupCap groups(rules.group_cap);
  size_t next = 0;  // the best that is not taken

  for (size_t position = 0; position < depth; ++position) {
    for (Quota& quota : quotas) quota.Begin(position);
    groups.Begin(position);
    while (next < n && taken[next]) ++next;
    size_t pick = next;
    while (pick < n && (taken[pick] || groups.Full(items[pick]))) ++pick;
    result.capped += pick != next;
    if (pick == n) pick = next;  // only full groups are left: relax
    for (size_t q = 0; q < std::size(quotas); ++q) {
      const auto due = quotas[q].Due(position, taken);
      if (!due.has_value()) continue;
      if (*due != pick && put_up[q] != nullptr) {
        put_up[q]->push_back(static_cast<uint32_t>(*due));
      }
      pick = *due;
      break;
    }
    taken[pick] = true;
    for (Quota& quota : quotas) quota.Take(pick);
    groups.Take(items[pick]);
    result.order.push_back(static_cast<uint32_t>(pick));
  }
  for (size_t i = next; i < n; ++i) {
    if (!taken[i]) result.order.push_back(static_cast<uint32_t>(i));
  }
  if (rules.draw.has_value()) Draw(*rules.draw, result);
  return result;
}

}  // namespace mitra::matching
