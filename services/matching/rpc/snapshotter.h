// Writes snapshots of the state, from the feed's thread, so that a restart
// needs only the tail.

#ifndef MITRA_SERVICES_MATCHING_RPC_SNAPSHOTTER_H_
#define MITRA_SERVICES_MATCHING_RPC_SNAPSHOTTER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/rpc/task.h"
#include "mitra/v1/operations_service.pb.h"
#include "services/matching/state/matching_state.h"

namespace mitra::matching {

// Thread-safe but for OnCommit and SaveNow.
class Snapshotter {
 public:
  // `directory` empty: no snapshots are kept, and Write fails.
  Snapshotter(const MatchingState& state, const std::string& directory,
              absl::Duration interval);

  const std::string& path() const { return path_; }

  // On the feed's thread, after each commit: writes a snapshot if one was asked
  // for, or if the last one is old and something has changed.
  void OnCommit(const CommitSummary& summary);
  // Once the feed's thread has ended.
  absl::Status SaveNow();

  // Waits for the next commit (at most about a second off) and its snapshot.
  rpc::Task<absl::StatusOr<v1::WriteSnapshotResponse>> Write();

 private:
  using Result = absl::StatusOr<v1::WriteSnapshotResponse>;
  Result Save();

  const MatchingState& state_;
  const std::string path_;
  const absl::Duration interval_;
  absl::Time last_time_ = absl::Now();
  uint64_t last_revision_ = 0;

  absl::Mutex mutex_;
  std::vector<std::function<void(Result)>> asked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_SNAPSHOTTER_H_
