// Bridges gRPC completion queues to coroutines. Internal to common/rpc.

#ifndef MITRA_COMMON_RPC_COMPLETION_H_
#define MITRA_COMMON_RPC_COMPLETION_H_

#include <grpcpp/completion_queue.h>

#include <coroutine>
#include <utility>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/rpc/turn.h"

namespace mitra::rpc::internal {

// The thread sanitizer does not see gRPC's queues: what is done before an
// operation is started is there for whoever takes its tag from the queue.
#if defined(MITRA_THREAD_SANITIZER)
extern "C" void __tsan_acquire(void* address);
extern "C" void __tsan_release(void* address);
inline void HandOver(void* tag) { __tsan_release(tag); }
inline void TakeOver(void* tag) { __tsan_acquire(tag); }
#else
inline void HandOver(void* /*tag*/) {}
inline void TakeOver(void* /*tag*/) {}
#endif

// The tag of one operation: what runs when the queue returns it.
struct CompletionTag {
  void (*run)(CompletionTag*, bool ok) = nullptr;
};

// Starts an operation with a tag and resumes when the queue returns it:
//
//   bool ok = co_await Await([&](void* tag) { stream.Read(&buffer, tag); });
template <typename Start>
auto Await(Start start) {
  struct Awaiter : CompletionTag {
    explicit Awaiter(Start begin) : start(std::move(begin)) {}
    Start start;
    bool result = false;
    std::coroutine_handle<> waiter;

    bool await_ready() const noexcept { return false; }
    void await_suspend(std::coroutine_handle<> caller) {
      waiter = caller;
      run = [](CompletionTag* tag, bool ok) {
        auto* self = static_cast<Awaiter*>(tag);
        self->result = ok;
        self->waiter.resume();
      };
      // The queue's thread may resume and end the coroutine before `start`
      // returns; nothing of *this is touched afterwards.
      HandOver(static_cast<CompletionTag*>(this));
      start(static_cast<CompletionTag*>(this));
    }
    bool await_resume() const noexcept { return result; }
  };
  return Awaiter(std::move(start));
}

// The queue that this thread serves; null on all other threads.
inline thread_local grpc::CompletionQueue* current_queue = nullptr;

// Tells when a loop over calls has held its queue for long enough.
class Turn {
 public:
  bool over() const { return absl::Now() - begin_ > kLongTurn; }
  void Restart() { begin_ = absl::Now(); }

 private:
  // Giving way before a turn ends would only cut the batches that the rest of
  // the loop fills.
  absl::Time begin_ = absl::Now();
};

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_COMPLETION_H_
