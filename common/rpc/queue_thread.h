// A completion queue with the one thread that serves it. Internal to
// common/rpc.
//
// gRPC 1.51 hands the duty to poll on, event by event, from thread to thread
// among all that wait on queues of a process: each event then costs a wake-up
// and a change of threads. So a process has one such thread where it can: calls
// that start on no queue's thread go out on the queue of the process's server.
// Its thread takes turns (turn.h).

#ifndef MITRA_COMMON_RPC_QUEUE_THREAD_H_
#define MITRA_COMMON_RPC_QUEUE_THREAD_H_

#include <grpcpp/completion_queue.h>

#include <memory>
#include <thread>

namespace mitra::rpc::internal {

// Shared by all whose operations are on the queue; ends with the last of them,
// whose operations must be over by then. Thread-safe.
class QueueThread : public std::enable_shared_from_this<QueueThread> {
 public:
  explicit QueueThread(std::unique_ptr<grpc::CompletionQueue> queue);
  // Serves the queue until it is empty; not on its own thread.
  ~QueueThread();
  QueueThread(const QueueThread&) = delete;
  QueueThread& operator=(const QueueThread&) = delete;

  grpc::CompletionQueue& queue() { return *queue_; }

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
  std::thread thread_;
};

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_QUEUE_THREAD_H_
