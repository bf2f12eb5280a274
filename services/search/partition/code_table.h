// Codes that lie one after the other and are all looked at: a few thousand
// rows or centroids by which a search finds where to begin.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_CODE_TABLE_H_
#define MITRA_SERVICES_SEARCH_PARTITION_CODE_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "services/search/partition/pages.h"

namespace mitra::search {

// Codes with their scale (see Quantise); `width` of them count.
struct CodesView {
  const int8_t* codes;
  size_t width;
  float scale;
};

// Immutable once filled.
class CodeTable {
 public:
  // Room for `most` entries of `stride` codes.
  CodeTable(size_t most, size_t stride);

  // Copies `stride` codes.
  void Add(const int8_t* codes, float scale);

  // Sets `nearest` to the places of the `count` entries with the greatest
  // products with `query`, the greatest first. About 3 ns an entry of 256.
  void Nearest(const CodesView& query, size_t count,
               std::vector<uint32_t>& nearest) const;

  // The same for each of many, of one width; a fraction of the time for each.
  void NearestForAll(absl::Span<const CodesView> queries, size_t count,
                     absl::Span<std::vector<uint32_t>* const> nearest) const;

  size_t size() const { return scales_.size(); }
  size_t bytes() const { return size() * (stride_ + sizeof(float)); }

 private:
  size_t stride_;
  std::vector<float> scales_;
  Pages<int8_t> codes_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_CODE_TABLE_H_
