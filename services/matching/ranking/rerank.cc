#include "services/matching/ranking/rerank.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "absl/container/flat_hash_map.h"

namespace mitra::matching {
namespace {

constexpr size_t kBlock = 10;

// One of a kind in every so many positions, where there is one.
class Quota {
 public:
  Quota(const std::vector<RerankItem>& items, bool RerankItem::*trait,
        double share, uint64_t seed)
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
  bool Has(size_t item) const { return items_[item].*trait_; }

 private:
  const std::vector<RerankItem>& items_;
  bool RerankItem::*const trait_;
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

}  // namespace

RerankResult Rerank(const std::vector<RerankItem>& items,
                    const RerankRules& rules) {
  RerankResult result;
  const size_t n = items.size();
  const size_t depth = std::min(n, rules.depth);
  result.order.reserve(n);
  std::vector<bool> taken(n, false);
  Quota newcomers(items, &RerankItem::newcomer, rules.newcomer_share,
                  rules.seed);
  Quota bridges(items, &RerankItem::bridge, rules.bridging_share,
                rules.seed / 7);
  GroupCap groups(rules.group_cap);
  size_t next = 0;  // the best that is not taken

  for (size_t position = 0; position < depth; ++position) {
    newcomers.Begin(position);
    bridges.Begin(position);
    groups.Begin(position);
    while (next < n && taken[next]) ++next;
    size_t pick = next;
    while (pick < n && (taken[pick] || groups.Full(items[pick]))) ++pick;
    result.capped += pick != next;
    if (pick == n) pick = next;  // only full groups are left: relax
    if (const auto due = newcomers.Due(position, taken); due.has_value()) {
      if (*due != pick) {
        result.introduced.push_back(static_cast<uint32_t>(*due));
      }
      pick = *due;
    } else if (const auto way = bridges.Due(position, taken); way.has_value()) {
      if (*way != pick) result.bridged.push_back(static_cast<uint32_t>(*way));
      pick = *way;
    }
    taken[pick] = true;
    newcomers.Take(pick);
    bridges.Take(pick);
    groups.Take(items[pick]);
    result.order.push_back(static_cast<uint32_t>(pick));
  }
  for (size_t i = next; i < n; ++i) {
    if (!taken[i]) result.order.push_back(static_cast<uint32_t>(i));
  }
  return result;
}

}  // namespace mitra::matching
