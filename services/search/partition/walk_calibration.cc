#include "services/search/partition/walk_calibration.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "services/search/partition/role_search.h"

namespace mitra::search {
namespace {

using Way = HnswPartition::Way;

// What finding where to begin costs, in the measure of care: scanning the
// pivots, or the centroids of lists.
constexpr double kPivots = 0.4;
constexpr double kLists = 0.2;
// Lists are made, which takes seconds, where walks need more care than this.
constexpr double kFarFromCheap = 2;
// The rungs of the ladder: 0.1 to 11, each a fifteenth more than the one
// before.
constexpr size_t kRungs = 74;
double Rung(size_t i) { return 0.1 * std::pow(1.0666, static_cast<double>(i)); }
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

// Finds the care for questions of one lean.
class LeanCalibration {
 public:
  LeanCalibration(HnswPartition& graph, const VectorRows::View& rows, Lean lean,
                  const Sample& sample, const RecallGoal& goal,
                  const std::atomic<bool>* stop)
      : graph_(graph),
        rows_(rows),
        lean_(lean),
        sample_(sample),
        goal_(goal),
        stop_(stop) {}

  // False if it was stopped; then all is as before.
  bool Run() {
    const double care = graph_.care(lean_);
    const Way way = graph_.way(lean_);
    Try(Way::kLevels, 0);
    if (!best_.enough || best_.cost > 2 * kPivots) Try(Way::kPivots, kPivots);
    if (!best_.enough || best_.cost > kFarFromCheap) Try(Way::kLists, kLists);
    const bool done = !stopped();
    graph_.set_care(lean_, done ? best_.care : care);
    // Made already, both of them.
    return graph_.Use(lean_, done ? best_.way : way, rows_).ok() && done;
  }

 private:
  bool stopped() const {
    return stop_ != nullptr && stop_->load(std::memory_order_relaxed);
  }
  // Keeps this way if it is better than what was tried before.
  void Try(Way way, double cost) {
    if (stopped() || !graph_.Use(lean_, way, rows_, stop_).ok()) return;
    const double care = Smallest();
    const Choice tried = {way, care, care + cost, Enough(care),
                          sample_.Recall(100)};
    if (tried.enough != best_.enough ? tried.enough
        : tried.enough               ? tried.cost < best_.cost
                                     : tried.recall > best_.recall) {
      best_ = tried;
    }
  }
  bool Enough(double care) {
    graph_.set_care(lean_, care);
    return sample_.Recall(100) >= goal_.top100 &&
           sample_.Recall(10) >= goal_.top10;
  }
  // The smallest rung that is enough; the highest if none is.
  double Smallest() {
    size_t low = 0;
    size_t high = kRungs - 1;
    while (low < high && !stopped()) {
      const size_t middle = (low + high) / 2;
      if (Enough(Rung(middle))) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return Rung(low);
  }

  HnswPartition& graph_;
  const VectorRows::View& rows_;
  const Lean lean_;
  const Sample& sample_;
  const RecallGoal& goal_;
  const std::atomic<bool>* stop_;
  struct Choice {
    Way way = Way::kLevels;
    double care = 0;
    double cost = 0;
    bool enough = false;
    double recall = -1;
  };
  Choice best_;
};

std::vector<Query> OfLean(absl::Span<const Query> queries, Lean lean) {
  std::vector<Query> some;
  for (const Query& query : queries) {
    if (query.lean() == lean) some.push_back(query);
  }
  return some;
}

}  // namespace

std::vector<Query> SampleQueries(const HnswPartition& graph,
                                 const VectorRows::View& rows, size_t count) {
  constexpr float kWeights[] = {0.5F,  0,    1,    0.3F, 0.05F,
                                0.95F, 0.8F, 0.1F, 0.9F};
  const std::vector<uint32_t>& all = graph.links().rows();
  std::vector<Query> sample;
  const size_t step =
      std::max<size_t>(all.size() / std::max<size_t>(count, 1), 1);
  const size_t d = rows.dimension();
  for (size_t i = 0; i < all.size() && sample.size() < count; i += step) {
    const uint32_t row = all[i];
    std::vector<float> need = rows.Read(row, VectorRows::kNeed);
    std::vector<float> offer = rows.Read(row, VectorRows::kOffer);
    if (need.empty()) {
      need = offer;
    } else if (offer.empty()) {
      offer = need;
    }
    sample.emplace_back(d, need, offer,
                        kWeights[sample.size() % std::size(kWeights)]);
  }
  return sample;
}

void CalibrateCare(HnswPartition& graph, const VectorRows::View& rows,
                   absl::Span<const Query> sample, const RecallGoal& goal,
                   const std::atomic<bool>* stop) {
  double greatest = 0;
  std::vector<Lean> unasked;
  for (const Lean lean : kAllLeans) {
    const std::vector<Query> queries = OfLean(sample, lean);
    if (queries.empty()) {
      unasked.push_back(lean);
      continue;
    }
    Sample exact(graph, rows, queries);
    if (!exact.Scan(stop)) return;
    if (!LeanCalibration(graph, rows, lean, exact, goal, stop).Run()) return;
    greatest = std::max(greatest, graph.care(lean));
  }
  if (unasked.size() == kLeans) return;
  for (const Lean lean : unasked) graph.set_care(lean, greatest);
  graph.set_calibrated_size(graph.size());
}

bool TuneCare(HnswPartition& graph, const VectorRows::View& rows,
              absl::Span<const Query> asked, const RecallGoal& goal,
              const std::atomic<bool>* stop) {
  // A lean that one in eight questions has is met so often among the latest.
  constexpr size_t kFewest = 12;
  bool tuned = false;
  for (const Lean lean : kAllLeans) {
    const std::vector<Query> queries = OfLean(asked, lean);
    if (queries.size() < kFewest) continue;
    Sample exact(graph, rows, queries);
    if (!exact.Scan(stop)) return false;
    if (!LeanCalibration(graph, rows, lean, exact, goal, stop).Run()) {
      return false;
    }
    tuned = true;
  }
  return tuned;
}

}  // namespace mitra::search
