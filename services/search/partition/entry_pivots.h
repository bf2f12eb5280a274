// Rows spread over a graph, all of which a walk can look at first to find
// where to begin.
//
// The upper levels of a graph lead astray where the rows form clusters with
// nothing between them: a walk that enters the wrong one does not leave it. A
// few thousand rows have one in every cluster that is worth the name.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_ENTRY_PIVOTS_H_
#define MITRA_SERVICES_SEARCH_PARTITION_ENTRY_PIVOTS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "services/search/partition/code_table.h"
#include "services/search/partition/query.h"
#include "services/search/partition/vector_rows.h"

namespace mitra::search {

// Immutable.
class EntryPivots {
 public:
  // Every n-th of `rows`, so that they are at most kMost and an eighth of all.
  EntryPivots(absl::Span<const uint32_t> rows, const VectorRows::View& vectors);

  // Sets `nearest` to the `count` pivots nearest to the query, nearest first.
  // About 3 ns a pivot.
  void Nearest(const Query& query, size_t count,
               std::vector<uint32_t>& nearest) const;

  // The same for many questions, at most half the time for each.
  void NearestForAll(absl::Span<const Query* const> queries, size_t count,
                     absl::Span<std::vector<uint32_t>* const> nearest) const;

  size_t size() const { return rows_.size(); }
  size_t bytes() const {
    return table_.bytes() + rows_.size() * sizeof(uint32_t);
  }

 private:
  static constexpr size_t kMost = 8192;
  std::vector<uint32_t> rows_;
  CodeTable table_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_ENTRY_PIVOTS_H_
