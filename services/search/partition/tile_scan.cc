#include "services/search/partition/tile_scan.h"

#include <algorithm>
#include <array>
#include <deque>
#include <vector>

#include "common/base/thread_priority.h"
#include "services/search/kernels/kernels.h"

namespace mitra::search {
namespace {

// The codes of so many rows of 2×128 dimensions, and the questions, fit into
// the nearest cache.
constexpr size_t kTileRows = 64;

// The eligible rows that are among the matches of a filter, block by block:
// most questions of a batch state the same filter.
class PassingRows {
 public:
  PassingRows(const RowBitsVector::View& eligible, const Roaring* matches)
      : eligible_(eligible), matches_(matches) {
    if (matches == nullptr) return;
    bits_.resize(eligible.size());
    std::vector<uint32_t> rows(matches->cardinality());
    matches->toUint32Array(rows.data());
    for (const uint32_t row : rows) {
      bits_[row / RowBits::kRows].set(row % RowBits::kRows, true);
    }
  }
  const Roaring* matches() const { return matches_; }
  // A subset of the eligible ones.
  const RowBits& block(size_t i) const {
    return matches_ == nullptr ? eligible_[i] : bits_[i];
  }

 private:
  const RowBitsVector::View& eligible_;
  const Roaring* const matches_;
  std::vector<RowBits> bits_;
};

// Behind the last row that the bits name.
size_t EndOf(const RowBits& bits) {
  for (size_t word = RowBits::kRows / 64; word > 0; --word) {
    const uint64_t rows = bits.words[word - 1];
    if (rows != 0) {
      return word * 64 - static_cast<size_t>(__builtin_clzll(rows));
    }
  }
  return 0;
}

}  // namespace

void ScanTiles(absl::Span<const TileQuestion> questions, const int8_t* codes,
               size_t stride, const float* scales, size_t count,
               absl::FunctionRef<void(size_t, uint32_t, float)> offer) {
  if (questions.empty()) return;
  const Kernels& kernels = ActiveKernels();
  std::array<const int8_t*, kMaxTileQuestions> asked;
  for (size_t q = 0; q < questions.size(); ++q) {
    asked[q] = questions[q].query.codes;
  }
  std::array<int32_t, kMaxTileQuestions * kTileRows> dots;
  std::array<uint32_t, kTileRows> at;
  std::array<float, kTileRows> values;
  for (size_t begin = 0; begin < count; begin += kTileRows) {
    GiveWay();
    const size_t rows = std::min(kTileRows, count - begin);
    kernels.dot_i8_tile(asked.data(), questions.size(),
                        questions[0].query.width, codes + begin * stride,
                        stride, rows, dots.data());
    for (size_t q = 0; q < questions.size(); ++q) {
      const size_t selected = kernels.select(
          dots.data() + q * rows, scales + begin, nullptr, rows,
          questions[q].query.scale, questions[q].pool->threshold(), at.data(),
          values.data());
      for (size_t i = 0; i < selected; ++i) {
        offer(q, static_cast<uint32_t>(begin + at[i]), values[i]);
      }
    }
  }
}

void ScanForAll(const VectorRows::View& rows,
                absl::Span<const ScanQuestion> questions) {
  if (questions.empty()) return;
  const RowBitsVector::View& eligible = questions[0].filter->eligible;
  std::deque<PassingRows> kinds;
  std::vector<const PassingRows*> passing;  // by question
  for (const ScanQuestion& question : questions) {
    const Roaring* const matches = question.filter->matches.get();
    const auto same = std::find_if(
        kinds.begin(), kinds.end(),
        [&](const PassingRows& kind) { return kind.matches() == matches; });
    passing.push_back(
        same != kinds.end() ? &*same : &kinds.emplace_back(eligible, matches));
  }
  std::vector<TileQuestion> tile;
  for (size_t first = 0; first < questions.size(); first += kMaxTileQuestions) {
    const auto some = questions.subspan(first, kMaxTileQuestions);
    tile.clear();
    for (const ScanQuestion& one : some) {
      tile.push_back(
          {{one.query->codes(), one.query->width(), one.query->scale()},
           one.pool});
    }
    for (size_t block = 0; block < eligible.size(); ++block) {
      const size_t end = EndOf(eligible[block]);
      if (end == 0) continue;
      ScanTiles(tile, rows.block_codes(block), rows.stride(),
                rows.block_scales(block), end,
                [&](size_t q, uint32_t in_block, float estimate) {
                  if (!passing[first + q]->block(block).test(in_block)) return;
                  const auto row = static_cast<uint32_t>(
                      block * VectorRows::kBlockRows + in_block);
                  if (some[q].filter->IsExcluded(row)) return;
                  some[q].pool->Add(row, estimate);
                });
    }
  }
}

}  // namespace mitra::search
