#include "services/search/partition/role_search.h"

#include <algorithm>
#include <limits>

#include "common/status/status_macros.h"
#include "services/search/partition/flat_partition.h"

namespace mitra::search {
namespace {

bool WalkPays(const RolePartitions& role, const RowFilter& filter, size_t k,
              const SearchPlan& plan) {
  if (role.sealed == nullptr) return false;
  const size_t count = filter.count();
  if (count <= plan.scan_rows) return false;
  if (filter.matches != nullptr && count <= plan.scan_matches) return false;
  const size_t breadth = role.sealed->Breadth(k, count);
  return count > breadth * plan.rows_per_breadth;
}

// Appends the exact scores of `entries`. Their bytes come from all over
// memory: those of the next few are called for ahead.
void ScoreAll(const VectorRows::View& rows, const Query& query,
              absl::Span<const EstimatePool::Entry> entries,
              std::vector<ScoredRow>& scored) {
  constexpr size_t kAhead = 4;
  for (size_t i = 0; i < entries.size(); ++i) {
    if (i + kAhead < entries.size()) {
      const uint32_t next = entries[i + kAhead].row;
      for (size_t byte = 0; byte < rows.width(); byte += 64) {
        __builtin_prefetch(rows.codes(next) + byte);
        __builtin_prefetch(rows.lows(next) + byte);
      }
    }
    scored.push_back(query.Score(rows, entries[i].row));
  }
}

}  // namespace

absl::StatusOr<std::vector<ScoredRow>> SearchRole(
    const RolePartitions& role, const RowFilter& filter, const Query& query,
    size_t k, const SearchPlan& plan,
    absl::FunctionRef<bool(uint32_t, uint32_t)> before) {
  const size_t passing = filter.count();
  const size_t want = std::min(k, passing);
  if (want == 0) return std::vector<ScoredRow>();

  const PartitionSearch search = {role.rows, filter, query};
  const float slack = 2 * query.Margin(role.rows);
  EstimatePool pool(want, slack);
  bool complete = false;
  if (WalkPays(role, filter, want, plan)) {
    MITRA_RETURN_IF_ERROR(role.sealed->Search(search, pool));
    MITRA_RETURN_IF_ERROR(FlatPartition(role.outside).Search(search, pool));
    complete = pool.Finish().size() >= want;
  }
  // A walk can miss rows that nothing links to; then a scan decides.
  EstimatePool scanned(want, slack);
  if (!complete) {
    MITRA_RETURN_IF_ERROR(FlatPartition(passing).Search(search, scanned));
  }
  std::vector<EstimatePool::Entry>& entries =
      complete ? pool.Finish() : scanned.Finish();

  // The best by estimate first: the worst of their exact scores tells which of
  // the others can still matter.
  const size_t sure = std::min(want, entries.size());
  if (sure > 0 && sure < entries.size()) {
    std::nth_element(
        entries.begin(), entries.begin() + static_cast<ptrdiff_t>(sure - 1),
        entries.end(),
        [](const auto& a, const auto& b) { return a.estimate > b.estimate; });
  }
  std::vector<ScoredRow> scored;
  scored.reserve(entries.size());
  ScoreAll(role.rows, query, absl::MakeSpan(entries).first(sure), scored);
  float worst = std::numeric_limits<float>::infinity();
  for (const ScoredRow& row : scored) worst = std::min(worst, row.score);
  const float reach = worst - slack / 2;
  const auto rest = std::remove_if(
      entries.begin() + static_cast<ptrdiff_t>(sure), entries.end(),
      [&](const auto& entry) { return entry.estimate < reach; });
  entries.erase(rest, entries.end());
  ScoreAll(role.rows, query, absl::MakeSpan(entries).subspan(sure), scored);
  const auto better = [&](const ScoredRow& a, const ScoredRow& b) {
    if (a.score != b.score) return a.score > b.score;
    return a.row != b.row && before(a.row, b.row);
  };
  const auto end =
      scored.begin() + static_cast<ptrdiff_t>(std::min(want, scored.size()));
  std::partial_sort(scored.begin(), end, scored.end(), better);
  scored.erase(end, scored.end());
  return scored;
}

}  // namespace mitra::search
