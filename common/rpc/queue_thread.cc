#include "common/rpc/queue_thread.h"

#include <grpc/support/time.h>

#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/rpc/completion.h"

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

// A turn that lasts is ended although more waits to be handled.
constexpr absl::Duration kLongTurn = absl::Microseconds(100);

thread_local QueueThread* this_thread = nullptr;
thread_local std::vector<std::function<void()>> end_of_turn;
thread_local absl::Time turn_begin;

void EndTurn() {
  // Work may ask for more.
  std::vector<std::function<void()>> works;
  works.swap(end_of_turn);
  for (const auto& work : works) work();
  works.clear();
  if (end_of_turn.empty()) end_of_turn.swap(works);  // keeps the memory
}

}  // namespace

QueueThread::QueueThread(std::unique_ptr<grpc::CompletionQueue> queue)
    : queue_(std::move(queue)), thread_([this] { Serve(); }) {}

QueueThread::~QueueThread() {
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
  current_queue = queue_.get();
  void* tag = nullptr;
  bool ok = false;
  for (;;) {
    if (end_of_turn.empty()) {
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
    auto* completion = static_cast<CompletionTag*>(tag);
    completion->run(completion, ok);
    if (!end_of_turn.empty() && absl::Now() - turn_begin > kLongTurn) {
      EndTurn();
    }
  }
  current_queue = nullptr;
  this_thread = nullptr;
}

bool AtEndOfTurn(std::function<void()> work) {
  if (this_thread == nullptr) return false;
  if (end_of_turn.empty()) turn_begin = absl::Now();
  end_of_turn.push_back(std::move(work));
  return true;
}

}  // namespace mitra::rpc::internal
