#include "services/search/partition/vector_rows.h"

#include <algorithm>
#include <cmath>
#include <cstring>

namespace mitra::search {
namespace {

constexpr size_t kAlignment = 64;

// A value of 12 bits is at most this; its high byte then at most 127.
constexpr float kLargest12 = 127 * 16;

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

float Quantise12(absl::Span<const float> values, int8_t* high, int8_t* low) {
  float largest = 0;
  for (float v : values) largest = std::max(largest, std::fabs(v));
  // Below that, scales would not be normal numbers; unit vectors are above.
  const bool zero = largest < 1e-30F;
  const float inverse = zero ? 0 : kLargest12 / largest;
  for (size_t i = 0; i < values.size(); ++i) {
    const auto fixed = static_cast<int>(std::nearbyint(values[i] * inverse));
    // To the nearest multiple of 16, so that the code is the nearest, too.
    const int upper = (fixed + 8) >> 4;
    high[i] = static_cast<int8_t>(upper);
    low[i] = static_cast<int8_t>(fixed - 16 * upper);
  }
  return zero ? 0 : largest / 127.0F;
}

VectorRows::Chunk::Chunk(size_t stride, size_t low_width)
    : codes(HugePages<int8_t>(kChunkRows * stride)),
      lows(HugePages<uint8_t>(kChunkRows * low_width)) {}

std::vector<float> VectorRows::View::Read(uint32_t row, Side side) const {
  std::vector<float> values;
  if ((sides(row) & side) == 0) return values;
  const bool second = side == kNeed;
  const int8_t* high = codes(row) + (second ? dimension_ : 0);
  const uint8_t* low = lows(row) + (second ? LowBytes(dimension_) : 0);
  const float step = scale(row) / 16;
  values.resize(dimension_);
  for (size_t i = 0; i < dimension_; ++i) {
    values[i] = static_cast<float>(16 * high[i] + LowAt(low, i)) * step;
  }
  return values;
}

VectorRows::VectorRows(size_t dimension) {
  view_.dimension_ = dimension;
  view_.stride_ = (2 * dimension + kAlignment - 1) / kAlignment * kAlignment;
  view_.directory_ = std::make_shared<const Directory>();
}

VectorRows::Row VectorRows::RowOf(absl::Span<const float> offer,
                                  absl::Span<const float> need) const {
  std::vector<float> joint(view_.width());
  std::copy(offer.begin(), offer.end(), joint.begin());
  std::copy(need.begin(), need.end(),
            joint.begin() + static_cast<ptrdiff_t>(view_.dimension_));
  Row row;
  row.sides = static_cast<uint8_t>((offer.empty() ? 0 : kOffer) |
                                   (need.empty() ? 0 : kNeed));
  row.codes.resize(joint.size());
  row.lows.resize(view_.low_width());
  std::vector<int8_t> low(joint.size());
  row.scale = Quantise12(joint, row.codes.data(), low.data());
  const size_t d = view_.dimension_;
  for (size_t i = 0; i < d; ++i) {
    PackLow(row.lows.data(), i, low[i]);
    PackLow(row.lows.data() + LowBytes(d), i, low[d + i]);
  }
  return row;
}

void VectorRows::Set(uint32_t row, absl::Span<const float> offer,
                     absl::Span<const float> need) {
  const Row bytes = RowOf(offer, need);
  SetBytes(row, bytes.sides, bytes.scale, bytes.codes.data(),
           bytes.lows.data());
}

bool VectorRows::Holds(uint32_t row, absl::Span<const float> offer,
                       absl::Span<const float> need) const {
  const Row bytes = RowOf(offer, need);
  return bytes.sides == view_.sides(row) && bytes.scale == view_.scale(row) &&
         std::equal(bytes.codes.begin(), bytes.codes.end(), view_.codes(row)) &&
         std::equal(bytes.lows.begin(), bytes.lows.end(), view_.lows(row));
}

void VectorRows::SetBytes(uint32_t row, uint8_t sides, float scale,
                          const int8_t* codes, const uint8_t* lows) {
  const size_t number = row / kChunkRows;
  if (number >= view_.directory_->chunks.size()) {
    auto directory = std::make_shared<Directory>(*view_.directory_);
    while (number >= directory->chunks.size()) {
      auto chunk = std::make_shared<Chunk>(view_.stride_, view_.low_width());
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
  std::memcpy(chunk.codes.get() + at * view_.stride_, codes, view_.width());
  std::memcpy(chunk.lows.get() + at * view_.low_width(), lows,
              view_.low_width());
  chunk.scales[at] = scale;
  chunk.sides[at] = sides;
  int64_t lost = 0;  // what the codes alone do not tell
  for (size_t i = 0; i < 2 * view_.low_width(); ++i) {
    const int low = LowAt(lows, i);
    lost += low * low;
  }
  view_.max_residual_ = std::max(
      view_.max_residual_, std::sqrt(static_cast<float>(lost)) * scale / 16);
}

void VectorRows::Erase(uint32_t row) {
  Chunk& chunk = *view_.directory_->chunks[row / kChunkRows];
  const size_t at = row % kChunkRows;
  std::memset(chunk.lows.get() + at * view_.low_width(), 0, view_.low_width());
  std::memset(chunk.codes.get() + at * view_.stride_, 0, view_.stride_);
  chunk.scales[at] = 0;
  chunk.sides[at] = 0;
}

size_t VectorRows::bytes() const {
  return view_.directory_->chunks.size() * kChunkRows * view_.row_bytes();
}

}  // namespace mitra::search
