#include "services/gateway/http/heartbeats.h"

#include <algorithm>
#include <utility>

namespace mitra::gateway {

Heartbeats::Heartbeats(absl::Duration period)
    : period_(period), thread_([this] { Run(); }) {}

Heartbeats::~Heartbeats() {
  {
    absl::MutexLock lock(&mutex_);
    stopping_ = true;
  }
  thread_.join();
}

void Heartbeats::Add(std::weak_ptr<StreamCall> stream) {
  absl::MutexLock lock(&mutex_);
  streams_.push_back(std::move(stream));
}

void Heartbeats::Run() {
  for (;;) {
    std::vector<std::shared_ptr<StreamCall>> alive;
    {
      absl::MutexLock lock(&mutex_);
      const auto needed = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
        return stopping_ || !streams_.empty();
      };
      mutex_.Await(absl::Condition(&needed));
      if (mutex_.AwaitWithTimeout(absl::Condition(&stopping_), period_)) {
        return;
      }
      const auto gone = [&](const std::weak_ptr<StreamCall>& stream) {
        auto held = stream.lock();
        if (held == nullptr) return true;
        alive.push_back(std::move(held));
        return false;
      };
      streams_.erase(std::remove_if(streams_.begin(), streams_.end(), gone),
                     streams_.end());
    }
    // Without the lock: a beat may send, and end a stream.
    for (const auto& stream : alive) stream->Beat();
  }
}

}  // namespace mitra::gateway
