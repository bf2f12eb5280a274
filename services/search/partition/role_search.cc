#include "services/search/partition/role_search.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <limits>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "common/base/thread_priority.h"
#include "common/status/status_macros.h"
#include "services/search/partition/flat_partition.h"
#include "services/search/partition/row_scanner.h"
#include "services/search/partition/tile_scan.h"

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

// One question on its way: walked where that pays, else left to be scanned.
class RoleAnswer {
 public:
  RoleAnswer(const RolePartitions& role, const RoleQuestion& question,
             const SearchPlan& plan)
      : role_(role),
        question_(question),
        plan_(plan),
        passing_(question.filter->count()),
        want_(std::min(question.k, passing_)),
        error_(question.query->Margin(role.rows)),
        few_(std::max<size_t>(want_ / kFewer, kFewest)) {
    if (want_ == 0) return;
    // Where something is in hand already, the best few of this role tell
    // whether there is more to find.
    looks_ = std::isfinite(question.least) && few_ < want_ &&
             Pays(few_, plan.scan_rows / kFewer);
    walks_ = Pays(want_, plan.scan_rows);
  }

  bool walks() const { return looks_ || walks_; }
  // Nothing was found by walking.
  bool scans() const { return want_ > 0 && !done_; }
  size_t passing() const { return passing_; }
  const RoleQuestion& question() const { return question_; }

  absl::Status Walk(absl::Span<const uint32_t> entries,
                    const RowsBefore* before) {
    PartitionSearch search = {role_.rows, *question_.filter, *question_.query,
                              before, entries};
    if (looks_) {
      EstimatePool pool(few_, 2 * error_);
      MITRA_RETURN_IF_ERROR(WalkRole(role_, search, pool));
      std::vector<EstimatePool::Entry>& found = pool.Finish();
      if (found.size() > few_ &&
          pool.threshold() + 3 * error_ < question_.least) {
        best_ = ScoreBest(role_, *question_.query, few_, error_, found);
        done_ = true;
        return absl::OkStatus();
      }
    }
    if (walks_) {
      EstimatePool pool(want_, 2 * error_);
      MITRA_RETURN_IF_ERROR(WalkRole(role_, search, pool));
      // A walk can miss rows that nothing links to; then a scan decides.
      if (pool.Finish().size() >= want_) Take(pool);
    }
    return absl::OkStatus();
  }

  // For `more` rows than are wanted, none of them below `least`.
  EstimatePool PoolForScan(
      size_t more = 0,
      float least = -std::numeric_limits<float>::infinity()) const {
    return EstimatePool(want_ + more, 2 * error_,
                        std::max(least, question_.least - error_));
  }
  void Take(EstimatePool& pool) {
    best_ = ScoreBest(role_, *question_.query, want_, error_, pool.Finish());
    done_ = true;
  }

  std::vector<ScoredRow> Finish(RowsBefore before) {
    if (want_ == 0) return {};
    return KeepBest(std::move(best_), want_, before);
  }

 private:
  bool Pays(size_t want, size_t scan_rows) const {
    return WalkPays(role_, *question_.filter, *question_.query, want, scan_rows,
                    plan_);
  }

  const RolePartitions& role_;
  const RoleQuestion& question_;
  const SearchPlan& plan_;
  const size_t passing_;
  const size_t want_;
  const float error_;
  const size_t few_;
  bool looks_ = false;
  bool walks_ = false;
  bool done_ = false;
  std::vector<Scored> best_;
};

absl::Status ScanAlone(const RolePartitions& role, RoleAnswer& answer) {
  const RoleQuestion& question = answer.question();
  EstimatePool pool = answer.PoolForScan();
  MITRA_RETURN_IF_ERROR(
      FlatPartition(answer.passing())
          .Search({role.rows, *question.filter, *question.query}, pool));
  answer.Take(pool);
  return absl::OkStatus();
}

// Rows in a row are read so much faster that a few rows too many do not matter;
// where few match, each question looks at its own.
bool ScansTogether(const RoleAnswer& answer) {
  const RowFilter& filter = *answer.question().filter;
  return 3 * answer.passing() > filter.eligible_count;
}

// From so many on it pays to ask the first by itself.
constexpr size_t kManyAsk = 8;
// Rows of the first that others need not have: their own, for instance.
constexpr size_t kSpare = 16;

ScanQuestion ScanOf(const RoleAnswer& answer, EstimatePool& pool) {
  return {answer.question().filter, answer.question().query, &pool};
}

// Below which no row can be among the wanted: so good are the best of `rows`,
// in the scan's own estimates.
float LeastBy(const RolePartitions& role, const RoleAnswer& answer,
              absl::Span<const uint32_t> rows) {
  const RowFilter& filter = *answer.question().filter;
  EstimatePool pool = answer.PoolForScan();
  RowScanner(role.rows, *answer.question().query)
      .Scan(
          rows, [&pool] { return pool.threshold(); },
          [&](uint32_t row, float estimate) {
            if (estimate >= pool.threshold() && filter.Passes(row)) {
              pool.Add(row, estimate);
            }
          });
  pool.Finish();
  return pool.threshold();
}

// Those of a batch ask much the same: with what the first finds, the others
// know from their first row on what is too little. That changes what they look
// at, not what they find.
void ScanTogether(const RolePartitions& role,
                  absl::Span<RoleAnswer* const> answers) {
  std::deque<EstimatePool> pools;
  std::vector<ScanQuestion> questions;
  std::vector<uint32_t> known;
  size_t alone = 0;
  if (answers.size() >= kManyAsk) {
    pools.push_back(answers[0]->PoolForScan(kSpare));
    ScanForAll(role.rows, {ScanOf(*answers[0], pools[0])});
    for (const EstimatePool::Entry& entry : pools[0].Finish()) {
      known.push_back(entry.row);
    }
    alone = 1;
  }
  for (const RoleAnswer* answer : answers.subspan(alone)) {
    GiveWay();
    pools.push_back(
        alone == 0 ? answer->PoolForScan()
                   : answer->PoolForScan(0, LeastBy(role, *answer, known)));
    questions.push_back(ScanOf(*answer, pools.back()));
  }
  ScanForAll(role.rows, questions);
  for (size_t i = 0; i < answers.size(); ++i) answers[i]->Take(pools[i]);
}

}  // namespace

absl::StatusOr<std::vector<ScoredRow>> SearchRole(const RolePartitions& role,
                                                  const RowFilter& filter,
                                                  const Query& query, size_t k,
                                                  const SearchPlan& plan,
                                                  RowsBefore before,
                                                  float least, bool lasting) {
  const RoleQuestion question = {&filter, &query, k, least};
  RoleAnswer answer(role, question, plan);
  if (answer.walks()) {
    MITRA_RETURN_IF_ERROR(answer.Walk({}, lasting ? &before : nullptr));
  }
  if (answer.scans()) MITRA_RETURN_IF_ERROR(ScanAlone(role, answer));
  return answer.Finish(before);
}

std::vector<absl::StatusOr<std::vector<ScoredRow>>> SearchRoleForAll(
    const RolePartitions& role, absl::Span<const RoleQuestion> questions,
    const SearchPlan& plan, RowsBefore before) {
  std::deque<RoleAnswer> answers;
  std::vector<absl::Status> failures(questions.size());
  std::vector<size_t> walking;
  std::vector<const Query*> walked;
  for (size_t i = 0; i < questions.size(); ++i) {
    answers.emplace_back(role, questions[i], plan);
    if (!answers.back().walks()) continue;
    walking.push_back(i);
    walked.push_back(questions[i].query);
  }
  std::vector<std::vector<uint32_t>> entries;
  if (walking.size() > 1) role.sealed->FindEntries(walked, entries);
  entries.resize(walking.size());
  for (size_t i = 0; i < walking.size(); ++i) {
    GiveWay();
    failures[walking[i]] = answers[walking[i]].Walk(entries[i], &before);
  }
  std::vector<RoleAnswer*> together;
  for (size_t i = 0; i < questions.size(); ++i) {
    if (!failures[i].ok() || !answers[i].scans()) continue;
    if (questions.size() > 1 && ScansTogether(answers[i])) {
      together.push_back(&answers[i]);
    } else {
      GiveWay();
      failures[i] = ScanAlone(role, answers[i]);
    }
  }
  ScanTogether(role, together);
  std::vector<absl::StatusOr<std::vector<ScoredRow>>> found;
  for (size_t i = 0; i < questions.size(); ++i) {
    GiveWay();
    if (failures[i].ok()) {
      found.push_back(answers[i].Finish(before));
    } else {
      found.push_back(failures[i]);
    }
  }
  return found;
}

}  // namespace mitra::search
