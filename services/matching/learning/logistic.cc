#include "services/matching/learning/logistic.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mitra::matching {
namespace {

// Beyond this a probability is 0 or 1 to a double.
constexpr double kMaxLogOdds = 30;

double Sigmoid(double z) {
  return 1 / (1 + std::exp(-std::clamp(z, -kMaxLogOdds, kMaxLogOdds)));
}

// log(1 + exp(z)) without overflow.
double SoftPlus(double z) {
  return z > 0 ? z + std::log1p(std::exp(-z)) : std::log1p(std::exp(z));
}

// Columns brought to mean 0 and deviation 1; the last column is all ones.
struct Standardised {
  size_t columns = 0;  // with the ones
  std::vector<float> values;
  std::vector<double> mean, deviation;  // of a constant column 0
};

Standardised Standardise(const Examples& examples) {
  const size_t features = examples.features();
  Standardised out;
  out.columns = features + 1;
  out.mean.assign(features, 0);
  out.deviation.assign(features, 0);
  double total = 0;
  for (size_t i = 0; i < examples.size(); ++i) {
    total += examples.weight(i);
    for (size_t f = 0; f < features; ++f) {
      out.mean[f] += examples.weight(i) * double{examples.row(i)[f]};
    }
  }
  for (double& mean : out.mean) mean /= total;
  for (size_t i = 0; i < examples.size(); ++i) {
    for (size_t f = 0; f < features; ++f) {
      const double off = double{examples.row(i)[f]} - out.mean[f];
      out.deviation[f] += examples.weight(i) * off * off;
    }
  }
  for (size_t f = 0; f < features; ++f) {
    double& deviation = out.deviation[f];
    deviation = std::sqrt(deviation / total);
    if (deviation < 1e-9 * (1 + std::abs(out.mean[f]))) deviation = 0;
  }
  out.values.reserve(examples.size() * out.columns);
  for (size_t i = 0; i < examples.size(); ++i) {
    for (size_t f = 0; f < features; ++f) {
      const double off = double{examples.row(i)[f]} - out.mean[f];
      out.values.push_back(static_cast<float>(
          out.deviation[f] > 0 ? off / out.deviation[f] : 0));
    }
    out.values.push_back(1);
  }
  return out;
}

// The lower triangle of a symmetric matrix, by rows.
using Triangle = std::vector<double>;

// Solves matrix * x = right for a positive definite matrix (Cholesky); the
// answer replaces `right`. False if it is not positive definite.
bool Solve(Triangle matrix, std::vector<double>& right) {
  const size_t n = right.size();
  const auto at = [&](size_t r, size_t c) -> double& {
    return matrix[r * (r + 1) / 2 + c];
  };
  for (size_t r = 0; r < n; ++r) {
    for (size_t c = 0; c <= r; ++c) {
      double sum = at(r, c);
      for (size_t k = 0; k < c; ++k) sum -= at(r, k) * at(c, k);
      if (r != c) {
        at(r, c) = sum / at(c, c);
      } else if (sum > 1e-12) {
        at(r, r) = std::sqrt(sum);
      } else {
        return false;
      }
    }
  }
  for (size_t r = 0; r < n; ++r) {
    for (size_t k = 0; k < r; ++k) right[r] -= at(r, k) * right[k];
    right[r] /= at(r, r);
  }
  for (size_t r = n; r-- > 0;) {
    for (size_t k = r + 1; k < n; ++k) right[r] -= at(k, r) * right[k];
    right[r] /= at(r, r);
  }
  return true;
}

// Minimises the penalised loss over standardised columns.
class Newton {
 public:
  Newton(const Examples& examples, const Standardised& data, double l2)
      : examples_(examples),
        data_(data),
        l2_(l2),
        weights_(data.columns, 0),
        odds_(examples.size(), 0) {}

  void Run(int max_iterations) {
    double loss = Loss(weights_, odds_);
    double total = 0;
    for (size_t i = 0; i < examples_.size(); ++i) total += examples_.weight(i);
    for (int iteration = 0; iteration < max_iterations; ++iteration) {
      std::vector<double> step(data_.columns, 0);
      Triangle curvature(data_.columns * (data_.columns + 1) / 2, 0);
      Differentiate(step, curvature);
      double steepest = 0;
      for (const double slope : step) {
        steepest = std::max(steepest, std::abs(slope));
      }
      if (steepest <= 1e-7 * total || !Solve(std::move(curvature), step)) {
        return;
      }
      if (!Move(step, loss)) return;
    }
  }

  const std::vector<double>& weights() const { return weights_; }

 private:
  const float* Row(size_t i) const {
    return data_.values.data() + i * data_.columns;
  }

  double Loss(const std::vector<double>& weights,
              std::vector<double>& odds) const {
    double loss = 0;
    for (size_t i = 0; i < odds.size(); ++i) {
      double z = 0;
      const float* const row = Row(i);
      for (size_t f = 0; f < weights.size(); ++f) {
        z += weights[f] * double{row[f]};
      }
      odds[i] = z;
      loss += examples_.weight(i) * (SoftPlus(z) - examples_.target(i) * z);
    }
    for (size_t f = 0; f + 1 < weights.size(); ++f) {
      loss += l2_ / 2 * weights[f] * weights[f];
    }
    return loss;
  }

  // Slope downhill and curvature of the loss here.
  void Differentiate(std::vector<double>& slope, Triangle& curvature) const {
    const size_t columns = data_.columns;
    for (size_t i = 0; i < odds_.size(); ++i) {
      const double p = Sigmoid(odds_[i]);
      const double miss = examples_.weight(i) * (examples_.target(i) - p);
      const double spread = examples_.weight(i) * p * (1 - p);
      const float* const row = Row(i);
      double* cell = curvature.data();
      for (size_t r = 0; r < columns; ++r) {
        slope[r] += miss * double{row[r]};
        const double scaled = spread * double{row[r]};
        for (size_t c = 0; c <= r; ++c) *cell++ += scaled * double{row[c]};
      }
    }
    // A constant column has no curvature of its own; the ridge keeps the
    // matrix positive definite.
    constexpr double kRidge = 1e-9;
    for (size_t r = 0; r < columns; ++r) {
      double& diagonal = curvature[r * (r + 1) / 2 + r];
      diagonal += kRidge;
      if (r + 1 == columns) continue;
      diagonal += l2_ + (data_.deviation[r] > 0 ? 0 : 1);
      slope[r] -= l2_ * weights_[r];
    }
  }

  // Goes along `step`, less far if that would go up. False at the bottom.
  bool Move(const std::vector<double>& step, double& loss) {
    std::vector<double> odds(odds_.size());
    for (double length = 1; length > 1e-6; length /= 2) {
      std::vector<double> weights = weights_;
      for (size_t f = 0; f < weights.size(); ++f) {
        weights[f] += length * step[f];
      }
      const double there = Loss(weights, odds);
      if (there < loss) {
        loss = there;
        weights_ = std::move(weights);
        odds_.swap(odds);
        return true;
      }
    }
    return false;
  }

  const Examples& examples_;
  const Standardised& data_;
  const double l2_;
  std::vector<double> weights_;
  std::vector<double> odds_;
};

}  // namespace

void Examples::Add(absl::Span<const float> values, double target,
                   double weight) {
  values_.insert(values_.end(), values.begin(), values.end());
  targets_.push_back(target);
  weights_.push_back(weight);
}

double LogisticModel::LogOdds(absl::Span<const float> values) const {
  double z = bias;
  for (size_t f = 0; f < weight.size(); ++f) z += weight[f] * double{values[f]};
  return z;
}

double LogisticModel::Probability(absl::Span<const float> values) const {
  return Sigmoid(LogOdds(values));
}

absl::StatusOr<LogisticModel> FitLogistic(const Examples& examples,
                                          const LogisticOptions& options) {
  double yes = 0, no = 0;
  for (size_t i = 0; i < examples.size(); ++i) {
    yes += examples.weight(i) * examples.target(i);
    no += examples.weight(i) * (1 - examples.target(i));
  }
  if (!(yes > 0 && no > 0)) {
    return absl::FailedPreconditionError(
        "examples hold only one of the two answers");
  }
  const Standardised data = Standardise(examples);
  Newton newton(examples, data, options.l2);
  newton.Run(options.max_iterations);
  LogisticModel model;
  model.bias = newton.weights().back();
  for (size_t f = 0; f < examples.features(); ++f) {
    const double deviation = data.deviation[f];
    model.weight.push_back(deviation > 0 ? newton.weights()[f] / deviation : 0);
    model.bias -= model.weight[f] * data.mean[f];
  }
  return model;
}

}  // namespace mitra::matching
