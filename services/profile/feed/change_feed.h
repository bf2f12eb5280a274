// The change feed: snapshot pages and the live stream of changes.

#ifndef MITRA_SERVICES_PROFILE_FEED_CHANGE_FEED_H_
#define MITRA_SERVICES_PROFILE_FEED_CHANGE_FEED_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/rpc/executor.h"
#include "common/rpc/task.h"
#include "mitra/v1/change_feed_service.pb.h"
#include "services/profile/feed/change_ring.h"
#include "services/profile/ingest/request_validation.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// Thread-safe. An index over the record, not a copy of it: each entity comes in
// its latest state, with that state's revision. Followers near the head are
// served from a ring in memory, others by short reads of the record. What a
// follower has not taken is held nowhere.
class ChangeFeed {
 public:
  struct Options {
    size_t ring_bytes = 64 << 20;
    // Of one message; CONTRACTS says at most 256 KiB, some room for the header.
    size_t batch_bytes = 240 << 10;
    // A follower with nothing new hears where it stands this often.
    absl::Duration progress_period = absl::Seconds(1);
    // Called for each commit before anybody else learns of it; may be null.
    std::function<void(const CommittedChanges&)> on_commit;
  };

  // Listens to the store's commits. The others must outlive the object; the
  // store must be gone before it, or commit nothing after it.
  ChangeFeed(RecordStore& store, rpc::Executor& executor, const Clock& clock,
             size_t dimension, Options options);
  ChangeFeed(RecordStore& store, rpc::Executor& executor, const Clock& clock,
             size_t dimension)
      : ChangeFeed(store, executor, clock, dimension, Options()) {}
  ~ChangeFeed();

  // One page of a snapshot, as a serialised ReadSnapshotResponse.
  // INVALID_ARGUMENT for a token that is broken or of another selector.
  rpc::Task<absl::StatusOr<std::string>> ReadSnapshot(
      const v1::ReadSnapshotRequest& request);

  // What a follower that begins with `request` must be told at once: that it
  // must start afresh. Empty if it may go on.
  std::string CheckStart(const v1::WatchRequest& request) const;

  struct Message {
    std::string bytes;  // a serialised WatchResponse
    uint64_t watermark = 0;
  };
  // The next message for a follower that wants revisions from `from` on. If
  // there is none, waits for one up to the progress period, or not at all
  // (`at_once`), then gives a progress mark. UNAVAILABLE once stopped.
  rpc::Task<absl::StatusOr<Message>> Next(Selection selection, uint64_t from,
                                          bool at_once);

  // Goes on when there is a change at or after `from`, or after the progress
  // period. UNAVAILABLE once stopped.
  rpc::Task<absl::Status> WaitFor(uint64_t from);

  // Ends all waiting; Next() gives UNAVAILABLE from now on.
  void Stop();

 private:
  struct Waiter {
    std::function<void(bool)> wake;
    absl::Time deadline;
  };

  v1::FeedHeader Header(Selection selection) const;
  std::string WithHeader(Selection selection, std::string changes,
                         uint64_t watermark) const;
  absl::StatusOr<std::string> ReadPage(const v1::ReadSnapshotRequest& request);
  absl::StatusOr<Message> ReadBehind(Selection selection, uint64_t from);
  void OnCommit(const CommittedChanges& changes);
  void WakeLate();
  bool HasFrom(uint64_t from) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return published_ >= from;
  }

  RecordStore& store_;
  rpc::Executor& executor_;
  const size_t dimension_;
  const Options options_;
  const PageTokens tokens_;
  ChangeRing ring_;

  mutable absl::Mutex mutex_;
  // Everything up to here can be sent.
  uint64_t published_ ABSL_GUARDED_BY(mutex_) = 0;
  std::vector<Waiter> waiters_ ABSL_GUARDED_BY(mutex_);
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread ticker_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_FEED_CHANGE_FEED_H_
