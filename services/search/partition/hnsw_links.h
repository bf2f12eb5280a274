// The links of a navigable small-world graph, packed for walking: the lists of
// the lowest level lie at a fixed stride under their row's number, so that a
// walk goes from row to row without looking anything up.
//
// Of rows with equal codes only one stands in the graph; the others are its
// twins, and are found with it. A graph of twins would have no links but among
// them, and whoever wrote the same text as 2,000 others could not be found.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_HNSW_LINKS_H_
#define MITRA_SERVICES_SEARCH_PARTITION_HNSW_LINKS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/search/partition/pages.h"

namespace mitra::search {

// A graph as plain numbers, in FAISS's own order, for building and snapshots.
// Positions count the rows in the order of their insertion.
struct HnswParts {
  std::vector<uint32_t> rows;
  // On how many levels a position stands, ≥ 1.
  std::vector<int32_t> levels;
  // Positions, level by level, 2·links of them on the lowest level and `links`
  // on each other; −1 ends a list.
  std::vector<int32_t> neighbours;
  int32_t links = 0;
  int32_t entry_point = -1;
  // The entry point's highest level, counted from 0.
  int32_t max_level = -1;
  // Rows outside the graph, and the positions whose codes they have, ascending.
  std::vector<uint32_t> twins;
  std::vector<int32_t> twin_of;
};

// Immutable once made.
class HnswLinks {
 public:
  // Ends a list that is not full.
  static constexpr uint32_t kNone = 0xffffffff;
  // Links per row of the upper levels, at most.
  static constexpr size_t kMaxLinks = 64;

  // DATA_LOSS if the parts do not fit together.
  static absl::StatusOr<HnswLinks> FromParts(const HnswParts& parts);
  HnswParts ToParts() const;

  // In the order of their insertion, dead ones included, without twins.
  const std::vector<uint32_t>& rows() const { return rows_; }
  const std::vector<uint32_t>& twins() const { return twins_; }
  // Those of one row.
  absl::Span<const uint32_t> twins_of(uint32_t row) const {
    if (weight(row) == 1) return {};
    const auto found = twins_of_.find(row);
    if (found == twins_of_.end()) return {};
    return absl::MakeSpan(twins_).subspan(found->second.first,
                                          found->second.count);
  }
  // Rows with twins are numbered, below groups(); of those only.
  uint32_t group(uint32_t row) const { return twins_of_.at(row).group; }
  size_t groups() const { return twins_of_.size(); }
  // How many rows are found with a row: itself and its twins, at most 255.
  size_t weight(uint32_t row) const {
    return twins_.empty() ? 1 : weights_[row];
  }
  size_t links() const { return links_; }
  size_t bytes() const;

  // The lowest level.
  size_t width() const { return 2 * links_; }
  const uint32_t* list(uint32_t row) const {
    return lists_.get() + size_t{row} * width();
  }
  // Numbers below this may be asked for.
  size_t row_end() const { return row_end_; }

  // The upper levels, 1 to top(). Their rows are numbered anew, those that
  // stand higher first: level l has the numbers below upper_size(l), and 0 is
  // the entry point.
  size_t top() const { return upper_.size(); }
  size_t upper_size(size_t level) const {
    return upper_[level - 1].size() / links_;
  }
  const uint32_t* upper_list(size_t level, uint32_t number) const {
    return upper_[level - 1].data() + size_t{number} * links_;
  }
  uint32_t upper_row(uint32_t number) const { return upper_rows_[number]; }
  // Meaningful if there are rows.
  uint32_t entry() const { return entry_; }

 private:
  std::vector<uint32_t> rows_;
  std::vector<uint8_t> levels_;  // by position
  struct Twins {
    uint32_t first;
    uint32_t count;
    uint32_t group;
  };
  std::vector<uint32_t> twins_;
  absl::flat_hash_map<uint32_t, Twins> twins_of_;
  std::vector<uint8_t> weights_;  // by row; empty without twins
  size_t links_ = 0;
  size_t row_end_ = 0;
  uint32_t entry_ = kNone;
  Pages<uint32_t> lists_;  // row_end × width
  std::vector<uint32_t> upper_rows_;
  std::vector<std::vector<uint32_t>> upper_;  // [level − 1][number × links]
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_HNSW_LINKS_H_
