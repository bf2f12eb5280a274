// The port of search: an immutable searchable set of rows.
//
// A partition holds row numbers only; vectors stand in VectorRows, attributes
// in columns. What a partition finds are estimates, collected in an
// EstimatePool and scored exactly afterwards.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_PARTITION_H_
#define MITRA_SERVICES_SEARCH_PARTITION_PARTITION_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "services/search/partition/query.h"
#include "services/search/partition/row_filter.h"
#include "services/search/partition/vector_rows.h"

namespace mitra::search {

// Relation of rows: the first is answered before the second if their scores are
// equal.
using RowsBefore = absl::FunctionRef<bool(uint32_t, uint32_t)>;

// Keeps the rows whose estimate is among the best `want`, and all that are at
// most `slack` below those: with slack twice the error of an estimate, the best
// `want` by exact score are among them, ties included. Estimates below `least`
// are not wanted at all.
class EstimatePool {
 public:
  static constexpr uint32_t kNobody = 0xffffffff;
  struct Entry {
    uint32_t row;
    float estimate;
    // A row with the same exact scores, the same one for all of its kind, and
    // the place among them in the order of equals; kNobody: not known.
    uint32_t like = kNobody;
    uint32_t place = 0;
  };

  EstimatePool(size_t want, float slack,
               float least = -std::numeric_limits<float>::infinity());

  void Add(uint32_t row, float estimate) { Add(Entry{row, estimate}); }
  void Add(const Entry& entry) {
    if (entry.estimate < threshold_) return;
    entries_.push_back(entry);
    if (entries_.size() >= limit_) Shrink();
  }
  // Estimates below this cannot enter any more.
  float threshold() const { return threshold_; }
  size_t want() const { return want_; }
  // Begins anew.
  void Clear() {
    entries_.clear();
    threshold_ = least_;
  }
  // What has been kept, in no order.
  std::vector<Entry>& Finish();

 private:
  void Shrink();

  const size_t want_;
  const float slack_;
  const float least_;
  size_t limit_;
  float threshold_;
  std::vector<Entry> entries_;
};

// How broad a walk of a graph of `size` rows must be to meet `want` rows if
// `passing` of all rows pass. More than what is wanted, because estimates and
// walk are inexact, and more in proportion to the rows that do not pass. `care`
// says how much more; 1 gives a recall of .98 on reciprocal vectors of
// independent halves, which are as hard as texts become (see CalibrateCare).
inline size_t WalkBreadth(size_t want, size_t passing, size_t size,
                          double care) {
  const size_t all = size > passing ? size : passing;
  const auto more =
      static_cast<size_t>(care * (static_cast<double>(want) / 3 + 150));
  return (want + more) * all / (passing == 0 ? 1 : passing);
}

// One search of one partition.
struct PartitionSearch {
  const VectorRows::View& rows;
  const RowFilter& filter;
  const Query& query;
  // The order of equals, if it is the same for all questions to a partition;
  // else null. Of rows that are the same to a question only as many are offered
  // as a pool wants then, the first in this order, and one more.
  const RowsBefore* before = nullptr;
  // Rows at which a walk begins, as of Partition::FindEntries; none: the
  // partition finds its own.
  absl::Span<const uint32_t> entries = {};
};

// Thread-safe: searching changes nothing that others see.
class Partition {
 public:
  virtual ~Partition() = default;
  // "flat" or "hnsw".
  virtual absl::string_view kind() const = 0;
  // Rows held, dead ones included.
  virtual size_t size() const = 0;
  virtual size_t bytes() const = 0;
  // How broad a walk for `want` rows would be if `passing` rows pass; 0 if the
  // partition does not walk.
  virtual size_t Breadth(size_t /*want*/, size_t /*passing*/,
                         Lean /*lean*/) const {
    return 0;
  }
  // Where the walk of each question begins, for PartitionSearch::entries: found
  // for many at once it costs a fraction of one by one. `entries` gets a list
  // for each, perhaps an empty one.
  virtual void FindEntries(absl::Span<const Query* const> queries,
                           std::vector<std::vector<uint32_t>>& entries) const {
    entries.assign(queries.size(), {});
  }
  // Adds to `pool` the rows of this partition that pass the filter and are
  // nearest to the query: as many as the pool wants if it has and finds them
  // in reasonable time, else fewer.
  virtual absl::Status Search(const PartitionSearch& search,
                              EstimatePool& pool) const = 0;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_PARTITION_H_
