// Maps from scores to probabilities that come true as often as they say; they
// never change an order. Also the measures of a ranking.

#ifndef MITRA_SERVICES_MATCHING_LEARNING_CALIBRATION_H_
#define MITRA_SERVICES_MATCHING_LEARNING_CALIBRATION_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace mitra::matching {

struct Judged {
  double score = 0;
  // 1 for a yes, 0 for a no.
  double outcome = 0;
  double weight = 1;
};

// p = 1 / (1 + exp(-(slope * log odds + intercept))), which a ranking profile
// can hold (Platt 1999, with his smoothed targets).
struct PlattCalibration {
  double slope = 1;
  double intercept = 0;
};

// Fits to log odds and what happened. FAILED_PRECONDITION unless both outcomes
// occur, and if the slope is not positive: then the scores say nothing.
absl::StatusOr<PlattCalibration> FitPlatt(absl::Span<const Judged> log_odds);

// A rising line through the means of pooled neighbours (isotonic regression by
// pool-adjacent-violators), straight between them; within (0, 1). Scores that
// were pooled differ by up to 2e-6, so that the order stays.
class IsotonicCalibration {
 public:
  // INVALID_ARGUMENT for no outcomes.
  static absl::StatusOr<IsotonicCalibration> Fit(std::vector<Judged> scores);

  double Of(double score) const;

 private:
  struct Knot {
    double score, probability;
  };
  explicit IsotonicCalibration(std::vector<Knot> knots)
      : knots_(std::move(knots)) {}
  std::vector<Knot> knots_;
};

// Area under the ROC curve: how often a yes stands above a no; equal scores
// count half. .5 if a class is empty.
double AreaUnderRoc(std::vector<Judged> items);

// NDCG of the first `n` of one list, outcomes as gains; items of equal score
// share their places' gain. 1 for a list without a yes.
double NdcgAt(std::vector<Judged> items, size_t n);

// Mean distance of forecast and frequency over 10 groups of equal weight, by
// score, which are probabilities here.
double CalibrationError(std::vector<Judged> probabilities);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_LEARNING_CALIBRATION_H_
