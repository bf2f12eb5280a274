// Trust vectors of recent subjects (CONTRACTS 14).
//
// A vector is given out while it is younger than the time to live, the subject
// is in the same life, its own ties are unchanged, and no member that the walk
// may have reached has been deleted or had its evidence withdrawn since.
// Eligibility never depends on this cache.

#ifndef MITRA_SERVICES_MATCHING_TRUST_TRUST_CACHE_H_
#define MITRA_SERVICES_MATCHING_TRUST_TRUST_CACHE_H_

#include <array>
#include <cstdint>
#include <deque>
#include <list>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "services/matching/graph/graph_view.h"
#include "services/matching/trust/forward_push.h"

namespace mitra::matching {

// Thread-safe.
class TrustCache {
 public:
  struct Options {
    absl::Duration ttl = absl::Minutes(10);  // at most 10 minutes
    size_t max_bytes = 64u << 20;
    PushOptions push;
  };
  explicit TrustCache(const Options& options);

  struct Answer {
    std::shared_ptr<const TrustVector> trust;  // never null
    bool cached = false;
  };
  // The subject's vector: from the cache, or pushed on this thread now.
  // Two threads that miss at once both push; the results are equal.
  Answer Get(const GraphView& graph, MemberIndex subject,
             uint64_t subject_incarnation, absl::Time now);

  // Drops every vector that may contain one of `members` and was pushed
  // before `epoch`, also those that are being pushed now. Call with the epoch
  // of the publication that no longer has them.
  void DropContaining(absl::Span<const MemberIndex> members, uint64_t epoch);
  void Clear();

  struct Stats {
    uint64_t hits = 0;
    uint64_t misses = 0;
    uint64_t dropped = 0;  // by DropContaining
    size_t vectors = 0;
    size_t bytes = 0;
  };
  Stats stats() const;

 private:
  struct Entry {
    std::shared_ptr<const TrustVector> trust;
    absl::Time made;
    std::list<MemberIndex>::iterator recent;
  };
  struct Shard {
    absl::Mutex mutex;
    absl::flat_hash_map<MemberIndex, Entry> entries ABSL_GUARDED_BY(mutex);
    std::list<MemberIndex> recent ABSL_GUARDED_BY(mutex);  // latest first
    size_t bytes ABSL_GUARDED_BY(mutex) = 0;
    Stats stats ABSL_GUARDED_BY(mutex);
  };
  struct Drop {
    MemberIndex member;
    uint64_t epoch;
  };
  static constexpr size_t kShards = 16;
  static constexpr size_t kDropsKept = 4096;

  void Insert(std::shared_ptr<const TrustVector> trust, absl::Time now);
  static void Remove(Shard& shard, MemberIndex subject)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(shard.mutex);

  const Options options_;
  std::array<Shard, kShards> shards_;
  absl::Mutex drops_mutex_ ABSL_ACQUIRED_BEFORE(shards_);
  // Latest drops, oldest first; pushes from before `drops_floor_` are not
  // kept at all.
  std::deque<Drop> drops_ ABSL_GUARDED_BY(drops_mutex_);
  uint64_t drops_floor_ ABSL_GUARDED_BY(drops_mutex_) = 0;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_TRUST_TRUST_CACHE_H_
