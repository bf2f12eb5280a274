#include "services/search/partition/role_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
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

// An entry with its exact scores.
struct Scored {
  ScoredRow scores;
  uint32_t like;  // as of EstimatePool::Entry
  uint32_t place;
};

// Scores entries exactly: those that have the same scores for sure once.
class ExactScores {
 public:
  ExactScores(const RolePartitions& role, const Query& query)
      : role_(role), query_(query) {}

  void AddAll(absl::Span<const EstimatePool::Entry> entries,
              std::vector<Scored>& scored) {
    rows_.clear();
    places_.clear();
    const size_t known = scores_.size();
    for (const EstimatePool::Entry& entry : entries) {
      const auto next = static_cast<uint32_t>(known + rows_.size());
      if (entry.like == EstimatePool::kNobody) {
        rows_.push_back(entry.row);
        places_.push_back(next);
        continue;
      }
      const auto [at, added] = of_like_.try_emplace(entry.like, next);
      if (added) rows_.push_back(entry.like);
      places_.push_back(at->second);
    }
    query_.ScoreAll(role_.rows, rows_, scores_);
    for (size_t i = 0; i < entries.size(); ++i) {
      scored.push_back(
          {scores_[places_[i]], entries[i].like, entries[i].place});
      scored.back().scores.row = entries[i].row;
    }
  }

 private:
  const RolePartitions& role_;
  const Query& query_;
  std::vector<ScoredRow> scores_;
  absl::flat_hash_map<uint32_t, uint32_t> of_like_;  // in scores_
  // Of the entries that are being added.
  std::vector<uint32_t> rows_;
  std::vector<uint32_t> places_;
};

// The exact scores of the entries, as far as they can be among the best `want`
// given that an estimate is off by `error` at most.
std::vector<Scored> ScoreBest(const RolePartitions& role, const Query& query,
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
  ExactScores exact(role, query);
  std::vector<Scored> scored;
  scored.reserve(entries.size());
  exact.AddAll(absl::MakeSpan(entries).subspan(0, sure), scored);
  float worst = std::numeric_limits<float>::infinity();
  for (const Scored& one : scored) worst = std::min(worst, one.scores.score);
  const auto rest = entries.begin() + static_cast<ptrdiff_t>(sure);
  entries.erase(std::remove_if(rest, entries.end(),
                               [&](const EstimatePool::Entry& entry) {
                                 return entry.estimate < worst - error;
                               }),
                entries.end());
  exact.AddAll(absl::MakeSpan(entries).subspan(sure), scored);
  return scored;
}

using ScoredAt = std::vector<Scored>::iterator;

// Whether the places of all of them are of one order. To mix places and names
// in one comparison would trust that both are of the same moment.
bool ArePlaced(ScoredAt begin, ScoredAt end) {
  return begin->like != EstimatePool::kNobody &&
         std::all_of(begin, end, [&](const Scored& one) {
           return one.like == begin->like;
         });
}

bool ByPlace(const Scored& a, const Scored& b) { return a.place < b.place; }

void SortEquals(ScoredAt begin, ScoredAt end, RowsBefore before) {
  if (ArePlaced(begin, end)) return std::sort(begin, end, ByPlace);
  std::sort(begin, end, [&](const Scored& a, const Scored& b) {
    return a.scores.row != b.scores.row && before(a.scores.row, b.scores.row);
  });
}

void FirstOfEquals(ScoredAt begin, ScoredAt nth, ScoredAt end,
                   RowsBefore before) {
  if (ArePlaced(begin, end)) return std::nth_element(begin, nth, end, ByPlace);
  std::nth_element(begin, nth, end, [&](const Scored& a, const Scored& b) {
    return a.scores.row != b.scores.row && before(a.scores.row, b.scores.row);
  });
}

// Leaves the best `want`, in order. Who has the same score as others is asked
// for only among those: names lie far apart in memory.
std::vector<ScoredRow> KeepBest(std::vector<Scored> scored, size_t want,
                                RowsBefore before) {
  const auto higher = [](const Scored& a, const Scored& b) {
    return a.scores.score > b.scores.score;
  };
  if (scored.size() > want) {
    const auto last = scored.begin() + static_cast<ptrdiff_t>(want - 1);
    std::nth_element(scored.begin(), last, scored.end(), higher);
    const float least = last->scores.score;
    const auto equals = std::partition(
        scored.begin(), scored.end(),
        [&](const Scored& one) { return one.scores.score > least; });
    const auto others = std::partition(
        equals, scored.end(),
        [&](const Scored& one) { return one.scores.score == least; });
    const auto end = scored.begin() + static_cast<ptrdiff_t>(want);
    if (others > end) FirstOfEquals(equals, end, others, before);
    scored.erase(end, scored.end());
  }
  std::sort(scored.begin(), scored.end(), higher);
  for (auto run = scored.begin(); run != scored.end();) {
    auto end = run + 1;
    while (end != scored.end() && end->scores.score == run->scores.score) ++end;
    if (end - run > 1) SortEquals(run, end, before);
    run = end;
  }
  std::vector<ScoredRow> best;
  best.reserve(scored.size());
  for (const Scored& one : scored) best.push_back(one.scores);
  return best;
}

}  // namespace

absl::StatusOr<std::vector<ScoredRow>> SearchRole(const RolePartitions& role,
                                                  const RowFilter& filter,
                                                  const Query& query, size_t k,
                                                  const SearchPlan& plan,
                                                  RowsBefore before,
                                                  float least, bool lasting) {
  const size_t passing = filter.count();
  const size_t want = std::min(k, passing);
  if (want == 0) return std::vector<ScoredRow>();

  const PartitionSearch search = {role.rows, filter, query,
                                  lasting ? &before : nullptr};
  const float error = query.Margin(role.rows);
  std::vector<Scored> best;
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
      return KeepBest(std::move(best), want, before);
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
  return KeepBest(std::move(best), want, before);
}

}  // namespace mitra::search
