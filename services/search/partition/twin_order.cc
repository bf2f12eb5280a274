#include "services/search/partition/twin_order.h"

#include <algorithm>
#include <cstring>

namespace mitra::search {

TwinOrder::TwinOrder(size_t groups)
    : size_(groups),
      groups_(new std::atomic<const Group*>[groups]()),
      bytes_(groups * sizeof(std::atomic<const Group*>)) {}

TwinOrder::~TwinOrder() {
  for (size_t i = 0; i < size_; ++i) {
    delete groups_[i].load(std::memory_order_relaxed);
  }
}

const TwinOrder::Group& TwinOrder::Of(
    const HnswLinks& graph, uint32_t row, const VectorRows::View& vectors,
    absl::FunctionRef<bool(uint32_t, uint32_t)> before) const {
  std::atomic<const Group*>& place = groups_[graph.group(row)];
  if (const Group* made = place.load(std::memory_order_acquire)) return *made;
  auto group = std::make_unique<Group>();
  const absl::Span<const uint32_t> twins = graph.twins_of(row);
  group->same.reserve(twins.size() + 1);
  group->same.push_back(row);
  for (const uint32_t twin : twins) {
    const bool same = std::memcmp(vectors.lows(row), vectors.lows(twin),
                                  vectors.low_width()) == 0;
    (same ? group->same : group->others).push_back(twin);
  }
  std::sort(group->same.begin(), group->same.end(), before);
  // Two threads that ask at once make the same; one of them is kept.
  const Group* kept = nullptr;
  if (!place.compare_exchange_strong(kept, group.get(),
                                     std::memory_order_acq_rel)) {
    return *kept;
  }
  bytes_.fetch_add(
      sizeof(Group) + (group->same.capacity() + group->others.capacity()) *
                          sizeof(uint32_t),
      std::memory_order_relaxed);
  return *group.release();
}

}  // namespace mitra::search
