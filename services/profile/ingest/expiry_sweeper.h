// Commits the passing of time: needs, offers, norms, pauses, events and intakes
// that are over become ordinary revisions, so that no follower has to decide by
// its own clock; requests that nobody answered expire and go to the seeker's
// next choice.

#ifndef MITRA_SERVICES_PROFILE_INGEST_EXPIRY_SWEEPER_H_
#define MITRA_SERVICES_PROFILE_INGEST_EXPIRY_SWEEPER_H_

#include <cstddef>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "services/profile/ingest/engagement_plan.h"
#include "services/profile/ingest/profile_ingest.h"
#include "services/profile/store/record_store.h"

namespace mitra::profile {

class ExpirySweeper {
 public:
  // All must outlive the object.
  ExpirySweeper(RecordStore& store, const ProfileIngest& ingest,
                const Clock& clock, EngagementRules rules = {});
  ~ExpirySweeper();

  // Brings everything that is due to the clock's time and waits until that is
  // durable. Returns how many profiles and engagements changed.
  absl::StatusOr<size_t> Sweep();

  // Sweeps every `period` on a thread of its own, until the object goes.
  void Start(absl::Duration period);

 private:
  void Run(absl::Duration period);

  RecordStore& store_;
  const ProfileIngest& ingest_;
  const Clock& clock_;
  const EngagementRules rules_;
  absl::Mutex mutex_;
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_EXPIRY_SWEEPER_H_
