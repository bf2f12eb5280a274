// The graph of a role as a partition: built by FAISS, walked by us.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_
#define MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/search/partition/hnsw_builder.h"
#include "services/search/partition/hnsw_links.h"
#include "services/search/partition/partition.h"

namespace mitra::search {

class HnswPartition : public Partition {
 public:
  explicit HnswPartition(HnswLinks links) : links_(std::move(links)) {}

  // See BuildHnsw.
  static absl::StatusOr<std::unique_ptr<HnswPartition>> Build(
      const VectorRows::View& vectors, absl::Span<const uint32_t> rows,
      const HnswPartition* base, const HnswBuildOptions& options);

  const HnswLinks& links() const { return links_; }
  // The rows in the graph, dead ones included.
  std::vector<uint32_t> rows() const;

  // See WalkBreadth. To be set before others search.
  void set_care(double care) { care_ = care; }
  double care() const { return care_; }

  absl::string_view kind() const override { return "hnsw"; }
  size_t size() const override {
    return links_.rows().size() + links_.twins().size();
  }
  size_t bytes() const override { return links_.bytes(); }
  size_t Breadth(size_t want, size_t passing) const override;
  // Walks, twice more and broader each time if too few rows that pass were
  // met. Then a scan is the faster way to them.
  absl::Status Search(const PartitionSearch& search,
                      EstimatePool& pool) const override;

 private:
  HnswLinks links_;
  double care_ = 1;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_
