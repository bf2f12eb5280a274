#include "services/search/index/index_view.h"

#include <algorithm>
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

std::vector<uint32_t> IndexView::FindMembers(
    absl::Span<const std::string> wanted) const {
  std::vector<uint32_t> found;
  if (ids == nullptr || members.size() == 0) return found;
  std::vector<uint64_t> hashes;
  hashes.reserve(wanted.size());
  for (const std::string& id : wanted) {
    hashes.push_back(IdHash64(id_hash_key, id));
    ids->Prefetch(hashes.back());
  }
  // Guessed first, so that all of them can be looked at one after the other.
  found.reserve(wanted.size());
  std::vector<uint32_t> asked;  // places in `wanted`
  asked.reserve(wanted.size());
  for (uint32_t i = 0; i < wanted.size(); ++i) {
    uint32_t guess = ids->Guess(hashes[i]);
    if (guess == IdTable::kNone) continue;
    // The table may know members that came after this view; Find decides.
    if (guess >= members.size()) guess = 0;
    found.push_back(guess);
    asked.push_back(i);
  }
  ForEachMember(found, [&](size_t at, const Member* member) {
    const std::string& id = wanted[asked[at]];
    if (member == nullptr || member->id() != id) found[at] = FindMember(id);
  });
  found.erase(std::remove(found.begin(), found.end(), kNoMember), found.end());
  return found;
}

}  // namespace mitra::search
