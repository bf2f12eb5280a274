#include "services/search/partition/vector_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace mitra::search {
namespace {

constexpr size_t kAlignment = 64;

}  // namespace

float Quantise(absl::Span<const float> values, int8_t* codes, float* residual) {
  float largest = 0;
  for (float v : values) largest = std::max(largest, std::fabs(v));
  if (largest == 0) {
    std::memset(codes, 0, values.size());
    return 0;
  }
  const float scale = largest / 127.0F;
  const float inverse = 127.0F / largest;
  float lost = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    const float code = std::nearbyint(values[i] * inverse);
    codes[i] = static_cast<int8_t>(code);
    const float error = values[i] - code * scale;
    lost += error * error;
  }
  *residual += std::sqrt(lost);
  return scale;
}

VectorRows::Chunk::Chunk(size_t stride, size_t width)
    : codes(HugePages<int8_t>(kChunkRows * stride)),
      values(SmallPages<Half>(kChunkRows * width)) {}

std::vector<float> VectorRows::View::Read(uint32_t row, Side side) const {
  std::vector<float> values;
  if ((sides(row) & side) == 0) return values;
  const Half* from = side == kOffer ? offer(row) : need(row);
  values.resize(dimension_);
  std::transform(from, from + dimension_, values.begin(), FromHalf);
  return values;
}

VectorRows::VectorRows(size_t dimension) {
  view_.dimension_ = dimension;
  view_.stride_ = (2 * dimension + kAlignment - 1) / kAlignment * kAlignment;
  view_.directory_ = std::make_shared<const Directory>();
}

void VectorRows::Set(uint32_t row, absl::Span<const float> offer,
                     absl::Span<const float> need) {
  const size_t number = row / kChunkRows;
  if (number >= view_.directory_->chunks.size()) {
    auto directory = std::make_shared<Directory>(*view_.directory_);
    while (number >= directory->chunks.size()) {
      auto chunk = std::make_shared<Chunk>(view_.stride_, view_.width());
      directory->codes.push_back(chunk->codes.get());
      directory->scales.push_back(chunk->scales);
      directory->chunks.push_back(std::move(chunk));
    }
    view_.codes_ = directory->codes.data();
    view_.scales_ = directory->scales.data();
    view_.directory_ = std::move(directory);
  }
  Chunk& chunk = *view_.directory_->chunks[number];
  const size_t at = row % kChunkRows;
  Half* values = chunk.values.get() + at * view_.width();
  std::fill_n(values, view_.width(), ToHalf(0));
  std::transform(offer.begin(), offer.end(), values, ToHalf);
  std::transform(need.begin(), need.end(), values + view_.dimension_, ToHalf);
  rounded_.resize(view_.width());
  std::transform(values, values + view_.width(), rounded_.begin(), FromHalf);
  float residual = 0;
  chunk.scales[at] =
      Quantise(rounded_, chunk.codes.get() + at * view_.stride_, &residual);
  chunk.sides[at] = static_cast<uint8_t>((offer.empty() ? 0 : kOffer) |
                                         (need.empty() ? 0 : kNeed));
  view_.max_residual_ = std::max(view_.max_residual_, residual);
}

void VectorRows::Erase(uint32_t row) {
  Chunk& chunk = *view_.directory_->chunks[row / kChunkRows];
  const size_t at = row % kChunkRows;
  std::memset(chunk.values.get() + at * view_.width(), 0,
              view_.width() * sizeof(Half));
  std::memset(chunk.codes.get() + at * view_.stride_, 0, view_.stride_);
  chunk.scales[at] = 0;
  chunk.sides[at] = 0;
}

size_t VectorRows::bytes() const {
  return view_.directory_->chunks.size() * kChunkRows * view_.row_bytes();
}

}  // namespace mitra::search
