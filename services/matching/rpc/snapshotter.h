// Writes snapshots of the state, from the feed's thread, so that a restart
// needs only the tail: once per interval while the state changes, and when it
// has come to rest. A restart from a snapshot gives the answers that were given
// before; one from the feed numbers the members anew, and near-equal candidates
// may change places.

#ifndef MITRA_SERVICES_MATCHING_RPC_SNAPSHOTTER_H_
#define MITRA_SERVICES_MATCHING_RPC_SNAPSHOTTER_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
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
              absl::Duration interval,
              std::function<absl::Time()> clock = absl::Now);

  const std::string& path() const { return path_; }

  // On the feed's thread, after each commit: writes a snapshot if one was asked
  // for, or if something has changed and the last one is old or the record has
  // been at rest for some seconds. At most a twentieth of the thread's time
  // goes into the latter.
  void OnCommit(const CommitSummary& summary);
  // Once the feed's thread has ended.
  absl::Status SaveNow();

  // Waits for the next commit (at most about a second off) and its snapshot.
  rpc::Task<absl::StatusOr<v1::WriteSnapshotResponse>> Write();

 private:
  using Result = absl::StatusOr<v1::WriteSnapshotResponse>;
  Result Save();
  bool Due(uint64_t revision);

  const MatchingState& state_;
  const std::string path_;
  const absl::Duration interval_;
  const std::function<absl::Time()> clock_;
  absl::Time last_time_;
  absl::Duration last_took_;
  uint64_t last_revision_ = 0;
  // The revision of the latest commit, and since when it is.
  uint64_t seen_revision_ = 0;
  absl::Time seen_since_;

  absl::Mutex mutex_;
  std::vector<std::function<void(Result)>> asked_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_SNAPSHOTTER_H_
