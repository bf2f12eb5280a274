#include "services/matching/allocation/transferable_utility.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "common/base/thread_priority.h"
#include "services/matching/allocation/plain_price.h"

namespace mitra::matching {
namespace {

constexpr double kNever = -std::numeric_limits<double>::infinity();

// asinh(exp(t)) for any t.
double AsinhExp(double t) {
  return t > 30 ? t + M_LN2 : std::asinh(std::exp(t));
}

// log of the root; `log_sum` is log of sum K * (other side's price).
double LogPrice(double capacity, double log_sum) {
  if (capacity <= 0) return kNever;
  const double half_log = .5 * std::log(capacity);
  return half_log - AsinhExp(log_sum - M_LN2 - half_log);
}

// Collects terms whose logs it is given, and gives the log of their sum.
class LogSum {
 public:
  void Add(double term) {
    if (term == kNever) return;
    terms_.push_back(term);
    most_ = std::max(most_, term);
  }
  // Also clears.
  double Take() {
    double sum = 0;
    for (const double term : terms_) sum += std::exp(term - most_);
    const double log_sum = terms_.empty() ? kNever : most_ + std::log(sum);
    terms_.clear();
    most_ = kNever;
    return log_sum;
  }

 private:
  std::vector<double> terms_;
  double most_ = kNever;
};

absl::Status CheckCapacities(absl::string_view side, uint32_t count,
                             absl::Span<const double> capacity) {
  if (capacity.size() != count) {
    return absl::InvalidArgumentError(absl::StrCat(
        side, ": ", capacity.size(), " capacities for ", count, " members"));
  }
  for (size_t i = 0; i < capacity.size(); ++i) {
    if (!(capacity[i] >= 0 && capacity[i] <= 1e9)) {
      return absl::InvalidArgumentError(
          absl::StrCat(side, "[", i, "]: capacity ", capacity[i]));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckOptions(const MarketOptions& options) {
  if (!(options.beta >= .001 && options.beta <= 100)) {
    return absl::InvalidArgumentError("beta: out of range");
  }
  if (options.max_sweeps < 1 || options.max_sweeps > 100'000) {
    return absl::InvalidArgumentError("max_sweeps: out of range");
  }
  if (!(options.tolerance >= 0)) {
    return absl::InvalidArgumentError("tolerance: out of range");
  }
  return absl::OkStatus();
}

// Sets `price` to `next` and returns how far it moved.
double Move(double& price, double next) {
  const double change = next == price ? 0 : std::abs(next - price);
  price = next;
  return change;
}

// The two copies of a member get one price each, their mean; the last step
// towards the symmetric solution.
void Symmetrise(MarketSolution& solution) {
  for (size_t i = 0; i < solution.log_price_left.size(); ++i) {
    const double mean =
        .5 * (solution.log_price_left[i] + solution.log_price_right[i]);
    solution.log_price_left[i] = solution.log_price_right[i] = mean;
  }
}

// Rounds in logs, for any utilities.
void SweepLogs(const PairLists& pairs, double scale,
               absl::Span<const double> capacity_left,
               absl::Span<const double> capacity_right,
               const MarketOptions& options, MarketSolution& solution) {
  std::vector<double>& a = solution.log_price_left;
  std::vector<double>& b = solution.log_price_right;
  a.assign(pairs.lefts(), 0);
  b.resize(pairs.rights());
  for (uint32_t r = 0; r < pairs.rights(); ++r) {
    b[r] = LogPrice(capacity_right[r], kNever);
  }
  LogSum sum;
  while (solution.sweeps < options.max_sweeps && !solution.converged) {
    ++solution.sweeps;
    double change = 0;
    for (uint32_t l = 0; l < pairs.lefts(); ++l) {
      pairs.OfLeft(l, [&](uint32_t r, uint32_t p) {
        sum.Add(pairs.utility(p) * scale + b[r]);
      });
      change =
          std::max(change, Move(a[l], LogPrice(capacity_left[l], sum.Take())));
    }
    for (uint32_t r = 0; r < pairs.rights(); ++r) {
      pairs.OfRight(r, [&](uint32_t l, uint32_t p) {
        sum.Add(pairs.utility(p) * scale + a[l]);
      });
      change =
          std::max(change, Move(b[r], LogPrice(capacity_right[r], sum.Take())));
    }
    solution.last_change = change;
    solution.converged = change <= options.tolerance;
  }
}

// Above, K is kept in single precision, which moves prices by 1e-7.
constexpr uint32_t kManyPairs = 16'000'000;
// Members whose price is made before others may have the processor.
constexpr uint32_t kTurn = 64;

// The same rounds without logs, for utilities that are not too great.
template <typename Weight>
void SweepPlain(const PairLists& pairs, double scale,
                absl::Span<const double> capacity_left,
                absl::Span<const double> capacity_right,
                const MarketOptions& options, MarketSolution& solution) {
  // K in the order in which each side reads it.
  std::vector<Weight> of_left(pairs.size());
  std::vector<Weight> of_right;
  of_right.reserve(pairs.size());
  for (uint32_t p = 0; p < pairs.size(); ++p) {
    of_left[p] = static_cast<Weight>(Weigh(pairs.utility(p) * scale));
  }
  for (uint32_t r = 0; r < pairs.rights(); ++r) {
    pairs.OfRight(
        r, [&](uint32_t, uint32_t p) { of_right.push_back(of_left[p]); });
  }
  std::vector<double> a(pairs.lefts(), 1);
  std::vector<double> b(pairs.rights());
  for (uint32_t r = 0; r < pairs.rights(); ++r) {
    b[r] = PlainPrice(capacity_right[r], 0);
  }
  while (solution.sweeps < options.max_sweeps && !solution.converged) {
    ++solution.sweeps;
    double change = 0;
    for (uint32_t l = 0; l < pairs.lefts(); ++l) {
      if (l % kTurn == 0) GiveWay();
      double sum = 0;
      pairs.OfLeft(l,
                   [&](uint32_t r, uint32_t p) { sum += of_left[p] * b[r]; });
      change = std::max(change,
                        MovePlain(a[l], PlainPrice(capacity_left[l], sum / 2)));
    }
    size_t at = 0;
    for (uint32_t r = 0; r < pairs.rights(); ++r) {
      if (r % kTurn == 0) GiveWay();
      double sum = 0;
      pairs.OfRight(
          r, [&](uint32_t l, uint32_t) { sum += of_right[at++] * a[l]; });
      change = std::max(
          change, MovePlain(b[r], PlainPrice(capacity_right[r], sum / 2)));
    }
    solution.last_change = change;
    solution.converged = change <= options.tolerance;
  }
  const auto logs = [](const std::vector<double>& prices) {
    std::vector<double> out(prices.size());
    for (size_t i = 0; i < prices.size(); ++i) {
      out[i] = prices[i] > 0 ? std::log(prices[i]) : kNever;
    }
    return out;
  };
  solution.log_price_left = logs(a);
  solution.log_price_right = logs(b);
}

}  // namespace

double MarketSolution::total() const {
  double sum = 0;
  for (const float match : matches) sum += match;
  return sum;
}

absl::StatusOr<MarketSolution> SolveMarket(
    const PairLists& pairs, absl::Span<const double> capacity_left,
    absl::Span<const double> capacity_right, const MarketOptions& options) {
  for (const absl::Status& status :
       {CheckOptions(options),
        CheckCapacities("left", pairs.lefts(), capacity_left),
        CheckCapacities("right", pairs.rights(), capacity_right)}) {
    if (!status.ok()) return status;
  }
  const double scale = 1 / (2 * options.beta);
  MarketSolution solution;
  if (IsNarrow(pairs.utilities(), scale) && pairs.size() > kManyPairs) {
    SweepPlain<float>(pairs, scale, capacity_left, capacity_right, options,
                      solution);
  } else if (IsNarrow(pairs.utilities(), scale)) {
    SweepPlain<double>(pairs, scale, capacity_left, capacity_right, options,
                       solution);
  } else {
    SweepLogs(pairs, scale, capacity_left, capacity_right, options, solution);
  }
  const std::vector<double>& a = solution.log_price_left;
  const std::vector<double>& b = solution.log_price_right;
  if (pairs.one_population()) Symmetrise(solution);
  if (options.prices_only) return solution;

  // Only the right side's margins are exact after the last half sweep; what a
  // member of the left is promised beyond its capacity is scaled down.
  solution.matches.assign(pairs.size(), 0);
  std::vector<double> of_right(pairs.rights(), 0);
  std::vector<double> of_left(pairs.lefts(), 0);
  const auto match = [&](uint32_t l, uint32_t r, uint32_t p) {
    return std::exp(pairs.utility(p) * scale + a[l] + b[r]);
  };
  const auto fit = [](double promised, double capacity) {
    return promised > capacity ? capacity / promised : 1.0;
  };
  for (uint32_t l = 0; l < pairs.lefts(); ++l) {
    pairs.OfLeft(l, [&](uint32_t r, uint32_t p) {
      const double m = match(l, r, p);
      of_left[l] += m;
      of_right[r] += m;
    });
  }
  solution.free_left.assign(capacity_left.begin(), capacity_left.end());
  solution.free_right.assign(capacity_right.begin(), capacity_right.end());
  for (uint32_t l = 0; l < pairs.lefts(); ++l) {
    pairs.OfLeft(l, [&](uint32_t r, uint32_t p) {
      const double m =
          match(l, r, p) * std::min(fit(of_left[l], capacity_left[l]),
                                    fit(of_right[r], capacity_right[r]));
      // Rounded down: the sum must not exceed the capacity.
      auto stored = static_cast<float>(m);
      if (stored > m) stored = std::nextafter(stored, 0.0F);
      solution.matches[p] = stored;
      solution.free_left[l] -= stored;
      solution.free_right[r] -= stored;
    });
  }
  for (double& places : solution.free_left) places = std::max(0.0, places);
  for (double& places : solution.free_right) places = std::max(0.0, places);
  return solution;
}

}  // namespace mitra::matching
