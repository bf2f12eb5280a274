#include "services/search/partition/entry_pivots.h"

#include <algorithm>

namespace mitra::search {

EntryPivots::EntryPivots(absl::Span<const uint32_t> rows,
                         const VectorRows::View& vectors)
    : table_(std::min(kMost, rows.size() / 8), vectors.stride()) {
  const size_t count = std::min(kMost, rows.size() / 8);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t row = rows[i * rows.size() / count];
    rows_.push_back(row);
    table_.Add(vectors.codes(row), vectors.scale(row));
  }
}

void EntryPivots::Nearest(const Query& query, size_t count,
                          std::vector<uint32_t>& nearest) const {
  table_.Nearest({query.codes(), query.width(), query.scale()}, count, nearest);
  for (uint32_t& one : nearest) one = rows_[one];
}

void EntryPivots::NearestForAll(
    absl::Span<const Query* const> queries, size_t count,
    absl::Span<std::vector<uint32_t>* const> nearest) const {
  std::vector<CodesView> codes;
  codes.reserve(queries.size());
  for (const Query* query : queries) {
    codes.push_back({query->codes(), query->width(), query->scale()});
  }
  table_.NearestForAll(codes, count, nearest);
  for (std::vector<uint32_t>* list : nearest) {
    for (uint32_t& one : *list) one = rows_[one];
  }
}

}  // namespace mitra::search
