#include "services/matching/ranking/rerank.h"

#include <algorithm>
#include <cmath>

#include "absl/container/flat_hash_map.h"

namespace mitra::matching {
namespace {

constexpr size_t kBlock = 10;

}  // namespace

RerankResult Rerank(const std::vector<RerankItem>& items,
                    const RerankRules& rules) {
  RerankResult result;
  const size_t n = items.size();
  const size_t depth = std::min(n, rules.depth);
  const size_t newcomer_block =
      rules.newcomer_share > 0
          ? std::max<size_t>(2, static_cast<size_t>(1 / rules.newcomer_share))
          : 0;
  result.order.reserve(n);
  std::vector<bool> taken(n, false);
  absl::flat_hash_map<MemberIndex, int> of_group;
  size_t next = 0;  // the best that is not taken
  size_t next_newcomer = 0;
  bool has_newcomer = false;  // in this block

  const auto full_group = [&](const RerankItem& item) {
    if (rules.group_cap <= 0 || item.group == kNoMember) return false;
    const auto at = of_group.find(item.group);
    return at != of_group.end() && at->second >= rules.group_cap;
  };

  for (size_t position = 0; position < depth; ++position) {
    if (position % kBlock == 0) of_group.clear();
    if (newcomer_block > 0 && position % newcomer_block == 0) {
      has_newcomer = false;
    }
    while (next < n && taken[next]) ++next;
    size_t pick = next;
    if (rules.group_cap > 0) {
      while (pick < n && (taken[pick] || full_group(items[pick]))) ++pick;
      if (pick == n) pick = next;  // only that group is left: relax
    }
    // In the second half of a block, so that the first places stay with the
    // best; the seed chooses where.
    const bool newcomer_turn =
        newcomer_block > 0 && !has_newcomer &&
        position % newcomer_block ==
            newcomer_block / 2 +
                rules.seed % (newcomer_block - newcomer_block / 2);
    if (newcomer_turn && !items[pick].newcomer) {
      next_newcomer = std::max(next_newcomer, next);
      while (next_newcomer < n &&
             (taken[next_newcomer] || !items[next_newcomer].newcomer)) {
        ++next_newcomer;
      }
      if (next_newcomer < n) {
        pick = next_newcomer;
        result.introduced.push_back(static_cast<uint32_t>(pick));
      }
    }
    taken[pick] = true;
    has_newcomer |= items[pick].newcomer;
    if (items[pick].group != kNoMember) ++of_group[items[pick].group];
    result.order.push_back(static_cast<uint32_t>(pick));
  }
  for (size_t i = next; i < n; ++i) {
    if (!taken[i]) result.order.push_back(static_cast<uint32_t>(i));
  }
  return result;
}

}  // namespace mitra::matching
