#include "services/search/partition/query.h"

#include <algorithm>
#include <cmath>

#include "common/base/prefetch.h"
#include "services/search/kernels/kernels.h"

namespace mitra::search {
namespace {

// A side with less than this share of the question decides little.
constexpr float kLittle = 0.125F;

Lean LeanOf(float give, float take) {
  if (give < kLittle * (give + take)) return Lean::kTake;
  if (take < kLittle * (give + take)) return Lean::kGive;
  return Lean::kBoth;
}

// One side or both.
Query::Part AskedOf(const std::vector<int8_t>& codes) {
  const size_t d = codes.size() / 2;
  const auto middle = codes.begin() + static_cast<ptrdiff_t>(d);
  const auto zero = [](int8_t code) { return code == 0; };
  if (std::all_of(middle, codes.end(), zero)) return {0, d};
  if (std::all_of(codes.begin(), middle, zero)) return {d, d};
  return {0, 2 * d};
}

// The length of a part of the codes.
float NormOf(const std::vector<int8_t>& codes, const Query::Part& part) {
  const int8_t* from = codes.data() + part.begin;
  return std::sqrt(
      static_cast<float>(ActiveKernels().dot_i8(from, from, part.size)));
}

}  // namespace

Query::Query(size_t dimension, absl::Span<const float> need,
             absl::Span<const float> offer, float weight)
    : need_(need.begin(), need.end()),
      offer_(offer.begin(), offer.end()),
      weight_(weight),
      has_need_(!need.empty()),
      has_offer_(!offer.empty()),
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
  lean_ = LeanOf(need.empty() ? 0 : weight, offer.empty() ? 0 : 1 - weight);
  scale_ = Quantise(joint, codes_.data(), &residual_);
  asked_ = AskedOf(codes_);
  first_ = asked_;
  second_ = {0, 0};
  if (asked_.size < codes_.size()) return;
  const float norms[] = {NormOf(codes_, {0, dimension}),
                         NormOf(codes_, {dimension, dimension})};
  const size_t lesser = norms[0] < norms[1] ? 0 : 1;
  first_ = {(1 - lesser) * dimension, dimension};
  second_ = {lesser * dimension, dimension};
  second_norm_ = norms[lesser] * scale_;
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
  const uint8_t* lows = rows.lows(row);
  const float step = rows.scale(row) / 16;
  const auto side = [&](bool there, const std::vector<float>& asked,
                        const int8_t* high, const uint8_t* low) {
    if (!there) return 0.0F;
    const float dot = ActiveKernels().dot_i12(asked.data(), high, low, d);
    return std::clamp(dot * step, -1.0F, 1.0F);
  };
  ScoredRow scored;
  scored.row = row;
  scored.give = side(has_need_, need_, codes, lows);
  scored.take = side(has_offer_, offer_, codes + d, lows + LowBytes(d));
  scored.score = weight_ * scored.give + (1 - weight_) * scored.take;
  return scored;
}

void Query::ScoreAll(const VectorRows::View& view,
                     absl::Span<const uint32_t> rows,
                     std::vector<ScoredRow>& scored) const {
  constexpr size_t kAhead = 4;
  const size_t d = need_.size();
  // A side that is missing is not read.
  const size_t begin = has_need_ ? 0 : d;
  const size_t end = has_offer_ ? 2 * d : d;
  const size_t low_begin = has_need_ ? 0 : LowBytes(d);
  const size_t low_end = (has_offer_ ? 2 : 1) * LowBytes(d);
  const auto call = [&](size_t i) {
    if (i >= rows.size()) return;
    PrefetchBytes(view.codes(rows[i]) + begin, end - begin);
    PrefetchBytes(view.lows(rows[i]) + low_begin, low_end - low_begin);
  };
  for (size_t i = 0; i < kAhead; ++i) call(i);
  scored.reserve(scored.size() + rows.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    call(i + kAhead);
    scored.push_back(Score(view, rows[i]));
  }
}

}  // namespace mitra::search
