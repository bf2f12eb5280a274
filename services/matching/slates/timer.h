// Calls functions at given times, from one thread of its own.

#ifndef MITRA_SERVICES_MATCHING_SLATES_TIMER_H_
#define MITRA_SERVICES_MATCHING_SLATES_TIMER_H_

#include <cstdint>
#include <functional>
#include <map>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/rpc/task.h"

namespace mitra::matching {

// Thread-safe. The destructor drops what has not been called.
class Timer {
 public:
  Timer();
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // `action` must be short: all others wait behind it.
  uint64_t At(absl::Time time, std::function<void()> action);
  // The action will not be called if it has not been yet. Does not wait.
  void Cancel(uint64_t id);

 private:
  using Key = std::pair<absl::Time, uint64_t>;
  void Run();

  absl::Mutex mutex_;
  std::map<Key, std::function<void()>> actions_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, absl::Time> times_ ABSL_GUARDED_BY(mutex_);
  uint64_t next_id_ ABSL_GUARDED_BY(mutex_) = 1;
  bool changed_ ABSL_GUARDED_BY(mutex_) = false;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_SLATES_TIMER_H_
