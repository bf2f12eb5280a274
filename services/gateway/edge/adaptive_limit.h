// How many calls may be open at once, learned from how long they take.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_ADAPTIVE_LIMIT_H_
#define MITRA_SERVICES_GATEWAY_EDGE_ADAPTIVE_LIMIT_H_

#include <atomic>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace mitra::gateway {

// Additive increase, multiplicative decrease. Time goes in windows. In each,
// the mean latency of every method is set against what is usual for it (an
// average that follows improvements at once and deteriorations slowly). If
// calls take more than `tolerance` times as long as usual, or a tenth of them
// fail for want of a service, they queue somewhere: the limit falls to 9/10 of
// what was open. If the limit was nearly reached without that, it rises. With
// little traffic nothing is learned.
//
// Thread-safe; OnFinished() drops its sample rather than wait for a lock.
class AdaptiveLimit {
 public:
  struct Options {
    int min = 100;
    int max = 1000;
    double tolerance = 2;
    absl::Duration window = absl::Milliseconds(500);
  };
  static constexpr int kMinSamples = 20;

  explicit AdaptiveLimit(const Options& options);

  int limit() const { return limit_.load(std::memory_order_relaxed); }

  // A call of `method` (any stable address that names it) has ended. `open`:
  // how many were open when it began; `failed`: it found its service away or
  // too late.
  void OnFinished(const void* method, absl::Duration latency, int open,
                  bool failed, absl::Time now);

 private:
  struct Method {
    double usual = 0;  // seconds; 0: not known yet
    double sum = 0;
    int samples = 0;
  };
  void EndWindow(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // How much longer than usual the window's calls took.
  double Slowness() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Options options_;
  std::atomic<int> limit_;
  absl::Mutex mutex_;
  absl::flat_hash_map<const void*, Method> methods_ ABSL_GUARDED_BY(mutex_);
  absl::Time window_end_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int samples_ ABSL_GUARDED_BY(mutex_) = 0;
  int failures_ ABSL_GUARDED_BY(mutex_) = 0;
  int most_open_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_ADAPTIVE_LIMIT_H_
