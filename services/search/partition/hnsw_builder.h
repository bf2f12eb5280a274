// Builds a navigable small-world graph over rows (Malkov & Yashunin, TPAMI
// 2020) by FAISS, through its public interface.
//
// FAISS is given row numbers instead of vectors; distances are ours, on int8
// codes. An extra dimension makes all rows of equal length (Bachrach et al.,
// "Speeding Up the Xbox Recommender System", RecSys 2014), so that the
// neighbours of a row by inner product are also near it; queries have 0 there.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_HNSW_BUILDER_H_
#define MITRA_SERVICES_SEARCH_PARTITION_HNSW_BUILDER_H_

#include <atomic>
#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/search/partition/hnsw_links.h"
#include "services/search/partition/vector_rows.h"

namespace mitra::search {

struct HnswBuildOptions {
  // Links per row on the upper levels; twice that on the lowest.
  int links = 24;
  // Breadth of the search for links.
  int build_breadth = 80;
  // Threads of a build.
  int threads = 1;
  // A build looks at it now and then, and ends with CANCELLED. May be null.
  const std::atomic<bool>* stop = nullptr;
};

// Builds over `rows`, which must be distinct, of `vectors`. With `base`, the
// result holds base's rows first and only the others are inserted. Rows with
// the codes of one that is in the graph become its twins. INTERNAL if
// FAISS fails, RESOURCE_EXHAUSTED if memory does not suffice.
absl::StatusOr<HnswParts> BuildHnsw(const VectorRows::View& vectors,
                                    absl::Span<const uint32_t> rows,
                                    const HnswLinks* base,
                                    const HnswBuildOptions& options);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_HNSW_BUILDER_H_
