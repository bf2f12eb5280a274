#include "services/search/index/index_view.h"

#include <limits>
#include <utility>

#include "services/search/index/id_hash.h"

namespace mitra::search {

void ViewTracker::Enter(uint64_t version) {
  absl::MutexLock lock(&mutex_);
  held_.insert(version);
}

void ViewTracker::Leave(uint64_t version) {
  absl::MutexLock lock(&mutex_);
  held_.erase(held_.find(version));
}

uint64_t ViewTracker::oldest() const {
  absl::MutexLock lock(&mutex_);
  return held_.empty() ? std::numeric_limits<uint64_t>::max() : *held_.begin();
}

IndexView::IndexView(std::shared_ptr<ViewTracker> tracker, uint64_t number)
    : version(number), tracker_(std::move(tracker)) {
  tracker_->Enter(version);
}

IndexView::~IndexView() { tracker_->Leave(version); }

uint32_t IndexView::FindMember(absl::string_view id) const {
  if (ids == nullptr || members.size() == 0) return kNoMember;
  return ids->Find(IdHash64(id_hash_key, id), [&](uint32_t number) {
    return number < members.size() && members[number] != nullptr &&
           members[number]->id() == id;
  });
}

}  // namespace mitra::search
