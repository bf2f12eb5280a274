// The graph of a role as a partition: built by FAISS, walked by us.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_
#define MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/search/partition/entry_pivots.h"
#include "services/search/partition/hnsw_builder.h"
#include "services/search/partition/hnsw_links.h"
#include "services/search/partition/partition.h"

namespace mitra::search {

class HnswPartition : public Partition {
 public:
  explicit HnswPartition(HnswLinks links) : links_(std::move(links)) {}

  // See BuildHnsw. What was found out about walks of `base` holds for the
  // result, too.
  static absl::StatusOr<std::unique_ptr<HnswPartition>> Build(
      const VectorRows::View& vectors, absl::Span<const uint32_t> rows,
      const HnswPartition* base, const HnswBuildOptions& options);

  const HnswLinks& links() const { return links_; }
  // The rows in the graph, dead ones included.
  std::vector<uint32_t> rows() const;

  // See WalkBreadth. To be set before others search.
  void set_care(double care) { care_ = care; }
  double care() const { return care_; }
  // Begins walks at pivots from now on. To be called before others search.
  void UsePivots(const VectorRows::View& vectors) {
    pivots_.emplace(links_.rows(), vectors);
  }
  bool uses_pivots() const { return pivots_.has_value(); }
  // How many rows there were when the care was chosen; 0 if it was not.
  void set_calibrated_size(size_t size) { calibrated_size_ = size; }
  size_t calibrated_size() const { return calibrated_size_; }

  absl::string_view kind() const override { return "hnsw"; }
  size_t size() const override {
    return links_.rows().size() + links_.twins().size();
  }
  size_t bytes() const override {
    return links_.bytes() + (pivots_.has_value() ? pivots_->bytes() : 0);
  }
  size_t Breadth(size_t want, size_t passing) const override;
  // Walks, twice more and broader each time if too few rows that pass were
  // met. Then a scan is the faster way to them.
  absl::Status Search(const PartitionSearch& search,
                      EstimatePool& pool) const override;

 private:
  HnswLinks links_;
  double care_ = 1;
  size_t calibrated_size_ = 0;
  std::optional<EntryPivots> pivots_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_
