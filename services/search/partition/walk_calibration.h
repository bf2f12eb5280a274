// How broad the walks of a graph must be: measured on the graph itself.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_WALK_CALIBRATION_H_
#define MITRA_SERVICES_SEARCH_PARTITION_WALK_CALIBRATION_H_

#include <atomic>
#include <cstddef>
#include <vector>

#include "absl/types/span.h"
#include "services/search/partition/hnsw_partition.h"
#include "services/search/partition/query.h"
#include "services/search/partition/vector_rows.h"

namespace mitra::search {

// Recalls that the walks must reach on the sample. A little more than what is
// promised, .98 of the best 100: a sample errs.
struct RecallGoal {
  double top100 = 0.983;
  double top10 = 0.99;
};

// Rows of the graph as subjects who ask for the likes of it, as many of each
// lean. Who only gives asks for what it gives, and the other way round.
std::vector<Query> SampleQueries(const HnswPartition& graph,
                                 const VectorRows::View& rows, size_t count);

// Sets, for questions of each lean apart, the smallest care (see WalkBreadth)
// of a ladder with which walks reach the goal on those of `sample`, and warms
// the graph up on the way. Walks begin at pivots, which costs each some
// microseconds, where that is the cheaper way or the only one; where walks find
// too little or need too much, lists are made and tried. Where the sample
// has no question, the greatest care of the others holds. Each query is scanned
// once: 10 ms a million rows. Leaves the rest as it is when stopped.
void CalibrateCare(HnswPartition& graph, const VectorRows::View& rows,
                   absl::Span<const Query> sample, const RecallGoal& goal,
                   const std::atomic<bool>* stop);

// The same by questions that people asked, of which the latest tell most. Leans
// with few of them are left as they are. False if there was none with enough of
// them, or it was stopped.
bool TuneCare(HnswPartition& graph, const VectorRows::View& rows,
              absl::Span<const Query> asked, const RecallGoal& goal,
              const std::atomic<bool>* stop);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_WALK_CALIBRATION_H_
