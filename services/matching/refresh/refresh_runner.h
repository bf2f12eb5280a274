// Starts refreshes, keeps them over restarts, and says what has become of them.
//
// One refresh runs at a time in the cluster (lease.h). This process coordinates
// those that it was asked to start; they are kept in a folder each, so that a
// restart goes on with the one that ran (Resume), and a held one still waits.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_REFRESH_RUNNER_H_
#define MITRA_SERVICES_MATCHING_REFRESH_REFRESH_RUNNER_H_

#include <functional>
#include <list>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "services/matching/refresh/lease.h"
#include "services/matching/refresh/refresh_job.h"
#include "services/matching/refresh/slate_export.h"

namespace mitra::matching {

// Thread-safe. Everything that it is made from must outlive it.
class RefreshRunner {
 public:
  struct Options {
    // Refreshes that are remembered.
    size_t history = 100;
    // How long a held result waits for its reviewer.
    absl::Duration hold_time = absl::Hours(72);
    Lease::Options lease;
  };
  RefreshRunner(RefreshTools tools, Options options);
  // A refresh that runs is interrupted; another process of this folder may go
  // on with it.
  ~RefreshRunner();
  RefreshRunner(const RefreshRunner&) = delete;
  RefreshRunner& operator=(const RefreshRunner&) = delete;

  // Interrupts what runs, for a later start to go on with; does not wait.
  void Stop();
  // Where helpers reach this process; nobody helps before it is set.
  void SetAddress(std::string address);
  // Goes on with what ran when this folder was used last. Call when the view
  // has caught up.
  void Resume();
  // Rejects held results whose time is over.
  void Sweep();

  // `request` must have been checked. A repeat with the same request_id gives
  // the refresh that the first one started. FAILED_PRECONDITION with reason
  // REFRESH_RUNNING or EMPTY_SCOPE.
  absl::StatusOr<v1::Refresh> Start(const v1::StartRefreshRequest& request,
                                    const std::string& who = "");
  // NOT_FOUND (REFRESH_NOT_FOUND) for unknown ids, here and below.
  absl::StatusOr<v1::Refresh> Get(absl::string_view refresh_id) const;
  // Newest first.
  std::vector<v1::Refresh> List() const;
  // A refresh that has ended stays as it is.
  absl::StatusOr<v1::Refresh> Cancel(absl::string_view refresh_id);
  // Errors as in refreshes_service.proto.
  absl::StatusOr<v1::Refresh> Publish(absl::string_view refresh_id,
                                      bool override_guards);
  // `request` must have been checked; `who` settles it. Asks search.
  absl::StatusOr<v1::Refresh> Edit(const v1::EditRefreshRequest& request,
                                   const std::string& who);
  absl::StatusOr<v1::Refresh> Reject(absl::string_view refresh_id,
                                     const std::string& reason);
  absl::StatusOr<v1::Refresh> RollBack(absl::string_view refresh_id);
  absl::StatusOr<v1::RefreshReport> Report(absl::string_view refresh_id) const;
  // As ArmsOf.
  absl::StatusOr<RankingArms> Arms(const v1::Refresh& refresh) const {
    return ArmsOf(tools_, refresh);
  }
  // `refresh_id` empty: the one that is current.
  absl::StatusOr<std::unique_ptr<StoredSlates>> Slates(
      absl::string_view refresh_id) const;

  // For helpers.
  absl::StatusOr<v1::RefreshChunk> GetChunk(absl::string_view refresh_id,
                                            uint32_t chunk) const;
  absl::StatusOr<bool> Submit(absl::string_view refresh_id, uint32_t chunk,
                              absl::string_view bytes);

  // No further change is to be expected, unless a reviewer decides.
  static bool HasEnded(v1::RefreshState state);

  // Waits until nothing runs. For tests.
  void WaitUntilIdle();

 private:
  using Job = std::shared_ptr<RefreshJob>;
  enum class Task { kCompute, kPublish };
  void Launch(Job job, std::unique_ptr<Lease> lease, Task task)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // How a run has ended. Not stated: this process ends, and it goes on later.
  struct Outcome {
    v1::RefreshState state = v1::REFRESH_STATE_UNSPECIFIED;
    absl::Status error;
    std::vector<std::string> guard_failures;
  };
  void Run(const Job& job, std::unique_ptr<Lease> lease, Task task);
  Outcome Work(RefreshJob& job, const Lease& lease, Task task);
  Outcome FailureOf(const RefreshJob& job, absl::Status error) const;
  void Tell(RefreshJob& job, Outcome outcome);
  void Hold(RefreshJob& job, std::vector<std::string> failures);
  void End(RefreshJob& job, v1::RefreshState state, const absl::Status& error);
  void CleanUp();
  // The arms that a new refresh computes with. INVALID_ARGUMENT for a profile
  // that is not known, or may not be published.
  absl::StatusOr<std::vector<RankingArm>> ArmsFor(
      const v1::StartRefreshRequest& request) const;
  absl::StatusOr<Job> Find(absl::string_view refresh_id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status Settle(RefreshJob& job, const v1::EditRefreshRequest& request,
                      const std::string& who);
  absl::StatusOr<Job> Held(absl::string_view refresh_id) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  bool IsCurrent(const v1::Refresh& refresh) const;

  const RefreshTools tools_;
  const Options options_;

  mutable absl::Mutex mutex_;
  std::list<Job> jobs_ ABSL_GUARDED_BY(mutex_);  // newest first
  std::string address_ ABSL_GUARDED_BY(mutex_);
  bool running_ ABSL_GUARDED_BY(mutex_) = false;
  bool resumed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  Job edited_ ABSL_GUARDED_BY(mutex_);  // whose places are being settled
  std::thread thread_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_REFRESH_RUNNER_H_
