// Best-first search of a graph (Malkov & Yashunin, TPAMI 2020, algorithm 2) on
// int8 codes.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_HNSW_WALK_H_
#define MITRA_SERVICES_SEARCH_PARTITION_HNSW_WALK_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "services/search/partition/hnsw_links.h"
#include "services/search/partition/partition.h"
#include "services/search/partition/twin_order.h"

namespace mitra::search {

// Walks from `entries`, or from where the upper levels lead to if there are
// none, towards the query and ends when the `breadth` nearest rows met, twins
// included, have all been looked around from. Offers those that pass the filter
// to `pool`; rows that do not pass are ways to others.
//
// `twins` may be null if the search has no order of equals.
//
// Thread-safe; each thread keeps a bit per row of the largest graph it walked.
void WalkHnsw(const HnswLinks& graph, const PartitionSearch& search,
              absl::Span<const uint32_t> entries, size_t breadth,
              EstimatePool& pool, const TwinOrder* twins = nullptr);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_HNSW_WALK_H_
