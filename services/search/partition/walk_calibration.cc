#include "services/search/partition/walk_calibration.h"

#include <algorithm>
#include <iterator>
#include <memory>

#include "services/search/partition/role_search.h"

namespace mitra::search {
namespace {

constexpr double kLadder[] = {0.1, 0.2, 0.3, 0.45, 0.6, 0.8, 1, 1.4, 2, 3};
constexpr size_t kTops[] = {10, 100};

bool ByRow(uint32_t a, uint32_t b) { return a < b; }

// A sample with what an exact search finds.
class Sample {
 public:
  Sample(const HnswPartition& graph, const VectorRows::View& rows,
         absl::Span<const Query> queries)
      : queries_(queries) {
    auto all = std::make_shared<Roaring>();
    for (uint32_t row : graph.rows()) all->add(row);
    all->runOptimize();
    filter_.matches = std::move(all);
    role_.rows = rows;
    // Not ours: it outlives the sample.
    role_.sealed = std::shared_ptr<const Partition>(&graph, [](auto*) {});
    role_.outside = std::make_shared<const Roaring>();
  }

  bool Scan(const std::atomic<bool>* stop) {
    const size_t all = filter_.count();
    for (const Query& query : queries_) {
      if (stop != nullptr && stop->load(std::memory_order_relaxed)) {
        return false;
      }
      exact_.push_back(Find(query, kTops[1], {all, all, 0}));
    }
    return true;
  }

  // By score: among equal rows any will do.
  double Recall(size_t top) const {
    size_t met = 0;
    size_t wanted = 0;
    for (size_t i = 0; i < exact_.size(); ++i) {
      const size_t want = std::min(top, exact_[i].size());
      if (want == 0) continue;
      const float worst = exact_[i][want - 1].score;
      for (const ScoredRow& row : Find(queries_[i], want, {0, 0, 0})) {
        met += row.score >= worst;
      }
      wanted += want;
    }
    return wanted == 0 ? 1
                       : static_cast<double>(met) / static_cast<double>(wanted);
  }

 private:
  std::vector<ScoredRow> Find(const Query& query, size_t k,
                              const SearchPlan& plan) const {
    auto found = SearchRole(role_, filter_, query, k, plan, ByRow);
    return found.ok() ? *std::move(found) : std::vector<ScoredRow>();
  }

  const absl::Span<const Query> queries_;
  RolePartitions role_;
  RowFilter filter_;
  std::vector<std::vector<ScoredRow>> exact_;
};

}  // namespace

std::vector<Query> SampleQueries(const HnswPartition& graph,
                                 const VectorRows::View& rows, size_t count) {
  constexpr float kWeights[] = {0.5F, 0, 0.75F, 0.25F, 1};
  const std::vector<uint32_t>& all = graph.links().rows();
  std::vector<Query> sample;
  const size_t step =
      std::max<size_t>(all.size() / std::max<size_t>(count, 1), 1);
  const size_t d = rows.dimension();
  for (size_t i = 0; i < all.size() && sample.size() < count; i += step) {
    const uint32_t row = all[i];
    sample.emplace_back(d, rows.Read(row, VectorRows::kNeed),
                        rows.Read(row, VectorRows::kOffer),
                        kWeights[sample.size() % std::size(kWeights)]);
  }
  return sample;
}

void CalibrateCare(HnswPartition& graph, const VectorRows::View& rows,
                   absl::Span<const Query> sample_queries,
                   const RecallGoal& goal, const std::atomic<bool>* stop) {
  if (sample_queries.empty()) return;
  Sample sample(graph, rows, sample_queries);
  if (!sample.Scan(stop)) return;
  const double before = graph.care();
  const auto enough = [&](double care) {
    graph.set_care(care);
    return sample.Recall(100) >= goal.top100 && sample.Recall(10) >= goal.top10;
  };
  const auto stopped = [&] {
    return stop != nullptr && stop->load(std::memory_order_relaxed);
  };
  // The smallest rung that is enough; the highest if none is.
  const auto smallest = [&] {
    size_t low = 0;
    size_t high = std::size(kLadder) - 1;
    while (low < high && !stopped()) {
      const size_t middle = (low + high) / 2;
      if (enough(kLadder[middle])) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return kLadder[low];
  };
  double care = smallest();
  if (!enough(care) && !graph.uses_pivots()) {
    graph.UsePivots(rows);
    care = smallest();
  }
  graph.set_care(stopped() ? before : care);
  if (!stopped()) graph.set_calibrated_size(graph.size());
}

}  // namespace mitra::search
