// Ids that mean another member, after the two were merged.

#ifndef MITRA_SERVICES_PROFILE_INGEST_REDIRECTS_H_
#define MITRA_SERVICES_PROFILE_INGEST_REDIRECTS_H_

#include <atomic>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "services/profile/store/record_store.h"
#include "services/profile/store/write_batch.h"

namespace mitra::profile {

// Thread-safe. Knows the record's redirects; costs nothing while there are
// none.
class Redirects {
 public:
  // Reads those that the record has.
  absl::Status Load(RecordStore& store);
  // To be called for each commit.
  void Note(const CommittedChanges& changes);

  // Takes an id that was merged to the member that it means. True if it was.
  bool Resolve(std::string& id) const;

  // Takes evidence that names a merged member to the one that stays; its id and
  // what marks a repeat stay those of the evidence as it was given.
  // INVALID_ARGUMENT if both sides are one member now.
  absl::Status Follow(Put& evidence) const;

  // FAILED_PRECONDITION (PROFILE_MERGED) if the id stands for another member,
  // so that no new one takes it.
  absl::Status CheckFree(RecordStore& store, const std::string& id) const;

 private:
  void Add(const Entity& entity);

  std::atomic<bool> any_{false};
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, std::string> into_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_INGEST_REDIRECTS_H_
