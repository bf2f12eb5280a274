// The latest changes in memory, encoded once for all followers.

#ifndef MITRA_SERVICES_PROFILE_FEED_CHANGE_RING_H_
#define MITRA_SERVICES_PROFILE_FEED_CHANGE_RING_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "services/profile/feed/change_encoder.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

// Thread-safe. Holds commits in the order of revisions without gaps, the oldest
// dropped when all together exceed `max_bytes`.
class ChangeRing {
 public:
  // A batch is closed when it exceeds `batch_bytes`.
  ChangeRing(size_t max_bytes, size_t batch_bytes, uint64_t record_incarnation);

  // Adds a commit. Called in the order of revisions.
  void Add(const CommittedChanges& changes);

  struct Encoded {
    // Entries of field 2 of a WatchResponse; may be empty.
    std::string changes;
    // Everything up to here is in it.
    uint64_t watermark = 0;
  };
  // Changes from `from` on, about `batch_bytes` of them; nothing if the ring
  // does not reach back that far or `from` is still to come.
  std::optional<Encoded> Read(uint64_t from, Selection selection) const;

 private:
  // A part of a commit with about batch_bytes.
  struct Batch {
    CommittedChanges changes;
    size_t begin = 0;
    size_t end = 0;
    size_t bytes = 0;
    uint64_t first = 0;
    uint64_t last = 0;

    absl::Mutex mutex;
    std::array<std::shared_ptr<const std::string>, Selection::kCount> encoded
        ABSL_GUARDED_BY(mutex);
  };

  std::shared_ptr<const std::string> Encode(Batch& batch,
                                            Selection selection) const;
  void Push(const CommittedChanges& changes, size_t begin, size_t end,
            size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const size_t max_bytes_;
  const size_t batch_bytes_;
  const uint64_t record_incarnation_;
  mutable absl::Mutex mutex_;
  std::deque<std::shared_ptr<Batch>> batches_ ABSL_GUARDED_BY(mutex_);
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_FEED_CHANGE_RING_H_
