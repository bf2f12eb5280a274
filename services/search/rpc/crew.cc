#include "services/search/rpc/crew.h"

#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/rpc/turn.h"

namespace mitra::search {
namespace {

// How long a thread answers before it looks what else has come. What is
// answered meanwhile leaves in one batch, which costs as much as half an
// answer.
constexpr absl::Duration kStretch = absl::Microseconds(500);

// Whose work this thread does at the end of its turn.
thread_local const void* awaited = nullptr;

}  // namespace

struct Crew::Work {
  explicit Work(size_t count) : helpers(count) {}

  void Push(std::coroutine_handle<> caller) {
    absl::MutexLock lock(&mutex);
    waiting.push_back(caller);
    // One is left to the thread that serves: two threads for one question only
    // disturb each other.
    if (called < helpers && waiting.size() > called + 1) ++called;
  }
  // The next that waits; null without one.
  std::coroutine_handle<> TakeOne() {
    absl::MutexLock lock(&mutex);
    if (waiting.empty()) return nullptr;
    const std::coroutine_handle<> first = waiting.front();
    waiting.pop_front();
    return first;
  }
  // A helper waits to be called; false: for the last time.
  bool AwaitCall() {
    absl::MutexLock lock(&mutex);
    mutex.Await(absl::Condition(
        +[](Work* self) ABSL_NO_THREAD_SAFETY_ANALYSIS {
          return self->called > 0 || self->stopping;
        },
        this));
    if (called > 0) --called;
    return !stopping;
  }
  void Stop() {
    absl::MutexLock lock(&mutex);
    stopping = true;
  }

  const size_t helpers;
  absl::Mutex mutex;
  std::deque<std::coroutine_handle<>> waiting ABSL_GUARDED_BY(mutex);
  size_t called ABSL_GUARDED_BY(mutex) = 0;  // helpers that have not come yet
  bool stopping ABSL_GUARDED_BY(mutex) = false;
};

Crew::Crew(int helpers)
    : work_(std::make_shared<Work>(static_cast<size_t>(helpers))) {
  for (int i = 0; i < helpers; ++i) {
    threads_.emplace_back([work = work_] { Help(work); });
  }
}

Crew::~Crew() {
  work_->Stop();
  for (std::thread& thread : threads_) thread.join();
}

bool Crew::AwaitTurn(const std::shared_ptr<Work>& work) {
  if (awaited == work.get()) return true;
  const bool comes = rpc::AtEndOfTurn([work] {
    awaited = nullptr;
    TakeTurn(work);
  });
  if (comes) awaited = work.get();
  return comes;
}

bool Crew::Add(std::coroutine_handle<> caller) {
  if (work_->helpers == 0) return false;
  const bool first = awaited != work_.get();
  if (!AwaitTurn(work_) || first) return false;
  work_->Push(caller);
  return true;
}

void Crew::TakeTurn(const std::shared_ptr<Work>& work) {
  const absl::Time begin = absl::Now();
  while (const std::coroutine_handle<> next = work->TakeOne()) {
    next.resume();
    if (absl::Now() - begin > kStretch) {
      AwaitTurn(work);
      return;
    }
  }
}

void Crew::Help(const std::shared_ptr<Work>& work) {
  rpc::TakeTurns(nullptr);
  bool goes_on = true;
  while (goes_on) {
    goes_on = work->AwaitCall();
    TakeTurn(work);
    // What was answered leaves.
    while (rpc::TurnHasWork()) rpc::EndTurn();
  }
  rpc::LeaveTurns();
}

}  // namespace mitra::search
