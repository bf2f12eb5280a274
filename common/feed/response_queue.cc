#include "common/feed/response_queue.h"

#include <utility>

namespace mitra::feed {

bool ResponseQueue::Push(v1::WatchResponse& response) {
  absl::MutexLock lock(&mutex_);
  const auto room = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return abandoned_ || waiting_.size() < max_waiting_;
  };
  mutex_.Await(absl::Condition(&room));
  if (abandoned_) return false;
  std::unique_ptr<v1::WatchResponse> slot;
  if (spare_.empty()) {
    slot = std::make_unique<v1::WatchResponse>();
  } else {
    slot = std::move(spare_.back());
    spare_.pop_back();
  }
  slot->Swap(&response);
  waiting_.push_back(std::move(slot));
  return true;
}

void ResponseQueue::Finish() {
  absl::MutexLock lock(&mutex_);
  finished_ = true;
}

const v1::WatchResponse* ResponseQueue::Take(absl::Time until, bool& over) {
  absl::MutexLock lock(&mutex_);
  if (taken_) spare_.push_back(std::move(taken_));
  const auto there = [this]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return finished_ || !waiting_.empty();
  };
  mutex_.AwaitWithDeadline(absl::Condition(&there), until);
  over = finished_ && waiting_.empty();
  if (waiting_.empty()) return nullptr;
  taken_ = std::move(waiting_.front());
  waiting_.pop_front();
  return taken_.get();
}

void ResponseQueue::Abandon() {
  absl::MutexLock lock(&mutex_);
  abandoned_ = true;
}

}  // namespace mitra::feed
