// The index of peers, made once for all that compare members with theirs.

#ifndef MITRA_SERVICES_MATCHING_CAPITAL_PEER_CACHE_H_
#define MITRA_SERVICES_MATCHING_CAPITAL_PEER_CACHE_H_

#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "services/matching/capital/social_capital.h"

namespace mitra::matching {

// Thread-safe. `clock` must outlive it.
class PeerCache {
 public:
  explicit PeerCache(const Clock& clock) : clock_(clock) {}

  // An index of these members or of those up to five minutes ago; never of more
  // members than there are. Who finds it too old makes it anew, others wait.
  std::shared_ptr<const PeerIndex> Of(const MemberView& members);

 private:
  const Clock& clock_;
  absl::Mutex mutex_;
  std::shared_ptr<const PeerIndex> peers_ ABSL_GUARDED_BY(mutex_);
  absl::Time made_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_CAPITAL_PEER_CACHE_H_
