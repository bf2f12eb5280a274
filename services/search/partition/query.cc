#include "services/search/partition/query.h"

#include <algorithm>
#include <cmath>

#include "services/search/kernels/kernels.h"

namespace mitra::search {

Query::Query(size_t dimension, absl::Span<const float> need,
             absl::Span<const float> offer, float weight)
    : need_(need.begin(), need.end()),
      offer_(offer.begin(), offer.end()),
      weight_(weight),
      codes_(2 * dimension) {
  need_.resize(dimension);
  offer_.resize(dimension);
  std::vector<float> joint(2 * dimension);
  double norm = 0;
  for (size_t i = 0; i < dimension; ++i) {
    joint[i] = weight * need_[i];
    joint[dimension + i] = (1 - weight) * offer_[i];
  }
  for (float v : joint) norm += double{v} * double{v};
  norm_ = static_cast<float>(std::sqrt(norm));
  scale_ = Quantise(joint, codes_.data(), &residual_);
}

float Query::Margin(const VectorRows::View& rows) const {
  constexpr float kDeviations = 4.5F;
  constexpr float kRowNorm = 1.41421356F;
  return kDeviations * (norm_ * rows.max_residual() + kRowNorm * residual_) /
         std::sqrt(static_cast<float>(width()));
}

ScoredRow Query::Score(const VectorRows::View& rows, uint32_t row) const {
  const auto dot = ActiveKernels().dot_f16;
  const auto clamp = [](float v) { return std::clamp(v, -1.0F, 1.0F); };
  ScoredRow scored;
  scored.row = row;
  scored.give = clamp(dot(need_.data(), rows.offer(row), need_.size()));
  scored.take = clamp(dot(offer_.data(), rows.need(row), offer_.size()));
  scored.score = weight_ * scored.give + (1 - weight_) * scored.take;
  return scored;
}

}  // namespace mitra::search
