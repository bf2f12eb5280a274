#include "services/matching/refresh/short_trust.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace mitra::matching {
namespace {

constexpr float kSteps = 512;  // of a halving

uint16_t PackShare(float share) {
  return static_cast<uint16_t>(
      std::min(65535.f, std::round(-std::log2(share) * kSteps)));
}
float UnpackShare(uint16_t packed) {
  return std::exp2(-static_cast<float>(packed) / kSteps);
}

}  // namespace

ShortTrust::Kept ShortTrust::Shorten(const TrustVector& trust, absl::Time now) {
  Kept kept;
  kept.out_epoch = trust.out_epoch;
  kept.incarnation = trust.subject_incarnation;
  kept.made = now;
  kept.truncated = trust.truncated;
  for (const TrustEntry& entry : trust.entries) {
    kept.strongest = std::max(kept.strongest, entry.mass);
  }
  kept.members.reserve(trust.entries.size());
  kept.shares.reserve(trust.entries.size());
  for (const TrustEntry& entry : trust.entries) {
    kept.members.push_back(entry.member);
    kept.shares.push_back(PackShare(entry.mass / kept.strongest));
  }
  kept.by_mass.resize(kept.members.size());
  std::iota(kept.by_mass.begin(), kept.by_mass.end(), uint8_t{0});
  std::sort(kept.by_mass.begin(), kept.by_mass.end(),
            [&](uint8_t a, uint8_t b) {
              return kept.shares[a] != kept.shares[b]
                         ? kept.shares[a] < kept.shares[b]
                         : kept.members[a] < kept.members[b];
            });
  return kept;
}

std::shared_ptr<const TrustVector> ShortTrust::Restore(const Kept& kept,
                                                       MemberIndex subject) {
  auto trust = std::make_shared<TrustVector>();
  trust->subject = subject;
  trust->subject_incarnation = kept.incarnation;
  trust->out_epoch = kept.out_epoch;
  trust->truncated = kept.truncated;
  trust->entries.resize(kept.members.size());
  for (size_t i = 0; i < kept.members.size(); ++i) {
    trust->entries[i] = {kept.members[i],
                         kept.strongest * UnpackShare(kept.shares[i])};
  }
  trust->heaviest.reserve(kept.members.size());
  for (const uint8_t place : kept.by_mass) {
    trust->heaviest.push_back(trust->entries[place]);
  }
  return trust;
}

std::shared_ptr<const TrustVector> ShortTrust::Get(const GraphView& graph,
                                                   MemberIndex subject,
                                                   uint64_t subject_incarnation,
                                                   absl::Time now) {
  const uint32_t out_epoch = graph.of(subject).node->out_epoch;
  Shard& shard = shards_[subject % kShards];
  uint64_t forgotten = 0;
  {
    absl::MutexLock lock(&shard.mutex);
    const auto at = shard.kept.find(subject);
    if (at != shard.kept.end()) {
      const Kept& kept = at->second;
      const absl::Duration age = now - kept.made;
      if (kept.out_epoch == out_epoch &&
          kept.incarnation == subject_incarnation && age < options_.ttl &&
          age >= absl::ZeroDuration()) {
        ++shard.hits;
        return Restore(kept, subject);
      }
      shard.bytes -= kept.bytes();
      shard.kept.erase(at);
    }
    ++shard.misses;
    forgotten = shard.forgotten;
  }
  TrustVector trust = ForwardPush(graph, subject, options_.push,
                                  PushWorkspace::ForThisThread());
  trust.subject_incarnation = subject_incarnation;
  Kept kept = Shorten(trust, now);
  // The same whether it was kept or not, so that a refresh does not depend on
  // what was cached.
  auto given = Restore(kept, subject);
  absl::MutexLock lock(&shard.mutex);
  if (shard.forgotten == forgotten &&
      shard.bytes + kept.bytes() <= options_.max_bytes / kShards) {
    shard.bytes += kept.bytes();
    shard.kept[subject] = std::move(kept);
  }
  return given;
}

void ShortTrust::Forget() {
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    shard.kept.clear();
    shard.bytes = 0;
    ++shard.forgotten;
  }
}

ShortTrust::Stats ShortTrust::stats() const {
  Stats total;
  for (const Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    total.hits += shard.hits;
    total.misses += shard.misses;
    total.vectors += shard.kept.size();
    total.bytes += shard.bytes;
  }
  return total;
}

}  // namespace mitra::matching
