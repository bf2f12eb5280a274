#include "services/search/partition/hnsw_walk.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <vector>

#include "common/base/prefetch.h"
#include "services/search/partition/row_estimates.h"
#include "services/search/partition/row_offers.h"

namespace mitra::search {
namespace {

// How many rows are looked around from at a time.
constexpr size_t kGroup = 4;
// A walk along very few is led astray.
constexpr size_t kFewest = 32;
constexpr size_t kMaxWidth = kGroup * 2 * HnswLinks::kMaxLinks;

// The rows met by one walk, a bit each: a walk asks 20,000 times, at random,
// and a bit of each of a million rows stays in the core's second cache, where a
// byte of each did not. Clearing them takes 3 us a million.
class Visited {
 public:
  void Begin(size_t rows) { words_.assign((rows + 63) / 64, 0); }
  // 1 the first time, else 0. Without a branch: nobody can foretell it.
  size_t Meet(uint32_t row) {
    uint64_t& word = words_[row / 64];
    const uint64_t bit = uint64_t{1} << (row % 64);
    const size_t fresh = (word & bit) == 0;
    word |= bit;
    return fresh;
  }

 private:
  std::vector<uint64_t> words_;
};

// A row met, and whether its neighbours were, too.
struct Met {
  float estimate;
  uint32_t row;  // the highest bit: looked around from
};
constexpr uint32_t kDone = 0x80000000;
constexpr float kNoFloor = -std::numeric_limits<float>::infinity();

// What a thread keeps between its walks.
struct Scratch {
  Visited visited;
  std::vector<Met> nearest;
  Met taken[kMaxWidth];
  RowBatch<kMaxWidth> batches[2];
};

class Walk {
 public:
  Walk(const HnswLinks& graph, const PartitionSearch& search,
       EstimatePool& pool, const TwinOrder* twins, Scratch& scratch)
      : graph_(graph),
        estimator_(search.rows, search.query),
        offers_(graph, search, twins, pool),
        visited_(scratch.visited),
        nearest_(scratch.nearest),
        taken_(scratch.taken),
        now_(&scratch.batches[0]),
        ahead_(&scratch.batches[1]) {}

  // The row that the upper levels lead to.
  uint32_t Descend() {
    uint32_t at = 0;
    if (graph_.top() == 0) return graph_.entry();
    float best = EstimateOf(graph_.upper_row(0));
    for (size_t level = graph_.top(); level > 0; --level) {
      for (bool moved = true; moved;) {
        moved = false;
        const uint32_t* list = graph_.upper_list(level, at);
        size_t count = 0;
        for (; count < graph_.links() && list[count] != HnswLinks::kNone;
             ++count) {
          now_->rows[count] = graph_.upper_row(list[count]);
        }
        Estimate(count);
        for (size_t i = 0; i < count; ++i) {
          if (now_->estimates[i] <= best) continue;
          best = now_->estimates[i];
          at = list[i];
          moved = true;
        }
      }
    }
    return graph_.upper_row(at);
  }

  // A few rows are looked around from at a time. While the neighbours of one
  // such group are estimated, the lists of the next are on their way from
  // memory; while these are read, what is left to know of those. What the end
  // finds is the same: the nearest are all looked around from, in whatever
  // order.
  void Spread(absl::Span<const uint32_t> from, size_t breadth) {
    visited_.Begin(graph_.row_end());
    nearest_.clear();
    weight_ = 0;
    floor_ = kNoFloor;
    least_ = std::min(breadth, kFewest + breadth / 8);
    size_t next = 0;  // nobody before this place is left to look around from
    now_->count = 0;
    for (uint32_t row : from) {
      now_->rows[now_->count] = row;
      now_->count += visited_.Meet(row);
      if (now_->count == kMaxWidth) break;  // nobody names so many
    }
    estimator_.Call(*now_, floor_);
    uint32_t group[kGroup];
    while (true) {
      const size_t chosen = Choose(next, group);
      if (chosen == 0 && now_->count == 0) break;
      estimator_.First(*now_, floor_);
      Meet(group, chosen);
      estimator_.Call(*ahead_, floor_);
      estimator_.Second(*now_);
      next = std::min(next, TakeNearer(breadth));
      std::swap(now_, ahead_);
    }
    for (const Met& met : nearest_) {
      offers_.Offer(met.row & ~kDone, met.estimate);
    }
  }

 private:
  // Takes the nearest rows from place `next` on that are left to look around
  // from, and calls for the lists of the next ones.
  size_t Choose(size_t& next, uint32_t* group) {
    size_t chosen = 0;
    for (; next < nearest_.size() && chosen < kGroup; ++next) {
      Met& met = nearest_[next];
      if ((met.row & kDone) != 0) continue;
      group[chosen++] = met.row;
      CallList(met.row);
      met.row |= kDone;
    }
    // Most of them will be those of the next group.
    const size_t end = std::min(next + 2 * kGroup, nearest_.size());
    for (size_t i = next; i < end; ++i) {
      if ((nearest_[i].row & kDone) == 0) CallList(nearest_[i].row);
    }
    return chosen;
  }

  // Makes the neighbours of the group that were not met before the rows ahead.
  void Meet(const uint32_t* group, size_t chosen) {
    size_t count = 0;
    for (size_t g = 0; g < chosen; ++g) {
      const uint32_t* list = graph_.list(group[g]);
      for (size_t i = 0; i < graph_.width(); ++i) {
        const uint32_t to = list[i];
        if (to == HnswLinks::kNone) break;
        ahead_->rows[count] = to;
        count += visited_.Meet(to);
      }
    }
    ahead_->count = count;
  }

  void CallList(uint32_t row) const {
    PrefetchBytes(graph_.list(row), graph_.width() * sizeof(uint32_t));
  }

  // Estimates the first `count` of the rows of now, all of them.
  void Estimate(size_t count) {
    now_->count = count;
    estimator_.Call(*now_, kNoFloor);
    estimator_.Second(*now_);
  }
  float EstimateOf(uint32_t row) {
    now_->rows[0] = row;
    Estimate(1);
    return now_->estimates[0];
  }

  // Puts the estimated rows that are above the floor to their places among the
  // nearest, and returns the first of these places. All in one go: each of the
  // nearest is moved once at most.
  size_t TakeNearer(size_t breadth) {
    size_t count = 0;
    for (size_t i = 0; i < now_->count; ++i) {
      taken_[count] = {now_->estimates[i], now_->rows[i]};
      count += now_->estimates[i] > floor_;
    }
    std::sort(taken_, taken_ + count, [](const Met& a, const Met& b) {
      return a.estimate > b.estimate ||
             (a.estimate == b.estimate && a.row < b.row);
    });
    size_t end = nearest_.size();  // those from here on are where they belong
    nearest_.resize(end + count);
    const auto nearest = nearest_.begin();
    for (size_t left = count; left > 0; --left) {
      const Met& met = taken_[left - 1];
      const size_t at = PlaceOf(met.estimate, end);
      std::move_backward(nearest + static_cast<ptrdiff_t>(at),
                         nearest + static_cast<ptrdiff_t>(end),
                         nearest + static_cast<ptrdiff_t>(end + left));
      nearest_[at + left - 1] = met;
      weight_ += graph_.weight(met.row);
      end = at;
    }
    DropLast(breadth);
    return end;
  }

  // Who is not needed any more makes room.
  void DropLast(size_t breadth) {
    while (nearest_.size() > least_) {
      const size_t less = weight_ - graph_.weight(nearest_.back().row & ~kDone);
      if (less < breadth) break;
      weight_ = less;
      nearest_.pop_back();
    }
    if (weight_ >= breadth && nearest_.size() >= least_) {
      floor_ = nearest_.back().estimate;
    }
  }

  // How many of the first `end` nearest are at least as near. Halves without a
  // branch.
  size_t PlaceOf(float estimate, size_t end) const {
    const Met* first = nearest_.data();
    size_t left = end;
    while (left > 0) {
      const size_t half = left / 2;
      const bool nearer = first[half].estimate >= estimate;
      first = nearer ? first + half + 1 : first;
      left = nearer ? left - half - 1 : half;
    }
    return static_cast<size_t>(first - nearest_.data());
  }

  const HnswLinks& graph_;
  RowEstimator estimator_;
  RowOffers offers_;
  Visited& visited_;
  std::vector<Met>& nearest_;
  Met* const taken_;  // of the rows of now
  // What a row must exceed to be among the nearest.
  float floor_ = kNoFloor;
  size_t weight_ = 0;  // of the nearest
  size_t least_ = 0;   // of them, however much they weigh
  RowBatch<kMaxWidth>* now_;
  RowBatch<kMaxWidth>* ahead_;
};

}  // namespace

void WalkHnsw(const HnswLinks& graph, const PartitionSearch& search,
              absl::Span<const uint32_t> entries, size_t breadth,
              EstimatePool& pool, const TwinOrder* twins) {
  if (graph.rows().empty() || breadth == 0) return;
  thread_local Scratch scratch;
  Walk walk(graph, search, pool, twins, scratch);
  if (!entries.empty()) {
    walk.Spread(entries, breadth);
    return;
  }
  const uint32_t entry = walk.Descend();
  walk.Spread({&entry, 1}, breadth);
}

}  // namespace mitra::search
