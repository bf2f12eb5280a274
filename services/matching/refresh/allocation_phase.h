// From everybody's candidates to everybody's slates: the markets are solved,
// the lists put in order with their prices, and measured.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_ALLOCATION_PHASE_H_
#define MITRA_SERVICES_MATCHING_REFRESH_ALLOCATION_PHASE_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "services/matching/refresh/candidate_lists.h"
#include "services/matching/refresh/chunk_worker.h"
#include "services/matching/refresh/job_folder.h"
#include "services/matching/refresh/price_board.h"

namespace mitra::matching {

// Places of a slate that are kept beyond those that are shown, for those who
// drop out until the next epoch.
inline constexpr size_t kSparePlaces = 5;

struct AllocationInput {
  const MatchingView* view = nullptr;
  absl::Span<const MemberIndex> members;  // by number; kNoMember: gone
  // What was found; used up. Those without kinds stand in the ledger only, and
  // are read when they are needed. With hard seats all must be here.
  absl::Span<ChunkResult> chunks;
  const ChunkLog* ledger = nullptr;
  ChunkPlan plan;
  size_t slate_size = 10;
  double fairness = 1;
  // All members take part: prices are made. Else those of `prices` are used.
  bool everybody = true;
  // Seats are given out whole (hard_seats.h).
  bool hard_seats = false;
  const PriceBoard* prices = nullptr;
  // Who was shown often goes down, as online; may be null. `now`: Unix seconds.
  const ImpressionBook* impressions = nullptr;
  int64_t now = 0;
  int threads = 1;
  const std::atomic<bool>* stop = nullptr;
  // Where the slates go.
  const JobFolder* folder = nullptr;
  // Bytes of slates that are kept in memory meanwhile.
  size_t budget = SIZE_MAX;
};

struct AllocationOutput {
  PricesByKind prices;  // times fairness
  std::vector<v1::MarketReport> markets;
  std::vector<v1::UnmetNeed> unmet_needs;
  std::vector<v1::FunnelRow> funnel;  // only with places
  uint64_t full_slates = 0;           // members whose slates are all full
  uint64_t empty_slates = 0;          // members whose slates are all empty
  double exposure_gini = 0;
  uint64_t first_revision = 0;
  uint64_t last_revision = 0;
};

// CANCELLED when stopped; DATA_LOSS if the ledger was damaged meanwhile. Two
// markets are solved at once while they are small.
absl::StatusOr<AllocationOutput> AllocateSlates(const AllocationInput& input);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_ALLOCATION_PHASE_H_
