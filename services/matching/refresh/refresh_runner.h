// Slates for everybody, worked out together.
//
// A refresh has three phases. "candidates": everybody's candidates are found
// and scored through the same pipeline as online answers, several members at
// once, each as a low-priority coroutine, all on one view of the roster.
// "allocation": each kind's market is solved (market.h); a refresh of a part of
// the members takes the prices that are there, since a part is no market.
// "publish": slates are written to the slate cache under a new epoch, and
// nobody reads them before the epoch pointer is flipped at the end, together
// with the prices. A refresh that is cancelled or fails leaves the old epoch
// and prices in place, and its values expire.
//
// One refresh runs at a time. Memory: about 40 bytes for each of up to
// kKeptCandidates candidates of each member and kind.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_REFRESH_RUNNER_H_
#define MITRA_SERVICES_MATCHING_REFRESH_REFRESH_RUNNER_H_

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "common/redis/client.h"
#include "common/rpc/task.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "services/matching/refresh/price_board.h"
#include "services/matching/slates/slate_server.h"

namespace mitra::matching {

// Candidates of each member and kind that are weighed together.
inline constexpr size_t kKeptCandidates = 40;

// Thread-safe. Everything that it is made from must outlive it.
class RefreshRunner {
 public:
  struct Options {
    // Members whose slates are computed at once.
    int concurrency = 8;
    // Of one member's computation.
    absl::Duration timeout = absl::Seconds(10);
    // Refreshes that are remembered.
    size_t history = 100;
    const RankingProfile* profile = &RankingProfile::Default();
    // Where the prices of a published refresh are kept; empty: nowhere.
    std::string prices_path;
  };
  // `redis` may be null. A running refresh is cancelled by the destructor.
  RefreshRunner(SlateServer& slates, EpochBoard& epochs, PriceBoard& prices,
                redis::Client* redis, const Clock& clock, Options options);
  ~RefreshRunner();
  RefreshRunner(const RefreshRunner&) = delete;
  RefreshRunner& operator=(const RefreshRunner&) = delete;

  // `request` must have been checked. A repeat with the same request_id gives
  // the refresh that the first one started. FAILED_PRECONDITION with reason
  // REFRESH_RUNNING if one is running.
  absl::StatusOr<v1::Refresh> Start(const v1::StartRefreshRequest& request);
  // NOT_FOUND for unknown ids.
  absl::StatusOr<v1::Refresh> Get(absl::string_view refresh_id) const;
  // Newest first.
  std::vector<v1::Refresh> List() const;
  // A refresh that has ended stays as it is.
  absl::StatusOr<v1::Refresh> Cancel(absl::string_view refresh_id);

  static bool HasEnded(v1::RefreshState state);

  // Waits until nothing runs. For tests and shutdown.
  void WaitUntilIdle();

 private:
  struct Job;
  void Run(std::shared_ptr<Job> job);
  rpc::Task<void> Worker(std::shared_ptr<Job> job, int* running);
  rpc::Task<void> OneMember(Job& job, size_t number);
  absl::Status FindCandidates(std::shared_ptr<Job> job);
  absl::Status Allocate(Job& job);
  absl::Status MakeSlates(Job& job);
  void Count(Job& job);
  absl::Status Refresh(std::shared_ptr<Job> job);
  void EnterPhase(Job& job, const char* phase);
  void End(Job& job, v1::RefreshState state, const absl::Status& error);
  void PublishEpoch(Job& job);
  std::shared_ptr<Job> Find(absl::string_view refresh_id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  SlateServer& slates_;
  EpochBoard& epochs_;
  PriceBoard& prices_;
  redis::Client* const redis_;
  const Clock& clock_;
  const Options options_;

  mutable absl::Mutex mutex_;
  std::list<std::shared_ptr<Job>> jobs_
      ABSL_GUARDED_BY(mutex_);  // newest first
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_REFRESH_RUNNER_H_
