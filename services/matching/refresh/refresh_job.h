// One refresh on its way: from the members of its scope to slates that are
// served.
//
//   catch-up    if search, or this process, has not read yet what the record
//               held when the refresh was started, it waits (catch_up.h)
//   candidates  everybody's candidates are found, chunk by chunk, by the
//               threads here and by any process that helps; each chunk goes to
//               the ledger (job_folder.h)
//   allocation  each kind's market is solved (market.h), the lists are put in
//               order with prices, the report is made; a refresh of a part of
//               the members takes the prices that are there, since a part is
//               no market
//   publish     slates are written under a new epoch, which nobody reads before
//               it is made current, together with the prices
//
// Every phase begins from what the phase before has left on disk: a process
// that dies goes on where it was. For an unchanged record the result does not
// depend on how often that happened or on who computed what.
//
// Memory: RefreshTools::table_bytes for candidates (24 bytes for each of about
// 32 of each member and kind) and as much for slates, beyond which they are
// read from the disk again; and what market.h says. With fixed pairs or hard
// seats all candidates are kept in memory.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_REFRESH_JOB_H_
#define MITRA_SERVICES_MATCHING_REFRESH_REFRESH_JOB_H_

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/redis/client.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "services/matching/refresh/candidate_store.h"
#include "services/matching/refresh/chunk_queue.h"
#include "services/matching/refresh/chunk_worker.h"
#include "services/matching/refresh/epoch_keeper.h"
#include "services/matching/refresh/fixed_pairs.h"
#include "services/matching/refresh/job_folder.h"
#include "services/matching/slates/slate_server.h"

namespace mitra::matching {

// What a refresh works with. Everything must outlive it.
struct RefreshTools {
  std::function<MatchingView()> views;
  ChunkWorker* worker = nullptr;
  SlateServer* slates = nullptr;
  EpochKeeper* keeper = nullptr;
  PriceBoard* prices = nullptr;
  CandidateStore* candidates = nullptr;  // may be null
  redis::Client* redis = nullptr;        // may be null
  const Clock* clock = nullptr;
  // Null: all by the profile that ships.
  const RankingBoard* rankings = nullptr;
  // Whom members were shown lately; may be null.
  const ImpressionBook* impressions = nullptr;
  std::string directory;  // of all refreshes
  // Candidates that are kept in memory.
  size_t table_bytes = size_t{256} << 20;
  // Threads that compute, at low priority.
  int threads = 2;
  // Of one message to search.
  absl::Duration timeout = absl::Seconds(10);
  // The latest revision of the record that this process has heard of; may be
  // null.
  std::function<uint64_t()> head;
  // How long search may take to read the record up to there.
  absl::Duration catch_up = absl::Minutes(10);
  // How long search or Redis may be away before the refresh gives up.
  absl::Duration patience = absl::Seconds(60);
};

// The ids of a scope's members, in the order of member_order.h.
std::vector<std::string> MembersOf(const MatchingView& view,
                                   const v1::RefreshScope& scope);
bool ScopeHasMembers(const MatchingView& view, const v1::RefreshScope& scope);
// The arms that a refresh computes with. FAILED_PRECONDITION
// (RANKING_PROFILE_UNKNOWN) if this process does not know one of them.
absl::StatusOr<RankingArms> ArmsOf(const RefreshTools& tools,
                                   const v1::Refresh& refresh);
// Errors: those of ArmsOf.
absl::StatusOr<ChunkPlan> PlanOf(const RefreshTools& tools,
                                 const v1::Refresh& refresh);

// Thread-safe; Compute and Publish are called by one thread at a time.
class RefreshJob {
 public:
  RefreshJob(const RefreshTools& tools, JobRecord record);

  v1::Refresh state() const;
  const v1::StartRefreshRequest& request() const { return request_; }
  const JobFolder& folder() const { return folder_; }
  // Changes the state and keeps it on disk.
  void Update(const std::function<void(v1::Refresh&)>& change);

  // The caller does not want it any more; or this process ends: then the state
  // on disk stays as it is.
  void Cancel() { cancelled_ = stop_ = true; }
  void Interrupt() { stop_ = true; }
  bool cancelled() const { return cancelled_; }
  bool stopped() const { return stop_; }

  // The first two phases, or what is left of them. CANCELLED when stopped.
  absl::Status Compute();
  // The last one. `order`: the number of who holds the lease.
  absl::Status Publish(uint64_t order, const std::atomic<bool>* lost);

  // Settles places of the slates that were computed; all or nothing. Blocks:
  // asks search about candidates that are on no list. Not beside Publish.
  absl::Status Edit(absl::Span<const v1::FixedPair> pairs);

  // For helpers; NOT_FOUND unless candidates are being found.
  absl::StatusOr<v1::RefreshChunk> GetChunk(uint32_t chunk) const;
  // True when nothing is left.
  absl::StatusOr<bool> Submit(uint32_t chunk, absl::string_view bytes);

 private:
  class Allocation;
  bool everybody() const;
  absl::Span<const std::string> MembersOfChunk(uint32_t chunk) const;
  absl::Status LoadMembers();
  // What candidates that are found now depend on.
  absl::StatusOr<CandidateBasis> Basis() const;
  // Candidates of the refresh before, if they would be found again.
  void TakeOverCandidates();
  // Lets the next refresh have what was found, or removes it.
  void LeaveCandidates();
  // All candidates must be in memory.
  bool holds_all() const;
  absl::Status ReadLedger();
  void EnterPhase(const char* phase);
  void LeavePhase();
  absl::Status FindCandidates();
  void Work(ChunkQueue* queue);
  // Takes a chunk to work on; false when nothing is left for this thread.
  bool NextChunk(ChunkQueue* queue, uint32_t& chunk,
                 std::optional<ChunkQueue::Claim>& claim);
  void Refill(ChunkQueue& queue);
  std::vector<uint32_t> MissingChunks() const;
  absl::StatusOr<ChunkResult> ComputeChunk(uint32_t chunk);
  absl::Status Keep(uint32_t chunk, ChunkResult result, absl::string_view bytes,
                    bool from_other);
  void Fail(const absl::Status& status);
  absl::Status failure() const;
  bool Pause(absl::Duration time);
  absl::Status Allocate();
  absl::Status ApplyFixedPairs();
  absl::StatusOr<ScorePair> ScorerOf(const MatchingView& view) const;
  absl::Status WriteSlates(const MatchingView& view);
  absl::Status WriteChunk(const MatchingView& view, const ChunkLog& slates,
                          uint32_t chunk);
  absl::Status FlipEpoch(uint64_t order, const std::atomic<bool>* lost);

  const RefreshTools& tools_;
  const v1::StartRefreshRequest request_;
  const JobFolder folder_;
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> stop_{false};

  mutable absl::Mutex mutex_;
  v1::Refresh state_ ABSL_GUARDED_BY(mutex_);
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<uint32_t> in_work_ ABSL_GUARDED_BY(mutex_);
  bool accepting_ ABSL_GUARDED_BY(mutex_) = false;
  bool refilling_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Time phase_began_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteFuture();

  MatchingView view_;
  std::vector<std::string> members_;
  std::vector<MemberIndex> indices_;  // in view_
  // Since when the candidates are right.
  absl::Time found_ = absl::InfinitePast();
  std::unique_ptr<ChunkLog> chunks_;
  // By chunk; empty: only in the ledger. Each is written once, under mutex_.
  std::vector<ChunkResult> tables_;
  std::atomic<size_t> table_bytes_{0};
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_REFRESH_JOB_H_
