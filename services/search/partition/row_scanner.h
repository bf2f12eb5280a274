// Estimates of rows from all over memory. While some are estimated, the bytes
// of the next are on their way.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_ROW_SCANNER_H_
#define MITRA_SERVICES_SEARCH_PARTITION_ROW_SCANNER_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "services/search/kernels/kernels.h"
#include "services/search/partition/query.h"
#include "services/search/partition/vector_rows.h"

namespace mitra::search {

class RowScanner {
 public:
  // Both must outlive this.
  RowScanner(const VectorRows::View& rows, const Query& query)
      : rows_(rows), query_(query), kernels_(ActiveKernels()) {}

  // Calls take(row, estimate) for each of `rows`, in order.
  template <typename Take>
  void Scan(absl::Span<const uint32_t> rows, Take take) {
    Call(rows.subspan(0, kGroup));
    for (size_t begin = 0; begin < rows.size(); begin += kGroup) {
      const auto group = rows.subspan(begin, kGroup);
      for (size_t i = 0; i < group.size(); ++i) {
        codes_[i] = rows_.codes(group[i]);
      }
      if (begin + kGroup < rows.size()) {
        Call(rows.subspan(begin + kGroup, kGroup));
      }
      kernels_.dot_i8_gather(query_.codes(), query_.width(), codes_.data(),
                             group.size(), dots_.data());
      for (size_t i = 0; i < group.size(); ++i) {
        take(group[i], static_cast<float>(dots_[i]) *
                           (rows_.scale(group[i]) * query_.scale()));
      }
    }
  }

 private:
  // The bytes of a group fit into the nearest cache.
  static constexpr size_t kGroup = 32;

  void Call(absl::Span<const uint32_t> group) const {
    for (const uint32_t row : group) {
      const int8_t* codes = rows_.codes(row);
      for (size_t byte = 0; byte < query_.width(); byte += 64) {
        __builtin_prefetch(codes + byte);
      }
      __builtin_prefetch(rows_.scale_at(row));
    }
  }

  const VectorRows::View& rows_;
  const Query& query_;
  const Kernels& kernels_;
  std::array<const int8_t*, kGroup> codes_;
  std::array<int32_t, kGroup> dots_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_ROW_SCANNER_H_
