#include "services/search/partition/role_search.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "common/status/status_macros.h"
#include "services/search/partition/flat_partition.h"

namespace mitra::search {
namespace {

// By how much a first look at a role is less than a whole one.
constexpr size_t kFewer = 4;
constexpr size_t kFewest = 16;

bool WalkPays(const RolePartitions& role, const RowFilter& filter,
              const Query& query, size_t k, size_t scan_rows,
              const SearchPlan& plan) {
  if (role.sealed == nullptr) return false;
  const size_t count = filter.count();
  if (count <= scan_rows) return false;
  if (filter.matches != nullptr && count <= plan.scan_matches) return false;
  const size_t breadth = role.sealed->Breadth(k, count, query.lean());
  return count > breadth * plan.rows_per_breadth;
}

absl::Status WalkRole(const RolePartitions& role, const PartitionSearch& search,
                      EstimatePool& pool) {
  MITRA_RETURN_IF_ERROR(role.sealed->Search(search, pool));
  return FlatPartition(role.outside).Search(search, pool);
}

// The exact scores of the entries, as far as they can be among the best `want`
// given that an estimate is off by `error` at most.
std::vector<ScoredRow> ScoreBest(const RolePartitions& role, const Query& query,
                                 size_t want, float error,
                                 std::vector<EstimatePool::Entry>& entries) {
  // The best by estimate first: the worst of their exact scores tells which of
  // the others can still matter.
  const size_t sure = std::min(want, entries.size());
  if (sure > 0 && sure < entries.size()) {
    std::nth_element(
        entries.begin(), entries.begin() + static_cast<ptrdiff_t>(sure - 1),
        entries.end(),
        [](const auto& a, const auto& b) { return a.estimate > b.estimate; });
  }
  std::vector<uint32_t> rows(sure);
  for (size_t i = 0; i < sure; ++i) rows[i] = entries[i].row;
  std::vector<ScoredRow> scored;
  scored.reserve(entries.size());
  query.ScoreAll(role.rows, rows, scored);
  float worst = std::numeric_limits<float>::infinity();
  for (const ScoredRow& row : scored) worst = std::min(worst, row.score);
  rows.clear();
  for (size_t i = sure; i < entries.size(); ++i) {
    if (entries[i].estimate >= worst - error) rows.push_back(entries[i].row);
  }
  query.ScoreAll(role.rows, rows, scored);
  return scored;
}

// Leaves the best `want`, in order. Who has the same score as others is asked
// for only among those: names lie far apart in memory.
void KeepBest(std::vector<ScoredRow>& scored, size_t want,
              absl::FunctionRef<bool(uint32_t, uint32_t)> before) {
  const auto higher = [](const ScoredRow& a, const ScoredRow& b) {
    return a.score > b.score;
  };
  const auto earlier = [&](const ScoredRow& a, const ScoredRow& b) {
    return a.row != b.row && before(a.row, b.row);
  };
  if (scored.size() > want) {
    const auto last = scored.begin() + static_cast<ptrdiff_t>(want - 1);
    std::nth_element(scored.begin(), last, scored.end(), higher);
    const float least = last->score;
    const auto equals =
        std::partition(scored.begin(), scored.end(),
                       [&](const auto& row) { return row.score > least; });
    const auto others =
        std::partition(equals, scored.end(),
                       [&](const auto& row) { return row.score == least; });
    const auto end = scored.begin() + static_cast<ptrdiff_t>(want);
    if (others > end) std::nth_element(equals, end, others, earlier);
    scored.erase(end, scored.end());
  }
  std::sort(scored.begin(), scored.end(), higher);
  for (auto run = scored.begin(); run != scored.end();) {
    auto end = run + 1;
    while (end != scored.end() && end->score == run->score) ++end;
    if (end - run > 1) std::sort(run, end, earlier);
    run = end;
  }
}

}  // namespace

absl::StatusOr<std::vector<ScoredRow>> SearchRole(
    const RolePartitions& role, const RowFilter& filter, const Query& query,
    size_t k, const SearchPlan& plan,
    absl::FunctionRef<bool(uint32_t, uint32_t)> before, float least) {
  const size_t passing = filter.count();
  const size_t want = std::min(k, passing);
  if (want == 0) return std::vector<ScoredRow>();

  const PartitionSearch search = {role.rows, filter, query};
  const float error = query.Margin(role.rows);
  std::vector<ScoredRow> best;
  // Where something is in hand already, the best few of this role tell whether
  // there is more to find.
  const size_t few = std::max<size_t>(want / kFewer, kFewest);
  if (std::isfinite(least) && few < want &&
      WalkPays(role, filter, query, few, plan.scan_rows / kFewer, plan)) {
    EstimatePool pool(few, 2 * error);
    MITRA_RETURN_IF_ERROR(WalkRole(role, search, pool));
    std::vector<EstimatePool::Entry>& entries = pool.Finish();
    if (entries.size() > few && pool.threshold() + 3 * error < least) {
      best = ScoreBest(role, query, few, error, entries);
      KeepBest(best, want, before);
      return best;
    }
  }
  if (WalkPays(role, filter, query, want, plan.scan_rows, plan)) {
    EstimatePool pool(want, 2 * error);
    MITRA_RETURN_IF_ERROR(WalkRole(role, search, pool));
    // A walk can miss rows that nothing links to; then a scan decides.
    if (pool.Finish().size() >= want) {
      best = ScoreBest(role, query, want, error, pool.Finish());
    }
  }
  if (best.empty()) {
    EstimatePool pool(want, 2 * error, least - error);
    MITRA_RETURN_IF_ERROR(FlatPartition(passing).Search(search, pool));
    best = ScoreBest(role, query, want, error, pool.Finish());
  }
  KeepBest(best, want, before);
  return best;
}

}  // namespace mitra::search
