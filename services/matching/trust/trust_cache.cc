#include "services/matching/trust/trust_cache.h"

#include <algorithm>

namespace mitra::matching {

TrustCache::TrustCache(const Options& options) : options_(options) {}

TrustCache::Answer TrustCache::Get(const GraphView& graph, MemberIndex subject,
                                   uint64_t subject_incarnation,
                                   absl::Time now) {
  const uint32_t out_epoch = graph.of(subject).node->out_epoch;
  Shard& shard = shards_[subject % kShards];
  {
    absl::MutexLock lock(&shard.mutex);
    const auto it = shard.entries.find(subject);
    if (it != shard.entries.end()) {
      const TrustVector& trust = *it->second.trust;
      const absl::Duration age = now - it->second.made;
      if (trust.out_epoch == out_epoch &&
          trust.subject_incarnation == subject_incarnation &&
          age < options_.ttl && age >= absl::ZeroDuration()) {
        shard.recent.splice(shard.recent.begin(), shard.recent,
                            it->second.recent);
        ++shard.stats.hits;
        return {it->second.trust, true};
      }
      Remove(shard, subject);
    }
    ++shard.stats.misses;
  }
  auto trust = std::make_shared<TrustVector>(ForwardPush(
      graph, subject, options_.push, PushWorkspace::ForThisThread()));
  trust->subject_incarnation = subject_incarnation;
  // Every ranking begins with these.
  trust->heaviest = trust->Top(TrustVector::kHeaviest);
  trust->MakeIndex();
  Insert(trust, now);
  return {std::move(trust), false};
}

void TrustCache::Insert(std::shared_ptr<const TrustVector> trust,
                        absl::Time now) {
  // A member may have been dropped while this vector was pushed on an older
  // view: such a vector is used once and not kept.
  absl::MutexLock drops_lock(&drops_mutex_);
  if (trust->graph_epoch < drops_floor_) return;
  for (auto it = drops_.rbegin(); it != drops_.rend(); ++it) {
    if (it->epoch <= trust->graph_epoch) break;
    if (trust->MayContain(it->member)) return;
  }
  const MemberIndex subject = trust->subject;
  Shard& shard = shards_[subject % kShards];
  absl::MutexLock lock(&shard.mutex);
  Remove(shard, subject);
  shard.recent.push_front(subject);
  shard.bytes += trust->bytes();
  shard.entries[subject] = {std::move(trust), now, shard.recent.begin()};
  while (shard.bytes > options_.max_bytes / kShards && !shard.recent.empty()) {
    Remove(shard, shard.recent.back());
  }
}

void TrustCache::Remove(Shard& shard, MemberIndex subject) {
  const auto it = shard.entries.find(subject);
  if (it == shard.entries.end()) return;
  shard.bytes -= it->second.trust->bytes();
  shard.recent.erase(it->second.recent);
  shard.entries.erase(it);
}

void TrustCache::DropContaining(absl::Span<const MemberIndex> members,
                                uint64_t epoch) {
  if (members.empty()) return;
  absl::MutexLock drops_lock(&drops_mutex_);
  for (MemberIndex member : members) drops_.push_back({member, epoch});
  while (drops_.size() > kDropsKept) {
    drops_floor_ = std::max(drops_floor_, drops_.front().epoch);
    drops_.pop_front();
  }
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    std::vector<MemberIndex> gone;
    for (const auto& [subject, entry] : shard.entries) {
      if (entry.trust->graph_epoch >= epoch) continue;
      const bool contains = std::any_of(members.begin(), members.end(),
                                        [&, &e = entry](MemberIndex member) {
                                          return e.trust->MayContain(member);
                                        });
      if (contains) gone.push_back(subject);
    }
    for (MemberIndex subject : gone) {
      Remove(shard, subject);
      ++shard.stats.dropped;
    }
  }
}

void TrustCache::Clear() {
  for (Shard& shard : shards_) {
    absl::MutexLock lock(&shard.mutex);
    shard.entries.clear();
    shard.recent.clear();
    shard.bytes = 0;
  }
}

TrustCache::Stats TrustCache::stats() const {
  Stats total;
  for (const Shard& shard : shards_) {
    auto& mutex = const_cast<absl::Mutex&>(shard.mutex);
    absl::MutexLock lock(&mutex);
    total.hits += shard.stats.hits;
    total.misses += shard.stats.misses;
    total.dropped += shard.stats.dropped;
    total.vectors += shard.entries.size();
    total.bytes += shard.bytes;
  }
  return total;
}

}  // namespace mitra::matching
