#include "services/search/partition/flat_partition.h"

#include <algorithm>
#include <array>

#include "services/search/kernels/kernels.h"

namespace mitra::search {
namespace {

constexpr size_t kBlockRows = VectorRows::kBlockRows;
static_assert(kBlockRows == RowBits::kRows);

// Scores rows of one block at a time and offers them to a pool.
class BlockScanner {
 public:
  BlockScanner(const PartitionSearch& search, EstimatePool& pool)
      : search_(search), pool_(pool), kernels_(ActiveKernels()) {}

  // All rows of a block that the bits name.
  void ScanBits(size_t block, const RowBits& bits) {
    size_t count = 0;
    for (size_t word = 0; word < kBlockRows / 64; ++word) {
      for (uint64_t rest = bits.words[word]; rest != 0; rest &= rest - 1) {
        picks_[count++] = static_cast<uint32_t>(
            word * 64 + static_cast<size_t>(__builtin_ctzll(rest)));
      }
    }
    if (count == kBlockRows) {
      Scan(block, nullptr, count);
    } else {
      Scan(block, picks_.data(), count);
    }
  }

  // Rows in ascending order, some at a time.
  void ScanRow(uint32_t row) {
    if (row / kBlockRows != block_ && pending_ > 0) Flush();
    block_ = row / kBlockRows;
    picks_[pending_++] = row % kBlockRows;
  }
  void Flush() {
    if (pending_ > 0) Scan(block_, picks_.data(), pending_);
    pending_ = 0;
  }

 private:
  void Scan(size_t block, const uint32_t* picks, size_t count) {
    if (count == 0) return;
    const float* scales = search_.rows.block_scales(block);
    kernels_.dot_i8_rows(search_.query.codes(), search_.query.width(),
                         search_.rows.block_codes(block), search_.rows.stride(),
                         picks, count, dots_.data());
    const size_t selected = kernels_.select(
        dots_.data(), scales, picks, count, search_.query.scale(),
        pool_.threshold(), at_.data(), values_.data());
    for (size_t i = 0; i < selected; ++i) {
      const uint32_t in_block = picks == nullptr ? at_[i] : picks[at_[i]];
      const auto row = static_cast<uint32_t>(block * kBlockRows + in_block);
      if (!search_.filter.IsExcluded(row)) pool_.Add(row, values_[i]);
    }
  }

  const PartitionSearch& search_;
  EstimatePool& pool_;
  const Kernels& kernels_;
  size_t block_ = 0;
  size_t pending_ = 0;
  std::array<uint32_t, kBlockRows> picks_;
  std::array<int32_t, kBlockRows> dots_;
  std::array<uint32_t, kBlockRows> at_;
  std::array<float, kBlockRows> values_;
};

}  // namespace

absl::Status FlatPartition::Search(const PartitionSearch& search,
                                   EstimatePool& pool) const {
  BlockScanner scanner(search, pool);
  const RowFilter& filter = search.filter;
  if (filter.matches == nullptr && rows_ == nullptr) {
    for (size_t block = 0; block < filter.eligible.size(); ++block) {
      scanner.ScanBits(block, filter.eligible[block]);
    }
    return absl::OkStatus();
  }
  const auto scan = [&](const Roaring& rows) {
    std::vector<uint32_t> numbers(rows.cardinality());
    rows.toUint32Array(numbers.data());
    for (uint32_t row : numbers) scanner.ScanRow(row);
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
