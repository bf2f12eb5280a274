// How often a subject was shown a candidate lately, and how tired it is of it.
//
// n(u, v): each time that v was reported shown to u counts 1 and fades, half of
// it in 7 days; reports of one pair within 10 minutes count once. A ranking
// lowers the order key by
//   phi * ln(1 + max(0, n - 2))
// with phi = RankingProfile::fatigue: two showings are free, ten of this week
// cost 2.2 phi (.66 at the shipped .3: as much as half the free seats of a
// mentor). Only the order changes: the score that is shown does not, nobody is
// dropped, and a slate that is made already stays as it is.
//
// Memory is bounded: 32 candidates of a subject, the most tiring, and
// `max_subjects` subjects, those that were shown something last. Impressions
// are cheap to lose: a restart forgets them.

#ifndef MITRA_SERVICES_MATCHING_RANKING_IMPRESSION_BOOK_H_
#define MITRA_SERVICES_MATCHING_RANKING_IMPRESSION_BOOK_H_

#include <array>
#include <cstdint>
#include <list>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "services/matching/members/codes.h"

namespace mitra::matching {

// One life of a member; another life of its id is somebody else.
struct MemberLife {
  MemberIndex member = kNoMember;
  uint64_t incarnation = 0;

  bool operator==(const MemberLife& other) const {
    return member == other.member && incarnation == other.incarnation;
  }
  template <typename H>
  friend H AbslHashValue(H hash, const MemberLife& life) {
    return H::combine(std::move(hash), life.member, life.incarnation);
  }
};

// What the key of a candidate is lowered by, shown n times (faded).
double FatigueOf(double n, double phi);

// Thread-safe.
class ImpressionBook {
 public:
  static constexpr size_t kCandidates = 32;

  explicit ImpressionBook(size_t max_subjects = 50'000)
      : max_subjects_(max_subjects) {}

  // `time`, `now`: Unix seconds. Late reports count as of their own time.
  void Note(const MemberLife& subject, const MemberLife& candidate,
            int64_t time);

  struct Shown {
    MemberLife candidate;
    double times = 0;  // n, above 0
  };
  // Whom the subject was shown, in no order; empty for most.
  std::vector<Shown> Of(const MemberLife& subject, int64_t now) const;

  // Indexes mean other members from now on.
  void Clear();
  size_t subjects() const;

 private:
  struct Count {
    MemberLife candidate;
    double times = 0;  // as of `time`
    int64_t time = 0;  // of the latest report
  };
  struct Entry {
    std::vector<Count> counts;
    std::list<MemberLife>::iterator recent;
  };
  struct Shard {
    mutable absl::Mutex mutex;
    absl::flat_hash_map<MemberLife, Entry> entries ABSL_GUARDED_BY(mutex);
    std::list<MemberLife> recent ABSL_GUARDED_BY(mutex);  // latest first
  };
  static constexpr size_t kShards = 16;

  static double At(const Count& count, int64_t now);
  Shard& ShardOf(const MemberLife& subject) {
    return shards_[subject.member % kShards];
  }
  const Shard& ShardOf(const MemberLife& subject) const {
    return shards_[subject.member % kShards];
  }

  const size_t max_subjects_;
  std::array<Shard, kShards> shards_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RANKING_IMPRESSION_BOOK_H_
