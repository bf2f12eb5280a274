// What the stages of a ranking tell a trace.

#ifndef MITRA_SERVICES_MATCHING_RANKING_RANK_TRACE_STAGES_H_
#define MITRA_SERVICES_MATCHING_RANKING_RANK_TRACE_STAGES_H_

#include <cstddef>

#include "absl/status/statusor.h"
#include "services/matching/ranking/candidate_source.h"
#include "services/matching/ranking/rank_trace.h"
#include "services/matching/ranking/recommender.h"
#include "services/matching/trust/forward_push.h"

namespace mitra::matching {

// Figures of the stage that runs. `trust` may be null.
void TraceWalk(const TrustVector* trust, size_t candidates, RankTrace& trace);
void TraceRetrieval(int asked, const absl::StatusOr<Retrieved>& found,
                    RankTrace& trace);
// A stage of its own: the first `wanted` places.
void TraceSlate(const Ranking& ranking, size_t wanted, RankTrace& trace);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_RANK_TRACE_STAGES_H_
