#include "services/matching/allocation/market_measures.h"

#include <algorithm>
#include <numeric>

namespace mitra::matching {
namespace {

struct Scored {
  double score;
  uint32_t pair;
};

// Gives each of `list` its rank; pairs of one member come by the other's index.
void Rank(std::vector<Scored>& list, std::vector<uint32_t>& ranks) {
  std::sort(list.begin(), list.end(), [](const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score > b.score : a.pair < b.pair;
  });
  for (uint32_t i = 0; i < list.size(); ++i) ranks[list[i].pair] = i;
  list.clear();
}

double Look(uint32_t rank) { return 1.0 / (rank + 1.0); }

}  // namespace

double GiniCoefficient(std::vector<double> amounts) {
  std::sort(amounts.begin(), amounts.end());
  const double sum = std::accumulate(amounts.begin(), amounts.end(), 0.0);
  if (sum <= 0) return 0;
  const double n = static_cast<double>(amounts.size());
  double weighted = 0;
  for (size_t i = 0; i < amounts.size(); ++i) {
    weighted += static_cast<double>(i + 1) * amounts[i];
  }
  return std::max(0.0, 2 * weighted / (n * sum) - (n + 1) / n);
}

double EnvyShare(const PairLists& pairs, absl::Span<const float> left_value,
                 absl::Span<const float> matches) {
  constexpr double kMargin = 1e-9;
  const uint32_t n = pairs.lefts();
  if (n < 2) return 0;
  std::vector<double> value(pairs.rights(), 0);
  uint64_t envious = 0;
  for (uint32_t a = 0; a < n; ++a) {
    pairs.OfLeft(a, [&](uint32_t r, uint32_t p) { value[r] = left_value[p]; });
    const auto worth = [&](uint32_t b) {
      double sum = 0;
      pairs.OfLeft(
          b, [&](uint32_t r, uint32_t p) { sum += matches[p] * value[r]; });
      return sum;
    };
    const double own = worth(a);
    for (uint32_t b = 0; b < n; ++b) {
      envious += b != a && worth(b) > own + kMargin;
    }
    pairs.OfLeft(a, [&](uint32_t r, uint32_t) { value[r] = 0; });
  }
  return static_cast<double>(envious) / (static_cast<double>(n) * (n - 1.0));
}

std::vector<uint32_t> RanksOfLeft(const PairLists& pairs,
                                  absl::Span<const double> score) {
  std::vector<uint32_t> ranks(pairs.size());
  std::vector<Scored> list;
  for (uint32_t l = 0; l < pairs.lefts(); ++l) {
    pairs.OfLeft(l, [&](uint32_t, uint32_t p) {
      list.push_back({score[p], p});
    });
    Rank(list, ranks);
  }
  return ranks;
}

std::vector<uint32_t> RanksOfRight(const PairLists& pairs,
                                   absl::Span<const double> score) {
  std::vector<uint32_t> ranks(pairs.size());
  std::vector<Scored> list;
  for (uint32_t r = 0; r < pairs.rights(); ++r) {
    pairs.OfRight(r, [&](uint32_t, uint32_t p) {
      list.push_back({score[p], p});
    });
    Rank(list, ranks);
  }
  return ranks;
}

double ExpectedMatches(absl::Span<const float> wants,
                       absl::Span<const float> accepts,
                       absl::Span<const uint32_t> rank_left,
                       absl::Span<const uint32_t> rank_right) {
  double sum = 0;
  for (size_t p = 0; p < wants.size(); ++p) {
    sum += double{wants[p]} * Look(rank_left[p]) * accepts[p] *
           Look(rank_right[p]);
  }
  return sum;
}

std::vector<double> ExposureOfRight(const PairLists& pairs,
                                    absl::Span<const uint32_t> rank_left) {
  std::vector<double> exposure(pairs.rights(), 0);
  for (uint32_t l = 0; l < pairs.lefts(); ++l) {
    pairs.OfLeft(
        l, [&](uint32_t r, uint32_t p) { exposure[r] += Look(rank_left[p]); });
  }
  return exposure;
}

std::vector<double> ExposureOfLeft(const PairLists& pairs,
                                   absl::Span<const uint32_t> rank_right) {
  std::vector<double> exposure(pairs.lefts(), 0);
  for (uint32_t l = 0; l < pairs.lefts(); ++l) {
    pairs.OfLeft(
        l, [&](uint32_t, uint32_t p) { exposure[l] += Look(rank_right[p]); });
  }
  return exposure;
}

}  // namespace mitra::matching
