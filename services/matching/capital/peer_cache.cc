#include "services/matching/capital/peer_cache.h"

namespace mitra::matching {
namespace {

constexpr absl::Duration kMaxAge = absl::Minutes(5);

}  // namespace

std::shared_ptr<const PeerIndex> PeerCache::Of(const MemberView& members) {
  absl::MutexLock lock(&mutex_);
  const absl::Time now = clock_.Now();
  if (peers_ == nullptr || now - made_ > kMaxAge ||
      peers_->size() > members.size()) {
    peers_ = std::make_shared<const PeerIndex>(members);
    made_ = now;
  }
  return peers_;
}

}  // namespace mitra::matching
