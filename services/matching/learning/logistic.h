// Logistic regression: the chance of a yes as 1 / (1 + exp(-z)), z linear in
// named numbers, which is the form that ranking profiles have.

#ifndef MITRA_SERVICES_MATCHING_LEARNING_LOGISTIC_H_
#define MITRA_SERVICES_MATCHING_LEARNING_LOGISTIC_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace mitra::matching {

// What happened: rows of numbers with how far the answer was yes.
class Examples {
 public:
  explicit Examples(size_t features) : features_(features) {}

  // `values` has features() finite numbers; `target`, 0 to 1, is the answer, or
  // the chance of a yes where it is not known; `weight` >= 0 is how many rows
  // it stands for (1 / propensity of an answer that was less likely seen).
  void Add(absl::Span<const float> values, double target, double weight = 1);

  size_t size() const { return targets_.size(); }
  size_t features() const { return features_; }
  absl::Span<const float> row(size_t i) const {
    return absl::MakeConstSpan(values_).subspan(i * features_, features_);
  }
  double target(size_t i) const { return targets_[i]; }
  double weight(size_t i) const { return weights_[i]; }
  // For fits in rounds, which learn what the answers were likely to be.
  void Reset(size_t i, double target, double weight) {
    targets_[i] = target;
    weights_[i] = weight;
  }

 private:
  size_t features_;
  std::vector<float> values_;
  std::vector<double> targets_;
  std::vector<double> weights_;
};

struct LogisticModel {
  double bias = 0;
  std::vector<double> weight;

  double LogOdds(absl::Span<const float> values) const;
  double Probability(absl::Span<const float> values) const;
};

struct LogisticOptions {
  // Penalty l2 / 2 * |w|^2 on the weights of standardised columns (mean 0,
  // deviation 1); none on the bias. More than 0 unless the columns are
  // independent and no one of them parts yes from no.
  double l2 = 1;
  int max_iterations = 50;
};

// The most likely model, by Newton's method (iteratively reweighted least
// squares) with halved steps, to a gradient of 1e-7 per example.
// O(n * features^2) each iteration, of which there are about 8. A column that
// never changes has weight 0. Deterministic.
// FAILED_PRECONDITION unless both answers occur.
absl::StatusOr<LogisticModel> FitLogistic(const Examples& examples,
                                          const LogisticOptions& options = {});

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_LEARNING_LOGISTIC_H_
