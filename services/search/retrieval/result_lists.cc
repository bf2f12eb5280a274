#include "services/search/retrieval/result_lists.h"

#include <utility>

namespace mitra::search {

uint64_t ResultLists::Keep(std::shared_ptr<const ResultList> list) {
  absl::MutexLock lock(&mutex_);
  if (used_.size() >= capacity_) {
    by_number_.erase(used_.back().number);
    used_.pop_back();
  }
  used_.push_front({next_, std::move(list)});
  by_number_[next_] = used_.begin();
  return next_++;
}

std::shared_ptr<const ResultList> ResultLists::Find(uint64_t number) {
  absl::MutexLock lock(&mutex_);
  const auto it = by_number_.find(number);
  if (it == by_number_.end()) return nullptr;
  used_.splice(used_.begin(), used_, it->second);
  return it->second->list;
}

}  // namespace mitra::search
