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
  uint32_t pair;
  // Best first; equal ones as they came.
  bool operator<(const Scored& other) const {
    return score != other.score ? score > other.score : pair < other.pair;
  }
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
  std::vector<Scored> list;
  for (uint32_t l = 0; l < lefts(); ++l) {
    if (l % kTurn == 0) GiveWay();
    list.clear();
    for (uint32_t p = lists_.begin[l]; p < lists_.begin[l + 1]; ++p) {
      list.push_back(
          {lists_.key[p] + PriceAt(right_price, lists_.right[p]), p});
    }
    std::sort(list.begin(), list.end());
    for (size_t i = 0; i < list.size(); ++i) {
      rank[list[i].pair] = static_cast<uint16_t>(std::min<size_t>(i, 65535));
      looks[lists_.right[list[i].pair]] += Look(i);
    }
  }
  Worth worth;
  for (uint32_t r = 0; r < seats_.size(); ++r) {
    if (r % kTurn == 0) GiveWay();
    list.clear();
    for (uint32_t at = back_begin_[r]; at < back_begin_[r + 1]; ++at) {
      const uint32_t p = back_pair_[at];
      list.push_back({lists_.key[p] + PriceAt(left_price, back_left_[at]), p});
    }
    std::sort(list.begin(), list.end());
    for (size_t i = 0; i < list.size(); ++i) {
      const uint32_t p = list[i].pair;
      worth.matches +=
          double{wants_[p]} * Look(rank[p]) * accepts_[p] * Look(i);
    }
    looks[r] = seats_[r] > 0 ? looks[r] / seats_[r] : 0;
  }
  worth.gini = GiniCoefficient(std::move(looks));
  return worth;
}

}  // namespace mitra::matching
