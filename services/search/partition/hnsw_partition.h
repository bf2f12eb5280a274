// A navigable small-world graph over rows (Malkov & Yashunin, TPAMI 2020),
// built and walked by FAISS through its public interface.
//
// FAISS is given row numbers instead of vectors; distances are ours, on int8
// codes. While building, an extra dimension makes all rows of equal length
// (Bachrach et al., "Speeding Up the Xbox Recommender System", RecSys 2014), so
// that the neighbours of a row by inner product are also near it; queries have
// 0 there.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_
#define MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/search/partition/partition.h"

namespace mitra::search {

class HnswPartition : public Partition {
 public:
  struct Options {
    // Links per row on the upper levels; twice that on the lowest.
    int links = 16;
    // Breadth of the search for links.
    int build_breadth = 64;
    // Threads of a build.
    int threads = 1;
    // A build looks at it now and then, and ends with CANCELLED. May be null.
    const std::atomic<bool>* stop = nullptr;
  };

  // The graph as plain numbers, for snapshots.
  struct Parts {
    std::vector<uint32_t> rows;
    std::vector<int32_t> levels;
    std::vector<int32_t> neighbours;
    int32_t links = 0;
    int32_t entry_point = -1;
    int32_t max_level = -1;
  };

  // Builds over `rows`, which must be distinct, of `vectors`. With `base`, the
  // result holds base's rows first and only the others are inserted. INTERNAL
  // if FAISS fails, RESOURCE_EXHAUSTED if memory does not suffice.
  static absl::StatusOr<std::unique_ptr<HnswPartition>> Build(
      const VectorRows::View& vectors, absl::Span<const uint32_t> rows,
      const HnswPartition* base, const Options& options);

  // A graph from its parts. DATA_LOSS if they do not fit together.
  static absl::StatusOr<std::unique_ptr<HnswPartition>> FromParts(Parts parts);
  Parts ToParts() const;

  ~HnswPartition() override;

  absl::string_view kind() const override { return "hnsw"; }
  size_t size() const override;
  size_t bytes() const override;
  // Walks with a breadth that grows until enough rows that pass were met, or
  // the walk has become as broad as the graph.
  absl::Status Search(const PartitionSearch& search,
                      EstimatePool& pool) const override;

  // The rows in the graph, dead ones included.
  const std::vector<uint32_t>& rows() const;

 private:
  struct Graph;
  explicit HnswPartition(std::unique_ptr<Graph> graph);
  std::unique_ptr<Graph> graph_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_HNSW_PARTITION_H_
