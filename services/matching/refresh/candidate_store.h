// Candidates that a refresh has found, for the refresh that follows it.
//
// A dry run is followed by the real one, a result that was refused by one with
// other guards or another fairness: the candidates of both are the same, and
// finding them is most of the work. They are given to a refresh of the same
// members and kinds while nothing has changed that candidates depend on: no
// change of the record that matching reads, not whose word counts; and no
// longer than personal trust is kept (10 minutes), for ties fade.
//
// One ledger, on disk; of this process only.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_CANDIDATE_STORE_H_
#define MITRA_SERVICES_MATCHING_REFRESH_CANDIDATE_STORE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/matching/refresh/chunk_worker.h"

namespace mitra::matching {

// What candidates depend on.
struct CandidateBasis {
  uint64_t record_incarnation = 0;
  uint64_t changed = 0;                  // MatchingView::changed
  std::shared_ptr<const void> weighing;  // GraphView::weighing
  std::string arms;  // ranking profiles by id and their shares
  std::vector<const KindSpec*> kinds;
  size_t kept = 0;
  uint64_t members = 0;  // hash of their ids, in order

  static CandidateBasis Of(const MatchingView& view, const ChunkPlan& plan,
                           std::string arms,
                           const std::vector<std::string>& members);
  friend bool operator==(const CandidateBasis&,
                         const CandidateBasis&) = default;
};

// Thread-safe.
class CandidateStore {
 public:
  struct Options {
    absl::Duration ttl = absl::Minutes(10);
  };
  // `path`: of the file; what an earlier process left there is removed.
  CandidateStore(std::string path, Options options);

  // Takes the ledger at `ledger` over; `found`: since when it is right.
  void Keep(CandidateBasis basis, const std::string& ledger, absl::Time found);
  // Moves the ledger to `ledger` if it rests on just that basis; else forgets
  // it.
  bool Give(const CandidateBasis& basis, const std::string& ledger,
            absl::Time now);

 private:
  const std::string path_;
  const Options options_;
  absl::Mutex mutex_;
  bool there_ ABSL_GUARDED_BY(mutex_) = false;
  CandidateBasis basis_ ABSL_GUARDED_BY(mutex_);
  absl::Time found_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_CANDIDATE_STORE_H_
