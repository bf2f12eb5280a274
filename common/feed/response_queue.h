// Responses of the feed between the thread that reads and parses them and the
// one that applies them.

#ifndef MITRA_COMMON_FEED_RESPONSE_QUEUE_H_
#define MITRA_COMMON_FEED_RESPONSE_QUEUE_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "mitra/v1/change_feed_service.pb.h"

namespace mitra::feed {

// One thread pushes, another takes. What waits is bounded, so a slow sink slows
// the stream.
class ResponseQueue {
 public:
  explicit ResponseQueue(size_t max_waiting) : max_waiting_(max_waiting) {}

  // Takes the content of `response`, which may be filled again afterwards.
  // Waits while the queue is full. False once nobody takes any more.
  bool Push(v1::WatchResponse& response);
  // Nothing more will be pushed.
  void Finish();

  // The next response, or null if none came before `until`, or after the last
  // one (then `over`). Valid until the next call.
  const v1::WatchResponse* Take(absl::Time until, bool& over);
  // Nobody takes any more.
  void Abandon();

 private:
  const size_t max_waiting_;
  absl::Mutex mutex_;
  std::deque<std::unique_ptr<v1::WatchResponse>> waiting_
      ABSL_GUARDED_BY(mutex_);
  // Used ones; their memory serves again.
  std::vector<std::unique_ptr<v1::WatchResponse>> spare_
      ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool abandoned_ ABSL_GUARDED_BY(mutex_) = false;
  std::unique_ptr<v1::WatchResponse> taken_;  // of the taking thread
};

}  // namespace mitra::feed

#endif  // MITRA_COMMON_FEED_RESPONSE_QUEUE_H_
