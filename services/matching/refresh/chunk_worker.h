// Finds the candidates of a chunk of members, for all kinds of a refresh.
//
// A member's trust is walked once for all kinds; search is asked for several
// members and kinds in one message, and answers while the next members are
// prepared. Everything is read from one view of the roster, and the result
// depends on that view only: not on caches, other chunks or the process.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_CHUNK_WORKER_H_
#define MITRA_SERVICES_MATCHING_REFRESH_CHUNK_WORKER_H_

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "services/matching/ranking/ranking_board.h"
#include "services/matching/ranking/recommender.h"
#include "services/matching/refresh/candidate_lists.h"
#include "services/matching/refresh/short_trust.h"

namespace mitra::matching {

struct ChunkPlan {
  std::vector<const KindSpec*> kinds;
  // Each member's lists are made by its own arm.
  RankingArms arms;
  // Candidates that are kept of each member and kind.
  size_t kept = 32;
  MarketDepth depth;
  // What search must have read of the record.
  uint64_t min_revision = 0;
  // Of one message to search.
  absl::Duration timeout = absl::Seconds(10);
};

// UNAVAILABLE (SEARCH_BEHIND).
absl::Status SearchIsBehind(uint64_t has_read, uint64_t wanted);

// How many candidates to keep for slates of this length.
size_t KeptFor(size_t slate_size);

// Thread-safe. Both must outlive it.
class ChunkWorker {
 public:
  ChunkWorker(Recommender& recommender, CandidateSource& source,
              ShortTrust& trust)
      : recommender_(recommender), source_(source), trust_(trust) {}

  // `members`: ids; those that `view` does not know get empty lists. Blocks.
  // CANCELLED soon after `stop` is set; UNAVAILABLE (SEARCH_UNAVAILABLE) if
  // search did not answer, or (SEARCH_BEHIND) had not read what the plan wants.
  absl::StatusOr<ChunkResult> Compute(const MatchingView& view,
                                      absl::Span<const std::string> members,
                                      const ChunkPlan& plan,
                                      const std::atomic<bool>& stop);

  // How far search has read, once it has waited a moment for `wanted`. Blocks.
  // UNAVAILABLE (SEARCH_UNAVAILABLE) if it did not answer.
  absl::StatusOr<uint64_t> Reach(uint64_t wanted, absl::Duration timeout);

  // One pair by itself, as in a list. Blocks. FAILED_PRECONDITION
  // (NOT_AVAILABLE) if the candidate may not be shown to the member now.
  absl::StatusOr<MarketCandidate> ScorePair(const MatchingView& view,
                                            const std::string& member,
                                            const KindSpec& kind,
                                            MemberIndex candidate,
                                            const ChunkPlan& plan);

 private:
  struct Batch;
  class Run;

  Recommender& recommender_;
  CandidateSource& source_;
  ShortTrust& trust_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_CHUNK_WORKER_H_
