#include "services/search/partition/hnsw_walk.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "services/search/kernels/kernels.h"
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

// What a thread keeps between its walks.
struct Scratch {
  Visited visited;
  std::vector<Met> nearest;
};

class Walk {
 public:
  Walk(const HnswLinks& graph, const PartitionSearch& search,
       EstimatePool& pool, const TwinOrder* twins, Scratch& scratch)
      : graph_(graph),
        rows_(search.rows),
        query_(search.query),
        offers_(graph, search, twins, pool),
        kernels_(ActiveKernels()),
        visited_(scratch.visited),
        nearest_(scratch.nearest) {}

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
          Call(count, graph_.upper_row(list[count]));
        }
        Estimate(count);
        for (size_t i = 0; i < count; ++i) {
          if (estimates_[i] <= best) continue;
          best = estimates_[i];
          at = list[i];
          moved = true;
        }
      }
    }
    return graph_.upper_row(at);
  }

  // A few rows are looked around from at a time. While one such group is
  // estimated, the lists of the next are on their way from memory; the codes
  // that a group needs come all at once. What the end finds is the same: the
  // nearest are all looked around from, in whatever order.
  void Spread(absl::Span<const uint32_t> from, size_t breadth) {
    visited_.Begin(graph_.row_end());
    nearest_.clear();
    weight_ = 0;
    least_ = std::min(breadth, kFewest + breadth / 8);
    for (uint32_t row : from) {
      if (visited_.Meet(row) == 0) continue;
      Call(0, row);
      Estimate(1);
      Take(0, breadth);
    }
    size_t next = 0;  // nobody before this place is left to look around from
    size_t count = 0;
    uint32_t group[kGroup];
    while (true) {
      const size_t chosen = Choose(next, group);
      Estimate(count);
      for (size_t i = 0; i < count; ++i) {
        next = std::min(next, Take(i, breadth));
      }
      if (chosen == 0 && count == 0) break;
      count = Fresh(group, chosen);
    }
    for (const Met& met : nearest_) {
      offers_.Offer(met.row & ~kDone, met.estimate);
    }
  }

 private:
  // Takes the nearest rows from place `next` on that are left to look around
  // from, and calls for their lists.
  size_t Choose(size_t& next, uint32_t* group) {
    size_t chosen = 0;
    for (; next < nearest_.size() && chosen < kGroup; ++next) {
      Met& met = nearest_[next];
      if ((met.row & kDone) != 0) continue;
      group[chosen++] = met.row;
      CallList(met.row);
      met.row |= kDone;
    }
    return chosen;
  }

  // Takes the neighbours of the group that were not met before to be
  // estimated, and returns how many they are.
  size_t Fresh(const uint32_t* group, size_t chosen) {
    size_t count = 0;
    for (size_t g = 0; g < chosen; ++g) {
      const uint32_t* list = graph_.list(group[g]);
      for (size_t i = 0; i < graph_.width(); ++i) {
        const uint32_t to = list[i];
        if (to == HnswLinks::kNone) break;
        fresh_[count] = to;
        count += visited_.Meet(to);
      }
    }
    for (size_t i = 0; i < count; ++i) Call(i, fresh_[i]);
    return count;
  }

  // Makes `row` the i-th to be estimated; its codes are on the way from memory
  // when they are needed.
  void Call(size_t i, uint32_t row) {
    fresh_[i] = row;
    codes_[i] = rows_.codes(row);
    scales_[i] = rows_.scale_at(row);
    __builtin_prefetch(scales_[i]);
    for (size_t byte = 0; byte < query_.width(); byte += 64) {
      __builtin_prefetch(codes_[i] + byte);
    }
  }
  void CallList(uint32_t row) const {
    const uint32_t* list = graph_.list(row);
    for (size_t i = 0; i < graph_.width(); i += 64 / sizeof(uint32_t)) {
      __builtin_prefetch(list + i);
    }
  }

  void Estimate(size_t count) {
    kernels_.dot_i8_gather(query_.codes(), query_.width(), codes_, count,
                           dots_);
    for (size_t i = 0; i < count; ++i) {
      estimates_[i] =
          static_cast<float>(dots_[i]) * (*scales_[i] * query_.scale());
    }
  }
  float EstimateOf(uint32_t row) {
    Call(0, row);
    Estimate(1);
    return estimates_[0];
  }

  // Puts the i-th estimated row to its place among the nearest, and returns
  // the place; `breadth` if it has none.
  size_t Take(size_t i, size_t breadth) {
    const float estimate = estimates_[i];
    const uint32_t row = fresh_[i];
    if (weight_ >= breadth && nearest_.size() >= least_ &&
        estimate <= nearest_.back().estimate) {
      return breadth;
    }
    const size_t at = PlaceOf(estimate);
    weight_ += graph_.weight(row);
    // Who is not needed any more makes room, the last one by being moved over.
    size_t last = nearest_.size();
    for (; last > at && last >= least_; --last) {
      const size_t less =
          weight_ - graph_.weight(nearest_[last - 1].row & ~kDone);
      if (less < breadth) break;
      weight_ = less;
    }
    nearest_.resize(last + 1);
    const auto place = nearest_.begin() + static_cast<ptrdiff_t>(at);
    std::move_backward(place, nearest_.end() - 1, nearest_.end());
    *place = {estimate, row};
    return at;
  }

  // How many of the nearest are at least as near. Halves without a branch.
  size_t PlaceOf(float estimate) const {
    const Met* first = nearest_.data();
    size_t left = nearest_.size();
    while (left > 0) {
      const size_t half = left / 2;
      const bool nearer = first[half].estimate >= estimate;
      first = nearer ? first + half + 1 : first;
      left = nearer ? left - half - 1 : half;
    }
    return static_cast<size_t>(first - nearest_.data());
  }

  const HnswLinks& graph_;
  const VectorRows::View& rows_;
  const Query& query_;
  RowOffers offers_;
  const Kernels& kernels_;
  Visited& visited_;
  std::vector<Met>& nearest_;
  size_t weight_ = 0;  // of the nearest
  size_t least_ = 0;   // of them, however much they weigh
  // The rows being estimated.
  uint32_t fresh_[kMaxWidth];
  const int8_t* codes_[kMaxWidth];
  const float* scales_[kMaxWidth];
  int32_t dots_[kMaxWidth];
  float estimates_[kMaxWidth];
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
