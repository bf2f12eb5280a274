// Estimates of rows from all over memory. While some are estimated, the bytes
// of the next are on their way.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_ROW_SCANNER_H_
#define MITRA_SERVICES_SEARCH_PARTITION_ROW_SCANNER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "services/search/partition/query.h"
#include "services/search/partition/row_estimates.h"
#include "services/search/partition/vector_rows.h"

namespace mitra::search {

class RowScanner {
 public:
  // Both must outlive this.
  RowScanner(const VectorRows::View& rows, const Query& query)
      : estimator_(rows, query) {}

  // Calls take(row, estimate) for each of `rows`, in order, but for some whose
  // estimate is below what floor() says when they come up.
  template <typename Floor, typename Take>
  void Scan(absl::Span<const uint32_t> rows, Floor floor, Take take) {
    for (auto& batch : batches_) batch.count = 0;
    // A group is called for, estimated in the first step and in the second, in
    // turns, while the others are on their way.
    for (size_t turn = 0; turn < rows.size() + 2 * kGroup; turn += kGroup) {
      auto& called = batches_[turn / kGroup % 3];
      const size_t begin = std::min(turn, rows.size());
      called.count = std::min(kGroup, rows.size() - begin);
      std::copy_n(rows.begin() + static_cast<ptrdiff_t>(begin), called.count,
                  called.rows);
      estimator_.Call(called, floor());
      estimator_.First(batches_[(turn / kGroup + 2) % 3], floor());
      auto& last = batches_[(turn / kGroup + 1) % 3];
      estimator_.Second(last);
      for (size_t i = 0; i < last.count; ++i) {
        take(last.rows[i], last.estimates[i]);
      }
    }
  }

 private:
  // The bytes of three groups fit into the nearest cache.
  static constexpr size_t kGroup = 32;

  RowEstimator estimator_;
  RowBatch<kGroup> batches_[3];
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_ROW_SCANNER_H_
