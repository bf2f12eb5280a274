#include "services/search/partition/partition.h"

#include <algorithm>

namespace mitra::search {

EstimatePool::EstimatePool(size_t want, float slack, float least)
    : want_(std::max<size_t>(want, 1)),
      slack_(slack),
      least_(least),
      limit_(2 * want_ + 128),
      threshold_(least) {
  entries_.reserve(limit_);
}

void EstimatePool::Shrink() {
  if (entries_.size() <= want_) return;
  const auto nth = entries_.begin() + static_cast<ptrdiff_t>(want_ - 1);
  std::nth_element(
      entries_.begin(), nth, entries_.end(),
      [](const Entry& a, const Entry& b) { return a.estimate > b.estimate; });
  threshold_ = std::max(least_, nth->estimate - slack_);
  entries_.erase(
      std::remove_if(entries_.begin(), entries_.end(),
                     [&](const Entry& e) { return e.estimate < threshold_; }),
      entries_.end());
  // Many that are equally good stay: make room in proportion, or each further
  // one would sort them all again.
  limit_ = std::max(limit_, 2 * entries_.size());
}

std::vector<EstimatePool::Entry>& EstimatePool::Finish() {
  Shrink();
  return entries_;
}

}  // namespace mitra::search
