// Personal trust for a batch: each member's strongest ties of trust, short
// enough to keep everybody's.
//
// A refresh asks for everybody's trust once, and its successor soon after; the
// cache of online answers (trust/trust_cache.h) holds whole vectors of few
// members, which a refresh would only push out. The walk stops earlier here
// (rmax 1e-5 where online answers use 1e-6) and the strongest kShortTrust
// members are kept: what lies below hardly moves a score.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_SHORT_TRUST_H_
#define MITRA_SERVICES_MATCHING_REFRESH_SHORT_TRUST_H_

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/matching/trust/forward_push.h"

namespace mitra::matching {

inline constexpr uint32_t kShortTrust = 192;
static_assert(kShortTrust <= 256, "places are kept as bytes");

// Thread-safe. A vector is given out again while it is younger than `ttl`, the
// subject is in the same life and its own ties are unchanged, and nobody has
// been deleted or withdrawn since (Forget).
class ShortTrust {
 public:
  struct Options {
    absl::Duration ttl = absl::Minutes(10);
    // Beyond this nothing more is kept; those that are there stay.
    size_t max_bytes = size_t{1} << 30;
    PushOptions push = {
        .rmax = 1e-5, .edge_budget = 20'000, .max_members = kShortTrust};
  };
  explicit ShortTrust(Options options) : options_(options) {}

  // Never null.
  std::shared_ptr<const TrustVector> Get(const GraphView& graph,
                                         MemberIndex subject,
                                         uint64_t subject_incarnation,
                                         absl::Time now);
  // Somebody's evidence no longer counts, or everything is another record's.
  void Forget();

  struct Stats {
    uint64_t hits = 0, misses = 0;
    size_t vectors = 0, bytes = 0;
  };
  Stats stats() const;

 private:
  // 7 bytes for each member: number, place by mass, and mass as its share of
  // the strongest on a logarithmic scale of 2^-9 of a bit.
  struct Kept {
    uint32_t out_epoch = 0;
    uint64_t incarnation = 0;
    absl::Time made;
    float strongest = 0;
    bool truncated = false;
    std::vector<MemberIndex> members;
    std::vector<uint16_t> shares;
    std::vector<uint8_t> by_mass;  // places in `members`, most mass first
    size_t bytes() const { return sizeof(Kept) + 16 + members.size() * 7; }
  };
  struct Shard {
    mutable absl::Mutex mutex;
    absl::flat_hash_map<MemberIndex, Kept> kept ABSL_GUARDED_BY(mutex);
    size_t bytes ABSL_GUARDED_BY(mutex) = 0;
    uint64_t hits ABSL_GUARDED_BY(mutex) = 0;
    uint64_t misses ABSL_GUARDED_BY(mutex) = 0;
    uint64_t forgotten ABSL_GUARDED_BY(mutex) = 0;
  };
  static constexpr size_t kShards = 16;
  static Kept Shorten(const TrustVector& trust, absl::Time now);
  static std::shared_ptr<const TrustVector> Restore(const Kept& kept,
                                                    MemberIndex subject);

  const Options options_;
  std::array<Shard, kShards> shards_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_SHORT_TRUST_H_
