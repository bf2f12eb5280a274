// Every row that passes, one after the other: exact, always up to date, and the
// fastest there is for small sets of rows.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_FLAT_PARTITION_H_
#define MITRA_SERVICES_SEARCH_PARTITION_FLAT_PARTITION_H_

#include "roaring/roaring.hh"
#include "services/search/partition/partition.h"

namespace mitra::search {

// Either all rows of a role or, as the delta beside a graph, some of them.
// O(rows that pass).
class FlatPartition : public Partition {
 public:
  // All rows, of which there are `size`.
  explicit FlatPartition(size_t size) : size_(size) {}
  // Those in `rows`.
  explicit FlatPartition(std::shared_ptr<const Roaring> rows)
      : rows_(std::move(rows)), size_(rows_->cardinality()) {}

  absl::string_view kind() const override { return "flat"; }
  size_t size() const override { return size_; }
  size_t bytes() const override { return 0; }
  absl::Status Search(const PartitionSearch& search,
                      EstimatePool& pool) const override;

 private:
  std::shared_ptr<const Roaring> rows_;  // null: all
  size_t size_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_FLAT_PARTITION_H_
