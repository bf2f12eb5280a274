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
  const size_t d = need_.size();
  const int8_t* codes = rows.codes(row);
  const int8_t* lows = rows.lows(row);
  const float step = rows.scale(row) / 256;
  // The product of one side.
  const auto side = [&](const std::vector<float>& asked, size_t begin) {
    const float dot =
        ActiveKernels().dot_i16(asked.data(), codes + begin, lows + begin, d);
    return std::clamp(dot * step, -1.0F, 1.0F);
  };
  ScoredRow scored;
  scored.row = row;
  scored.give = side(need_, 0);
  scored.take = side(offer_, d);
  scored.score = weight_ * scored.give + (1 - weight_) * scored.take;
  return scored;
}

}  // namespace mitra::search
