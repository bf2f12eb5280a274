// A bounded pool of threads for work that would hold up a server's queue.

#ifndef MITRA_COMMON_RPC_EXECUTOR_H_
#define MITRA_COMMON_RPC_EXECUTOR_H_

#include <coroutine>
#include <deque>
#include <functional>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"

namespace mitra::rpc {

// Thread-safe. The destructor runs what is queued and joins.
class Executor {
 public:
  struct Options {
    int threads = 1;
    // Work that may wait; more is refused.
    size_t max_queue = 1000;
    // For work that nobody waits for (common/base/thread_priority.h).
    bool gives_way = false;
  };
  explicit Executor(Options options);
  ~Executor();
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // False if the queue is full; then `work` is not run.
  [[nodiscard]] bool TrySchedule(std::function<void()> work);

  // `if (!co_await executor.Enter()) co_return …;`
  // The coroutine goes on on one of the pool's threads; false, on the same
  // thread, if the queue is full.
  auto Enter() {
    struct Awaiter {
      Executor& executor;
      bool entered = false;
      bool await_ready() const noexcept { return false; }
      bool await_suspend(std::coroutine_handle<> caller) {
        // Set first: the coroutine may run, and end, before this returns.
        entered = true;
        if (executor.TrySchedule([caller] { caller.resume(); })) return true;
        entered = false;
        return false;
      }
      bool await_resume() const noexcept { return entered; }
    };
    return Awaiter{*this};
  }

  size_t queued() const;

 private:
  void Run();

  const Options options_;
  mutable absl::Mutex mutex_;
  std::deque<std::function<void()>> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace mitra::rpc

#endif  // MITRA_COMMON_RPC_EXECUTOR_H_
