#include "services/matching/slates/timer.h"

namespace mitra::matching {

Timer::Timer() : thread_([this] { Run(); }) {}

Timer::~Timer() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
    changed_ = true;
  }
  thread_.join();
}

uint64_t Timer::At(absl::Time time, std::function<void()> action) {
  absl::MutexLock lock(&mutex_);
  const uint64_t id = next_id_++;
  if (actions_.empty() || time < actions_.begin()->first.first) changed_ = true;
  actions_.emplace(Key{time, id}, std::move(action));
  times_[id] = time;
  return id;
}

void Timer::Cancel(uint64_t id) {
  std::function<void()> dropped;  // may hold the last reference to something
  absl::MutexLock lock(&mutex_);
  const auto at = times_.find(id);
  if (at == times_.end()) return;
  const auto action = actions_.find({at->second, id});
  dropped = std::move(action->second);
  actions_.erase(action);
  times_.erase(at);
}

void Timer::Run() {
  while (true) {
    std::function<void()> action;
    {
      absl::MutexLock lock(&mutex_);
      const absl::Time next = actions_.empty() ? absl::InfiniteFuture()
                                               : actions_.begin()->first.first;
      mutex_.AwaitWithDeadline(absl::Condition(&changed_), next);
      changed_ = false;
      if (stopping_) return;
      if (actions_.empty() || actions_.begin()->first.first > absl::Now()) {
        continue;
      }
      const auto first = actions_.begin();
      action = std::move(first->second);
      times_.erase(first->first.second);
      actions_.erase(first);
    }
    action();
  }
}

}  // namespace mitra::matching
