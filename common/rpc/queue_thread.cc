#include "common/rpc/queue_thread.h"

#include <grpc/support/time.h>

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/completion.h"
#include "common/rpc/turn.h"

namespace mitra::rpc::internal {
namespace {

struct HomeOwner {
  absl::Mutex mutex;
  std::weak_ptr<QueueThread> home ABSL_GUARDED_BY(mutex);
};

HomeOwner& TheHome() {
  static auto* const owner = new HomeOwner;  // outlives all servers
  return *owner;
}

thread_local QueueThread* this_thread = nullptr;

}  // namespace

QueueThread::QueueThread(std::unique_ptr<grpc::CompletionQueue> queue,
                         bool has_courier)
    : queue_(std::move(queue)),
      courier_(has_courier ? std::make_unique<Executor>(Executor::Options{
                                 .threads = 1, .max_queue = 10'000})
                           : nullptr),
      thread_([this] { Serve(); }) {}

QueueThread::~QueueThread() {
  // What it still carries starts operations.
  courier_.reset();
  queue_->Shutdown();
  thread_.join();
}

QueueThread* QueueThread::Current() { return this_thread; }

std::shared_ptr<QueueThread> QueueThread::Home() {
  HomeOwner& owner = TheHome();
  absl::MutexLock lock(&owner.mutex);
  return owner.home.lock();
}

void QueueThread::MakeHome() {
  HomeOwner& owner = TheHome();
  absl::MutexLock lock(&owner.mutex);
  if (owner.home.expired()) owner.home = weak_from_this();
}

void QueueThread::LeaveHome() {
  HomeOwner& owner = TheHome();
  absl::MutexLock lock(&owner.mutex);
  if (owner.home.lock().get() == this) owner.home.reset();
}

void QueueThread::Serve() {
  this_thread = this;
  TakeTurns(nullptr);
  current_queue = queue_.get();
  void* tag = nullptr;
  bool ok = false;
  for (;;) {
    if (!TurnHasWork()) {
      if (!queue_->Next(&tag, &ok)) break;
    } else {
      const auto next =
          queue_->AsyncNext(&tag, &ok, gpr_time_0(GPR_CLOCK_MONOTONIC));
      if (next != grpc::CompletionQueue::GOT_EVENT) {
        EndTurn();
        if (next == grpc::CompletionQueue::SHUTDOWN) break;
        continue;
      }
    }
    TakeOver(tag);
    auto* completion = static_cast<CompletionTag*>(tag);
    completion->run(completion, ok);
    if (TurnIsLong()) EndTurn();
  }
  LeaveTurns();
  current_queue = nullptr;
  this_thread = nullptr;
}

}  // namespace mitra::rpc::internal
