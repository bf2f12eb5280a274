#include "services/matching/refresh/list_worth.h"

#include <algorithm>
#include <utility>

#include "common/base/thread_priority.h"
#include "services/matching/allocation/market_measures.h"
#include "services/matching/refresh/offsets.h"

namespace mitra::matching {
namespace {

// Lists that are weighed before others may have the processor.
constexpr uint32_t kTurn = 16;

struct Scored {
  double score;
  uint32_t place;
  // Best first; equal ones as they came.
  bool operator<(const Scored& other) const {
    return score != other.score ? score > other.score : place < other.place;
  }
};

// Up to here counting is quicker than sorting.
constexpr size_t kCounted = 96;

// How many come before each, best first, equal ones as they came.
void RanksOf(absl::Span<const double> scores, std::vector<uint32_t>& ranks) {
  ranks.resize(scores.size());
  for (size_t i = 0; i < scores.size(); ++i) {
    const double own = scores[i];
    int64_t rank = 0;
    for (size_t j = 0; j < i; ++j) rank += scores[j] >= own;
    for (size_t j = i + 1; j < scores.size(); ++j) rank += scores[j] > own;
    ranks[i] = static_cast<uint32_t>(rank);
  }
}

// The same by sorting.
void SortForRanks(absl::Span<const double> scores, std::vector<Scored>& order,
                  std::vector<uint32_t>& ranks) {
  order.clear();
  for (uint32_t i = 0; i < scores.size(); ++i) order.push_back({scores[i], i});
  std::sort(order.begin(), order.end());
  ranks.resize(scores.size());
  for (uint32_t rank = 0; rank < order.size(); ++rank) {
    ranks[order[rank].place] = rank;
  }
}

// The ranks of one list after the other.
class Ranker {
 public:
  void Clear() { scores_.clear(); }
  void Add(double score) { scores_.push_back(score); }
  const std::vector<uint32_t>& Rank() {
    if (scores_.size() <= kCounted) {
      RanksOf(scores_, ranks_);
    } else {
      SortForRanks(scores_, order_, ranks_);
    }
    return ranks_;
  }

 private:
  std::vector<double> scores_;
  std::vector<uint32_t> ranks_;
  std::vector<Scored> order_;
};

double Look(size_t rank) { return 1 / (static_cast<double>(rank) + 1); }

double PriceAt(absl::Span<const double> prices, uint32_t at) {
  return prices.empty() ? 0 : prices[at];
}

}  // namespace

ListWorth::ListWorth(const PlaceLists& lists, absl::Span<const float> wants,
                     absl::Span<const float> accepts,
                     absl::Span<const double> seats)
    : lists_(lists), wants_(wants), accepts_(accepts), seats_(seats) {
  std::vector<uint32_t> count(seats.size(), 0);
  for (const uint32_t right : lists_.right) ++count[right];
  back_begin_ = OffsetsOf(count);
  back_pair_.resize(lists_.right.size());
  back_left_.resize(lists_.right.size());
  std::vector<uint32_t> next(back_begin_.begin(), back_begin_.end() - 1);
  for (uint32_t l = 0; l < lefts(); ++l) {
    for (uint32_t p = lists_.begin[l]; p < lists_.begin[l + 1]; ++p) {
      const uint32_t at = next[lists_.right[p]]++;
      back_pair_[at] = p;
      back_left_[at] = l;
    }
  }
}

Worth ListWorth::Of(absl::Span<const double> left_price,
                    absl::Span<const double> right_price) const {
  std::vector<uint16_t> rank(lists_.right.size());
  std::vector<double> looks(seats_.size(), 0);
  Ranker ranker;
  for (uint32_t l = 0; l < lefts(); ++l) {
    if (l % kTurn == 0) GiveWay();
    ranker.Clear();
    const uint32_t begin = lists_.begin[l], end = lists_.begin[l + 1];
    for (uint32_t p = begin; p < end; ++p) {
      ranker.Add(lists_.key[p] + PriceAt(right_price, lists_.right[p]));
    }
    const std::vector<uint32_t>& ranks = ranker.Rank();
    for (uint32_t p = begin; p < end; ++p) {
      const uint32_t at = ranks[p - begin];
      rank[p] = static_cast<uint16_t>(std::min<uint32_t>(at, 65535));
      looks[lists_.right[p]] += Look(at);
    }
  }
  Worth worth;
  for (uint32_t r = 0; r < seats_.size(); ++r) {
    if (r % kTurn == 0) GiveWay();
    ranker.Clear();
    const uint32_t begin = back_begin_[r], end = back_begin_[r + 1];
    for (uint32_t at = begin; at < end; ++at) {
      ranker.Add(lists_.key[back_pair_[at]] +
                 PriceAt(left_price, back_left_[at]));
    }
    const std::vector<uint32_t>& ranks = ranker.Rank();
    for (uint32_t at = begin; at < end; ++at) {
      const uint32_t p = back_pair_[at];
      worth.matches += double{wants_[p]} * Look(rank[p]) * accepts_[p] *
                       Look(ranks[at - begin]);
    }
    looks[r] = seats_[r] > 0 ? looks[r] / seats_[r] : 0;
  }
  worth.gini = GiniCoefficient(std::move(looks));
  return worth;
}

}  // namespace mitra::matching
