#include "services/search/partition/flat_partition.h"

#include <algorithm>
#include <array>

#include "services/search/kernels/kernels.h"

namespace mitra::search {
namespace {

constexpr size_t kChunkRows = VectorRows::kChunkRows;
static_assert(kChunkRows == RowBits::kRows);

// Scores rows of one chunk at a time and offers them to a pool.
class ChunkScanner {
 public:
  ChunkScanner(const PartitionSearch& search, EstimatePool& pool)
      : search_(search), pool_(pool), kernels_(ActiveKernels()) {}

  // All rows of a chunk that the bits name.
  void ScanBits(size_t chunk, const RowBits& bits) {
    size_t count = 0;
    for (size_t word = 0; word < kChunkRows / 64; ++word) {
      for (uint64_t rest = bits.words[word]; rest != 0; rest &= rest - 1) {
        picks_[count++] = static_cast<uint32_t>(
            word * 64 + static_cast<size_t>(__builtin_ctzll(rest)));
      }
    }
    if (count == kChunkRows) {
      Scan(chunk, nullptr, count);
    } else {
      Scan(chunk, picks_.data(), count);
    }
  }

  // Rows in ascending order, some at a time.
  void ScanRow(uint32_t row) {
    if (row / kChunkRows != chunk_ && pending_ > 0) Flush();
    chunk_ = row / kChunkRows;
    picks_[pending_++] = row % kChunkRows;
  }
  void Flush() {
    if (pending_ > 0) Scan(chunk_, picks_.data(), pending_);
    pending_ = 0;
  }

 private:
  void Scan(size_t chunk, const uint32_t* picks, size_t count) {
    if (count == 0) return;
    const float* scales = search_.rows.chunk_scales(chunk);
    kernels_.dot_i8_rows(search_.query.codes(), search_.query.width(),
                         search_.rows.chunk_codes(chunk), search_.rows.stride(),
                         picks, count, dots_.data());
    const size_t selected = kernels_.select(
        dots_.data(), scales, picks, count, search_.query.scale(),
        pool_.threshold(), at_.data(), values_.data());
    for (size_t i = 0; i < selected; ++i) {
      const uint32_t in_chunk = picks == nullptr ? at_[i] : picks[at_[i]];
      const auto row = static_cast<uint32_t>(chunk * kChunkRows + in_chunk);
      if (!search_.filter.IsExcluded(row)) pool_.Add(row, values_[i]);
    }
  }

  const PartitionSearch& search_;
  EstimatePool& pool_;
  const Kernels& kernels_;
  size_t chunk_ = 0;
  size_t pending_ = 0;
  std::array<uint32_t, kChunkRows> picks_;
  std::array<int32_t, kChunkRows> dots_;
  std::array<uint32_t, kChunkRows> at_;
  std::array<float, kChunkRows> values_;
};

}  // namespace

absl::Status FlatPartition::Search(const PartitionSearch& search,
                                   EstimatePool& pool) const {
  ChunkScanner scanner(search, pool);
  const RowFilter& filter = search.filter;
  if (filter.matches == nullptr && rows_ == nullptr) {
    for (size_t chunk = 0; chunk < filter.eligible.size(); ++chunk) {
      scanner.ScanBits(chunk, filter.eligible[chunk]);
    }
    return absl::OkStatus();
  }
  const auto scan = [&](const Roaring& rows) {
    rows.iterate(
        [](uint32_t row, void* context) {
          static_cast<ChunkScanner*>(context)->ScanRow(row);
          return true;
        },
        &scanner);
    scanner.Flush();
  };
  if (filter.matches == nullptr) {
    // Rows outside the graph are kept free of ineligible ones.
    scan(*rows_);
  } else if (rows_ == nullptr) {
    scan(*filter.matches);
  } else {
    scan(*rows_ & *filter.matches);
  }
  return absl::OkStatus();
}

}  // namespace mitra::search
