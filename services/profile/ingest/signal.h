// Something that happens once and that one coroutine waits for.

#ifndef MITRA_SERVICES_PROFILE_INGEST_SIGNAL_H_
#define MITRA_SERVICES_PROFILE_INGEST_SIGNAL_H_

#include <functional>
#include <utility>

#include "absl/synchronization/mutex.h"
#include "common/rpc/task.h"

namespace mitra::profile {

// Thread-safe. The waiting coroutine goes on on the thread that notifies.
class Signal {
 public:
  void Notify() {
    std::function<void(bool)> waiter;
    {
      absl::MutexLock lock(&mutex_);
      notified_ = true;
      waiter = std::exchange(waiter_, nullptr);
    }
    if (waiter) waiter(true);
  }

  rpc::Task<void> Wait() {
    const auto start = [this](std::function<void(bool)> done) {
      {
        absl::MutexLock lock(&mutex_);
        if (!notified_) {
          waiter_ = std::move(done);
          return;
        }
      }
      done(true);
    };
    (void)co_await rpc::Callback<bool>(start);
  }

 private:
  absl::Mutex mutex_;
  bool notified_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void(bool)> waiter_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_SIGNAL_H_
