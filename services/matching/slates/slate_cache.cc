#include "services/matching/slates/slate_cache.h"

#include <utility>

#include "common/redis/keys.h"

namespace mitra::matching {
namespace {

size_t BytesOf(const std::string& key, const Slate& slate) {
  size_t bytes = 2 * key.size() + sizeof(Slate) + 200;
  for (const SlateEntry& entry : slate.entries) {
    bytes += sizeof(SlateEntry) + (entry.id.size() > 15 ? entry.id.size() : 0);
  }
  return bytes;
}

// More than wait only while Redis's client is stuck; they are lost to others.
constexpr size_t kMostLeaving = 1000;

// Computed later from the same facts, or from later facts.
bool IsNewer(const Slate& a, const Slate& b) {
  return a.revision != b.revision ? a.revision > b.revision
                                  : a.compute_time >= b.compute_time;
}

}  // namespace

SlateCache::SlateCache(redis::Client* redis, rpc::Executor* executor,
                       const Clock& clock, Options options)
    : redis_(redis), executor_(executor), clock_(clock), options_(options) {}

SlateCache::~SlateCache() {
  absl::MutexLock lock(&leaving_->writing);
  leaving_->ended = true;
}

bool SlateCache::shared() const {
  return redis_ != nullptr && redis_->available();
}

bool SlateCache::Usable(const Slate& slate, const SlateDemand& demand) const {
  if (slate.subject_state != demand.subject_state ||
      slate.subject_incarnation != demand.subject_incarnation ||
      slate.revision < demand.min_revision) {
    return false;
  }
  return slate.published || clock_.Now() - slate.compute_time <= options_.ttl;
}

SharedSlate SlateCache::Find(const std::string& key,
                             const SlateDemand& demand) {
  absl::MutexLock lock(&mutex_);
  const auto at = by_key_.find(key);
  if (at == by_key_.end() || !Usable(*at->second->slate, demand)) {
    ++stats_.misses;
    return nullptr;
  }
  ++stats_.hits;
  recent_.splice(recent_.begin(), recent_, at->second);
  return at->second->slate;
}

SharedSlate SlateCache::FindRanking(uint64_t slate_id) {
  absl::MutexLock lock(&mutex_);
  const auto at = by_id_.find(slate_id);
  if (at == by_id_.end()) return nullptr;
  const SharedSlate slate = at->second->slate;
  if (!slate->published && clock_.Now() - slate->compute_time > options_.ttl) {
    return nullptr;
  }
  recent_.splice(recent_.begin(), recent_, at->second);
  return slate;
}

rpc::Task<SharedSlate> SlateCache::Get(std::string key, SlateDemand demand) {
  if (SharedSlate slate = Find(key, demand)) co_return slate;
  if (!shared()) co_return nullptr;
  using Found = absl::StatusOr<std::optional<redis::Versioned>>;
  auto start = [&](std::function<void(Found)> done) {
    redis_->GetVersioned(key, absl::Now() + options_.redis_timeout,
                         std::move(done));
  };
  const Found found = co_await rpc::Callback<Found>(start);
  // Off Redis's thread: what follows is a computation, perhaps.
  if (executor_ != nullptr) (void)co_await executor_->Enter();
  if (!found.ok() || !found->has_value()) co_return nullptr;
  std::optional<Slate> decoded = DecodeSlate((*found)->value);
  if (!decoded || !Usable(*decoded, demand)) co_return nullptr;
  auto slate = std::make_shared<const Slate>(*std::move(decoded));
  Insert(key, slate);
  absl::MutexLock lock(&mutex_);
  ++stats_.redis_hits;
  co_return slate;
}

void SlateCache::DropOldest() {
  Entry& oldest = recent_.back();
  if (!oldest.key.empty()) by_key_.erase(oldest.key);
  const auto at = by_id_.find(oldest.slate->slate_id);
  if (at != by_id_.end() && &*at->second == &oldest) by_id_.erase(at);
  stats_.bytes -= oldest.bytes;
  recent_.pop_back();
}

bool SlateCache::Insert(const std::string& key, SharedSlate slate) {
  const size_t bytes = BytesOf(key, *slate);
  absl::MutexLock lock(&mutex_);
  if (!key.empty()) {
    const auto at = by_key_.find(key);
    if (at != by_key_.end()) {
      if (!IsNewer(*slate, *at->second->slate)) {
        ++stats_.late;
        return false;
      }
      // The older ranking keeps its id for those who walk its pages.
      at->second->key.clear();
      by_key_.erase(at);
    }
  }
  const auto same = by_id_.find(slate->slate_id);
  if (same != by_id_.end()) {
    // A longer form of the same ranking.
    const List::iterator old = same->second;
    if (!old->key.empty()) by_key_.erase(old->key);
    stats_.bytes -= old->bytes;
    recent_.erase(old);
    by_id_.erase(same);
  }
  const uint64_t id = slate->slate_id;
  recent_.push_front({key, std::move(slate), bytes});
  if (!key.empty()) by_key_[key] = recent_.begin();
  by_id_[id] = recent_.begin();
  stats_.bytes += bytes;
  while (stats_.bytes > options_.max_bytes && recent_.size() > 1) DropOldest();
  return true;
}

void SlateCache::Write(const std::string& key, const Slate& slate,
                       absl::Duration ttl, std::function<void(bool)> done) {
  if (!shared()) return done(false);
  std::string value = EncodeSlate(slate);
  if (value.size() > redis::kSlates.max_value_bytes) return done(false);
  redis_->SetIfNewer(key, slate.revision, std::move(value), ttl,
                     absl::Now() + options_.redis_timeout,
                     [done = std::move(done)](absl::StatusOr<bool> written) {
                       done(written.ok());
                     });
}

void SlateCache::Put(const std::string& key, SharedSlate slate, bool for_all) {
  if (!Insert(for_all ? key : std::string(), slate) || !for_all) return;
  if (slate->degraded == 0) WriteSoon(key, std::move(slate));
}

void SlateCache::WriteSoon(const std::string& key, SharedSlate slate) {
  if (!shared()) return;
  if (options_.timer == nullptr) {
    return Write(key, *slate, options_.ttl, [](bool) {});
  }
  {
    absl::MutexLock lock(&leaving_->mutex);
    if (leaving_->slates.size() >= kMostLeaving) return;
    leaving_->slates.emplace_back(key, std::move(slate));
    if (leaving_->slates.size() > 1) return;
  }
  options_.timer->At(absl::Now() + options_.write_delay,
                     [this, leaving = leaving_] {
                       absl::MutexLock writing(&leaving->writing);
                       if (leaving->ended) return;
                       std::vector<std::pair<std::string, SharedSlate>> slates;
                       {
                         absl::MutexLock lock(&leaving->mutex);
                         slates.swap(leaving->slates);
                       }
                       for (const auto& [name, one] : slates) {
                         Write(name, *one, options_.ttl, [](bool) {});
                       }
                     });
}

void SlateCache::Publish(const std::string& key, SharedSlate slate,
                         std::function<void(bool)> done) {
  Insert(key, slate);
  Write(key, *slate, redis::kPublishedSlates.ttl, std::move(done));
}

void SlateCache::Clear() {
  absl::MutexLock lock(&mutex_);
  recent_.clear();
  by_key_.clear();
  by_id_.clear();
  stats_.bytes = 0;
}

SlateCache::Stats SlateCache::stats() const {
  absl::MutexLock lock(&mutex_);
  Stats stats = stats_;
  stats.slates = recent_.size();
  return stats;
}

}  // namespace mitra::matching
