#include "services/search/partition/entry_pivots.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "services/search/kernels/kernels.h"
#include "services/search/partition/partition.h"

namespace mitra::search {

EntryPivots::EntryPivots(absl::Span<const uint32_t> rows,
                         const VectorRows::View& vectors)
    : stride_(vectors.stride()) {
  const size_t count = std::min(kMost, rows.size() / 8);
  codes_ = HugePages<int8_t>(count * stride_);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t row = rows[i * rows.size() / count];
    rows_.push_back(row);
    scales_.push_back(vectors.scale(row));
    std::memcpy(codes_.get() + i * stride_, vectors.codes(row), stride_);
  }
}

void EntryPivots::Nearest(const Query& query, size_t count,
                          std::vector<uint32_t>& nearest) const {
  constexpr size_t kBlock = 1024;
  std::array<int32_t, kBlock> dots;
  std::array<uint32_t, kBlock> at;
  std::array<float, kBlock> values;
  EstimatePool pool(count, 0);
  const Kernels& kernels = ActiveKernels();
  for (size_t begin = 0; begin < rows_.size(); begin += kBlock) {
    const size_t size = std::min(kBlock, rows_.size() - begin);
    kernels.dot_i8_rows(query.codes(), query.width(),
                        codes_.get() + begin * stride_, stride_, nullptr, size,
                        dots.data());
    const size_t selected = kernels.select(
        dots.data(), scales_.data() + begin, nullptr, size, query.scale(),
        pool.threshold(), at.data(), values.data());
    for (size_t i = 0; i < selected; ++i) {
      pool.Add(rows_[begin + at[i]], values[i]);
    }
  }
  nearest.clear();
  for (const EstimatePool::Entry& entry : pool.Finish()) {
    if (nearest.size() == count) break;
    nearest.push_back(entry.row);
  }
}

}  // namespace mitra::search
