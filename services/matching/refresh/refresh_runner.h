// Slates for everybody: a plain refresh, each member for itself, through the
// same pipeline as online answers.
//
// One refresh runs at a time. It goes through the members in chunks; several
// members are computed at once, each as a low-priority coroutine. Results are
// written to the slate cache under a new epoch while it runs, and nobody reads
// them before the epoch pointer is flipped at the end; a refresh that is
// cancelled or fails leaves the old epoch in place, and its values expire.
//
// The joint solution (prices, seats) stands between computing and publishing:
// RefreshResults is where it will read.

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
#include "services/matching/slates/slate_server.h"

namespace mitra::matching {

// Gini coefficient of non-negative counts, 0 (equal) to 1; 0 for none.
double Gini(std::vector<uint32_t> counts);

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
  };
  // `redis` may be null. A running refresh is cancelled by the destructor.
  RefreshRunner(SlateServer& slates, EpochBoard& epochs, redis::Client* redis,
                const Clock& clock, Options options);
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
  rpc::Task<void> OneMember(Job& job, std::string id);
  void End(Job& job, v1::RefreshState state, const absl::Status& error);
  absl::Status PublishEpoch(Job& job);
  std::shared_ptr<Job> Find(absl::string_view refresh_id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  SlateServer& slates_;
  EpochBoard& epochs_;
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
