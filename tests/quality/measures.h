// Measures of a ranking against what happened.

#ifndef MITRA_TESTS_QUALITY_MEASURES_H_
#define MITRA_TESTS_QUALITY_MEASURES_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace mitra::quality {

struct Labelled {
  double score;
  bool positive;
};

// Area under the ROC curve; equal scores count half. .5 if a class is empty.
inline double Auc(std::vector<Labelled> items) {
  std::sort(
      items.begin(), items.end(),
      [](const Labelled& a, const Labelled& b) { return a.score < b.score; });
  double rank_sum = 0, positives = 0;
  for (size_t begin = 0; begin < items.size();) {
    size_t end = begin;
    double here = 0;
    while (end < items.size() && items[end].score == items[begin].score) {
      here += items[end++].positive;
    }
    rank_sum += here * (static_cast<double>(begin + end + 1) / 2);
    positives += here;
    begin = end;
  }
  const double negatives = static_cast<double>(items.size()) - positives;
  if (positives == 0 || negatives == 0) return .5;
  return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives);
}

// NDCG of the first `n` places with relevance 0 or 1; `relevant` is how many
// there are in all, `hits` the relevance in order of rank.
inline double Ndcg(const std::vector<bool>& hits, size_t relevant, size_t n) {
  double gain = 0, best = 0;
  for (size_t i = 0; i < n; ++i) {
    const double discount = 1 / std::log2(static_cast<double>(i) + 2);
    if (i < hits.size() && hits[i]) gain += discount;
    if (i < relevant) best += discount;
  }
  return best > 0 ? gain / best : 0;
}

inline double Mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return values.empty() ? 0 : sum / static_cast<double>(values.size());
}

// The value below which `share` of the values lie.
inline double Quantile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  const auto at =
      static_cast<size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<ptrdiff_t>(at),
                   values.end());
  return values[at];
}

}  // namespace mitra::quality

#endif  // MITRA_TESTS_QUALITY_MEASURES_H_
