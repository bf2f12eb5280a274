// Which rows of a role may be found.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_ROW_FILTER_H_
#define MITRA_SERVICES_SEARCH_PARTITION_ROW_FILTER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "roaring/roaring.hh"
#include "services/search/persistent/cow_vector.h"

namespace mitra::search {

// One bit per row, a block of VectorRows at a time: alive and not hidden,
// paused or over.
struct RowBits {
  static constexpr size_t kRows = 1024;
  uint64_t words[kRows / 64] = {};

  bool test(size_t i) const { return words[i / 64] >> (i % 64) & 1; }
  void set(size_t i, bool on) {
    const uint64_t bit = uint64_t{1} << (i % 64);
    words[i / 64] = on ? words[i / 64] | bit : words[i / 64] & ~bit;
  }
};
using RowBitsVector = CowVector<RowBits, 8>;

// Everything that a search of one role may answer with: the rows of `matches`,
// or of `eligible` if there are no matches to speak of, without `excluded`.
struct RowFilter {
  RowBitsVector::View eligible;
  size_t eligible_count = 0;
  // A subset of `eligible`; null for all of it.
  std::shared_ptr<const Roaring> matches;
  // Rows that are never answered, sorted, each a row that would pass otherwise.
  std::vector<uint32_t> excluded;

  // How many rows pass.
  size_t count() const {
    return (matches ? matches->cardinality() : eligible_count) -
           excluded.size();
  }

  bool Passes(uint32_t row) const {
    if (matches != nullptr) {
      if (!matches->contains(row)) return false;
    } else if (row / RowBits::kRows >= eligible.size() ||
               !eligible[row / RowBits::kRows].test(row % RowBits::kRows)) {
      return false;
    }
    return !IsExcluded(row);
  }

  bool IsExcluded(uint32_t row) const {
    return !excluded.empty() &&
           std::binary_search(excluded.begin(), excluded.end(), row);
  }
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_ROW_FILTER_H_
