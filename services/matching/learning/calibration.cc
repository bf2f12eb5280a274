#include "services/matching/learning/calibration.h"

#include <algorithm>
#include <cmath>

#include "common/status/status_macros.h"
#include "services/matching/learning/logistic.h"

namespace mitra::matching {
namespace {

void SortByScore(std::vector<Judged>& items) {
  std::stable_sort(
      items.begin(), items.end(),
      [](const Judged& a, const Judged& b) { return a.score < b.score; });
}

}  // namespace

absl::StatusOr<PlattCalibration> FitPlatt(absl::Span<const Judged> log_odds) {
  double yes = 0, no = 0;
  for (const Judged& item : log_odds) {
    yes += item.weight * item.outcome;
    no += item.weight * (1 - item.outcome);
  }
  if (!(yes > 0 && no > 0)) {
    return absl::FailedPreconditionError(
        "outcomes hold only one of the two answers");
  }
  const double high = (yes + 1) / (yes + 2);
  const double low = 1 / (no + 2);
  Examples examples(1);
  for (const Judged& item : log_odds) {
    const auto value = static_cast<float>(item.score);
    examples.Add({&value, 1}, low + (high - low) * item.outcome, item.weight);
  }
  MITRA_ASSIGN_OR_RETURN(const LogisticModel model,
                         FitLogistic(examples, {.l2 = 0}));
  if (!(model.weight[0] > 0)) {
    return absl::FailedPreconditionError("scores do not rise with outcomes");
  }
  return PlattCalibration{model.weight[0], model.bias};
}

absl::StatusOr<IsotonicCalibration> IsotonicCalibration::Fit(
    std::vector<Judged> scores) {
  struct Pool {
    double low, high, yes, weight;
    double mean() const { return yes / weight; }
  };
  SortByScore(scores);
  std::vector<Pool> pools;
  for (const Judged& item : scores) {
    if (!(item.weight > 0)) continue;
    if (!pools.empty() && pools.back().high == item.score) {
      pools.back().yes += item.weight * item.outcome;
      pools.back().weight += item.weight;
    } else {
      pools.push_back(
          {item.score, item.score, item.weight * item.outcome, item.weight});
    }
  }
  if (pools.empty()) return absl::InvalidArgumentError("no outcomes");
  std::vector<Pool> merged;
  for (const Pool& pool : pools) {
    merged.push_back(pool);
    while (merged.size() > 1 &&
           merged[merged.size() - 2].mean() >= merged.back().mean()) {
      Pool& before = merged[merged.size() - 2];
      before.high = merged.back().high;
      before.yes += merged.back().yes;
      before.weight += merged.back().weight;
      merged.pop_back();
    }
  }
  std::vector<Knot> knots;
  for (const Pool& pool : merged) {
    knots.push_back({(pool.low + pool.high) / 2, pool.mean()});
  }
  return IsotonicCalibration(std::move(knots));
}

double IsotonicCalibration::Of(double score) const {
  const auto above = std::upper_bound(
      knots_.begin(), knots_.end(), score,
      [](double s, const Knot& knot) { return s < knot.score; });
  double p;
  if (above == knots_.begin()) {
    p = knots_.front().probability;
  } else if (above == knots_.end()) {
    p = knots_.back().probability;
  } else {
    const Knot& below = *(above - 1);
    p = below.probability + (above->probability - below.probability) *
                                (score - below.score) /
                                (above->score - below.score);
  }
  // Scores that were pooled keep their order.
  constexpr double kSlack = 1e-6, kPi = 3.141592653589793;
  return p * (1 - 2 * kSlack) + kSlack * (1 + 2 / kPi * std::atan(score));
}

double AreaUnderRoc(std::vector<Judged> items) {
  SortByScore(items);
  double yes = 0, no = 0, above = 0;
  for (size_t begin = 0; begin < items.size();) {
    double yes_here = 0, no_here = 0;
    size_t end = begin;
    while (end < items.size() && items[end].score == items[begin].score) {
      yes_here += items[end].weight * items[end].outcome;
      no_here += items[end].weight * (1 - items[end].outcome);
      ++end;
    }
    above += yes_here * (no + no_here / 2);
    yes += yes_here;
    no += no_here;
    begin = end;
  }
  return yes > 0 && no > 0 ? above / (yes * no) : .5;
}

double NdcgAt(std::vector<Judged> items, size_t n) {
  const auto discount = [&](size_t place) {
    return place < n ? 1 / std::log2(static_cast<double>(place) + 2) : 0;
  };
  SortByScore(items);
  std::reverse(items.begin(), items.end());
  double gain = 0;
  for (size_t begin = 0; begin < items.size();) {
    double outcomes = 0, places = 0;
    size_t end = begin;
    while (end < items.size() && items[end].score == items[begin].score) {
      outcomes += items[end].outcome;
      places += discount(end);
      ++end;
    }
    gain += outcomes * places / static_cast<double>(end - begin);
    begin = end;
  }
  std::sort(items.begin(), items.end(), [](const Judged& a, const Judged& b) {
    return a.outcome > b.outcome;
  });
  double best = 0;
  for (size_t i = 0; i < items.size(); ++i) {
    best += items[i].outcome * discount(i);
  }
  return best > 0 ? gain / best : 1;
}

double CalibrationError(std::vector<Judged> probabilities) {
  constexpr int kGroups = 10;
  SortByScore(probabilities);
  double total = 0;
  for (const Judged& item : probabilities) total += item.weight;
  if (!(total > 0)) return 0;
  double error = 0, gap = 0, passed = 0;
  int group = 1;
  for (size_t i = 0; i < probabilities.size(); ++i) {
    const Judged& item = probabilities[i];
    gap += item.weight * (item.score - item.outcome);
    passed += item.weight;
    if (passed >= total * group / kGroups || i + 1 == probabilities.size()) {
      error += std::abs(gap);
      gap = 0;
      while (group < kGroups && passed >= total * group / kGroups) ++group;
    }
  }
  return error / total;
}

}  // namespace mitra::matching
