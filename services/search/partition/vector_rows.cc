#include "services/search/partition/vector_rows.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <new>

namespace mitra::search {
namespace {

constexpr size_t kAlignment = 64;

// Zeros that take memory only where they are written to. In huge pages if the
// machine gives them: a scan then crosses few page boundaries, where the
// processor's prefetching stops.
void* MapZeros(size_t bytes, bool huge) {
  constexpr size_t kHugePage = size_t{2} << 20;
  if (!huge || bytes % kHugePage != 0) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return memory;
  }
  // Aligned by cutting off both ends of a larger piece.
  auto* piece = static_cast<char*>(mmap(nullptr, bytes + kHugePage,
                                        PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (piece == MAP_FAILED) throw std::bad_alloc();
  const size_t before =
      (kHugePage - reinterpret_cast<uintptr_t>(piece) % kHugePage) % kHugePage;
  if (before > 0) munmap(piece, before);
  if (before < kHugePage) munmap(piece + before + bytes, kHugePage - before);
  madvise(piece + before, bytes, MADV_HUGEPAGE);
  return piece + before;
}

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

void VectorRows::Chunk::Unmap::operator()(void* memory) const {
  munmap(memory, bytes);
}

VectorRows::Chunk::Chunk(size_t stride, size_t width)
    : codes(static_cast<int8_t*>(MapZeros(kChunkRows * stride, true)),
            Unmap{kChunkRows * stride}),
      values(static_cast<float*>(
                 MapZeros(kChunkRows * width * sizeof(float), false)),
             Unmap{kChunkRows * width * sizeof(float)}) {}

VectorRows::VectorRows(size_t dimension) {
  view_.dimension_ = dimension;
  view_.stride_ = (2 * dimension + kAlignment - 1) / kAlignment * kAlignment;
  view_.chunks_ = std::make_shared<const std::vector<std::shared_ptr<Chunk>>>();
}

void VectorRows::Set(uint32_t row, absl::Span<const float> offer,
                     absl::Span<const float> need) {
  const size_t number = row / kChunkRows;
  if (number >= view_.chunks_->size()) {
    auto chunks = *view_.chunks_;
    while (number >= chunks.size()) {
      chunks.push_back(std::make_shared<Chunk>(view_.stride_, view_.width()));
    }
    view_.chunks_ = std::make_shared<const std::vector<std::shared_ptr<Chunk>>>(
        std::move(chunks));
  }
  Chunk& chunk = *(*view_.chunks_)[number];
  const size_t at = row % kChunkRows;
  float* values = chunk.values.get() + at * view_.width();
  std::fill_n(values, view_.width(), 0.0F);
  std::copy(offer.begin(), offer.end(), values);
  std::copy(need.begin(), need.end(), values + view_.dimension_);
  float residual = 0;
  chunk.scales[at] =
      Quantise({values, view_.width()}, chunk.codes.get() + at * view_.stride_,
               &residual);
  chunk.sides[at] = static_cast<uint8_t>((offer.empty() ? 0 : kOffer) |
                                         (need.empty() ? 0 : kNeed));
  view_.max_residual_ = std::max(view_.max_residual_, residual);
}

void VectorRows::Erase(uint32_t row) {
  Chunk& chunk = *(*view_.chunks_)[row / kChunkRows];
  const size_t at = row % kChunkRows;
  std::memset(chunk.values.get() + at * view_.width(), 0,
              view_.width() * sizeof(float));
  std::memset(chunk.codes.get() + at * view_.stride_, 0, view_.stride_);
  chunk.scales[at] = 0;
  chunk.sides[at] = 0;
}

size_t VectorRows::bytes() const {
  return view_.chunks_->size() * kChunkRows * view_.row_bytes();
}

}  // namespace mitra::search
