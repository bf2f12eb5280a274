// A completion queue with the one thread that serves it. Internal to
// common/rpc.
//
// gRPC 1.51 hands the duty to poll on, event by event, from thread to thread
// among all that wait on queues of a process: each event then costs a wake-up
// and a change of threads. So a process has one such thread where it can: calls
// that start on no queue's thread go out on the queue of the process's server.
// Its thread takes turns (turn.h).
//
// A thread that gives way to others (common/base/thread_priority.h) starts no
// operation itself: gRPC writes to a connection, and hands events to a queue,
// under locks of theirs, and whoever is woken by that takes the processor from
// the thread that holds them. People then waited, mostly for the end of a slice
// of 4 ms, until it came on again. Such work goes by the courier instead.

#ifndef MITRA_COMMON_RPC_QUEUE_THREAD_H_
#define MITRA_COMMON_RPC_QUEUE_THREAD_H_

#include <grpcpp/completion_queue.h>

#include <coroutine>
#include <memory>
#include <thread>

#include "common/base/thread_priority.h"
#include "common/rpc/executor.h"

namespace mitra::rpc::internal {

// Shared by all whose operations are on the queue; ends with the last of them,
// whose operations must be over by then. Thread-safe.
class QueueThread : public std::enable_shared_from_this<QueueThread> {
 public:
  // The priority of both threads is the caller's. `has_courier`: for queues of
  // servers; others have nobody who waits beside a thread that gives way.
  explicit QueueThread(std::unique_ptr<grpc::CompletionQueue> queue,
                       bool has_courier = false);
  // Serves the queue until it is empty; not on its own thread.
  ~QueueThread();
  QueueThread(const QueueThread&) = delete;
  QueueThread& operator=(const QueueThread&) = delete;

  grpc::CompletionQueue& queue() { return *queue_; }

  // Null without one.
  Executor* courier() { return courier_.get(); }

  // The one whose thread this is; null on all other threads.
  static QueueThread* Current();
  // The one that a running server of this process made home; null without one.
  static std::shared_ptr<QueueThread> Home();
  // Makes it home unless there is one, and takes that back.
  void MakeHome();
  void LeaveHome();

 private:
  void Serve();

  const std::unique_ptr<grpc::CompletionQueue> queue_;
  std::unique_ptr<Executor> courier_;
  std::thread thread_;
};

// Takes a coroutine from a thread that gives way to the courier; goes on at
// once on any other thread, or without a courier.
//
//   co_await ByCourier(queue_thread.courier());
inline auto ByCourier(Executor* courier) {
  struct Awaiter {
    Executor* courier;
    bool await_ready() const noexcept {
      return courier == nullptr || !ThisThreadGivesWay();
    }
    bool await_suspend(std::coroutine_handle<> caller) {
      return courier->TrySchedule([caller] { caller.resume(); });
    }
    void await_resume() const noexcept {}
  };
  return Awaiter{courier};
}

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_QUEUE_THREAD_H_
