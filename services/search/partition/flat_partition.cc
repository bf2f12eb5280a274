#include "services/search/partition/flat_partition.h"

#include <algorithm>
#include <array>

#include "services/search/kernels/kernels.h"
#include "services/search/partition/row_scanner.h"

namespace mitra::search {
namespace {

constexpr size_t kBlockRows = VectorRows::kBlockRows;
static_assert(kBlockRows == RowBits::kRows);

// Scores rows that lie one after the other, a block at a time, and offers them
// to a pool.
class BlockScanner {
 public:
  BlockScanner(const PartitionSearch& search, EstimatePool& pool)
      : search_(search), pool_(pool), kernels_(ActiveKernels()) {}

  // All rows of a block that the bits name.
  void Scan(size_t block, const RowBits& bits) {
    size_t named = 0;
    size_t end = 0;
    for (size_t word = 0; word < kBlockRows / 64; ++word) {
      if (bits.words[word] == 0) continue;
      named += static_cast<size_t>(__builtin_popcountll(bits.words[word]));
      end = (word + 1) * 64 -
            static_cast<size_t>(__builtin_clzll(bits.words[word]));
    }
    // One after the other they are read so much faster that a few rows too
    // many do not matter.
    if (4 * named >= 3 * end) {
      Scan(block, nullptr, end, bits);
      return;
    }
    size_t count = 0;
    for (size_t word = 0; word < kBlockRows / 64; ++word) {
      for (uint64_t rest = bits.words[word]; rest != 0; rest &= rest - 1) {
        picks_[count++] = static_cast<uint32_t>(
            word * 64 + static_cast<size_t>(__builtin_ctzll(rest)));
      }
    }
    Scan(block, picks_.data(), count, bits);
  }

 private:
  // The rows `picks`, or without them the first `count`; offers those that the
  // bits name.
  void Scan(size_t block, const uint32_t* picks, size_t count,
            const RowBits& bits) {
    if (count == 0) return;
    const float* scales = search_.rows.block_scales(block);
    const Query::Part& asked = search_.query.asked();
    kernels_.dot_i8_rows(search_.query.codes() + asked.begin, asked.size,
                         search_.rows.block_codes(block) + asked.begin,
                         search_.rows.stride(), picks, count, dots_.data());
    const size_t selected = kernels_.select(
        dots_.data(), scales, picks, count, search_.query.scale(),
        pool_.threshold(), at_.data(), values_.data());
    for (size_t i = 0; i < selected; ++i) {
      const uint32_t in_block = picks == nullptr ? at_[i] : picks[at_[i]];
      if (!bits.test(in_block)) continue;
      const auto row = static_cast<uint32_t>(block * kBlockRows + in_block);
      if (!search_.filter.IsExcluded(row)) pool_.Add(row, values_[i]);
    }
  }

  const PartitionSearch& search_;
  EstimatePool& pool_;
  const Kernels& kernels_;
  std::array<uint32_t, kBlockRows> picks_;
  std::array<int32_t, kBlockRows> dots_;
  std::array<uint32_t, kBlockRows> at_;
  std::array<float, kBlockRows> values_;
};

// Scores rows from all over memory and offers them to a pool.
void ScanRows(const Roaring& rows, const PartitionSearch& search,
              EstimatePool& pool) {
  std::vector<uint32_t> numbers(rows.cardinality());
  rows.toUint32Array(numbers.data());
  RowScanner(search.rows, search.query)
      .Scan(
          numbers, [&] { return pool.threshold(); },
          [&](uint32_t row, float estimate) {
            if (estimate < pool.threshold()) return;
            if (!search.filter.IsExcluded(row)) pool.Add(row, estimate);
          });
}

}  // namespace

absl::Status FlatPartition::Search(const PartitionSearch& search,
                                   EstimatePool& pool) const {
  const RowFilter& filter = search.filter;
  if (filter.matches == nullptr && rows_ == nullptr) {
    BlockScanner scanner(search, pool);
    for (size_t block = 0; block < filter.eligible.size(); ++block) {
      scanner.Scan(block, filter.eligible[block]);
    }
    return absl::OkStatus();
  }
  if (filter.matches == nullptr) {
    // Rows outside the graph are kept free of ineligible ones.
    ScanRows(*rows_, search, pool);
  } else if (rows_ == nullptr) {
    ScanRows(*filter.matches, search, pool);
  } else {
    ScanRows(*rows_ & *filter.matches, search, pool);
  }
  return absl::OkStatus();
}

}  // namespace mitra::search
