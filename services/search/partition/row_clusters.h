// Finds centroids of rows by FAISS's k-means, on their sphere.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_ROW_CLUSTERS_H_
#define MITRA_SERVICES_SEARCH_PARTITION_ROW_CLUSTERS_H_

#include <atomic>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/search/partition/vector_rows.h"

namespace mitra::search {

// Centroids as InvertedFile takes them: 3·√n of n rows, at least one. Looks at
// 32 rows for each, which takes their floats' memory (100 MB at a million rows
// of 2×128) and about 10 s there. The same rows give the same centroids.
// CANCELLED soon after `stop` was set, if it is not null; INTERNAL if FAISS
// fails, RESOURCE_EXHAUSTED if memory does not suffice.
absl::StatusOr<std::vector<float>> ClusterRows(const VectorRows::View& vectors,
                                               absl::Span<const uint32_t> rows,
                                               const std::atomic<bool>* stop);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_ROW_CLUSTERS_H_
