// The slate cache (CONTRACTS 13): a bounded map in this process in front of
// Redis, which all processes share.
//
// Nothing that comes from here is served unchecked: the caller verifies every
// candidate against the roster. What the cache guarantees by itself: a value is
// of the subject's present revision and life, not older than its time to live,
// and a late writer never replaces a newer value. Redis that is slow or away
// costs a computation, never an error.

#ifndef MITRA_SERVICES_MATCHING_SLATES_SLATE_CACHE_H_
#define MITRA_SERVICES_MATCHING_SLATES_SLATE_CACHE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/base/clock.h"
#include "common/redis/client.h"
#include "common/rpc/call_context.h"
#include "common/rpc/executor.h"
#include "common/rpc/task.h"
#include "services/matching/slates/slate.h"
#include "services/matching/slates/timer.h"

namespace mitra::matching {

using SharedSlate = std::shared_ptr<const Slate>;

// What a cached slate must be to be of use now.
struct SlateDemand {
  uint64_t subject_state = 0;
  uint64_t subject_incarnation = 0;
  // The record's revision that the answer must have seen.
  uint64_t min_revision = 0;
};

// Thread-safe.
class SlateCache {
 public:
  struct Options {
    absl::Duration ttl = absl::Minutes(10);
    size_t max_bytes = 64u << 20;
    absl::Duration redis_timeout = absl::Milliseconds(20);
    // Slates for Redis leave together, `write_delay` after the first of them:
    // one by one each would cost the two processes a change of threads. Null:
    // at once. Must outlive the cache.
    Timer* timer = nullptr;
    absl::Duration write_delay = absl::Milliseconds(5);
  };
  // `redis` may be null: then only this process remembers. `executor` is where
  // callers go on after Redis has answered. Both must outlive the cache.
  SlateCache(redis::Client* redis, rpc::Executor* executor, const Clock& clock,
             Options options);
  ~SlateCache();
  SlateCache(const SlateCache&) = delete;
  SlateCache& operator=(const SlateCache&) = delete;

  // A usable slate from this process, or null.
  SharedSlate Find(const std::string& key, const SlateDemand& demand);
  // The ranking with this id, if this process remembers it, whatever has become
  // of its key since; null if it is too old.
  SharedSlate FindRanking(uint64_t slate_id);
  // Like Find, then from Redis.
  rpc::Task<SharedSlate> Get(std::string key, SlateDemand demand);

  // Remembers a slate unless a newer one is there; Redis gets it too, without
  // being waited for. `for_all` false keeps it in this process only and out of
  // the keys: for subjects that are only in their request.
  void Put(const std::string& key, SharedSlate slate, bool for_all = true);
  // The same for a published refresh: kept until the next epoch. Redis's answer
  // is given to `done`.
  void Publish(const std::string& key, SharedSlate slate,
               std::function<void(bool ok)> done);

  // Forgets everything in this process: the record is another one.
  void Clear();

  // How long a slate that is not published is of use.
  absl::Duration ttl() const { return options_.ttl; }
  // Redis is configured and answers.
  bool shared() const;
  // Redis is configured and does not.
  bool degraded() const { return redis_ != nullptr && !shared(); }

  struct Stats {
    uint64_t hits = 0;
    uint64_t redis_hits = 0;
    uint64_t misses = 0;
    uint64_t late = 0;  // refills that a newer value kept out
    size_t slates = 0;
    size_t bytes = 0;
  };
  Stats stats() const;

 private:
  struct Entry {
    std::string key;  // empty: by slate id only
    SharedSlate slate;
    size_t bytes = 0;
  };
  using List = std::list<Entry>;
  // Slates on their way to Redis.
  struct Leaving {
    absl::Mutex mutex;
    std::vector<std::pair<std::string, SharedSlate>> slates
        ABSL_GUARDED_BY(mutex);
    // Held while they leave; no longer after `ended`.
    absl::Mutex writing ABSL_ACQUIRED_BEFORE(mutex);
    bool ended ABSL_GUARDED_BY(writing) = false;
  };

  bool Usable(const Slate& slate, const SlateDemand& demand) const;
  bool Insert(const std::string& key, SharedSlate slate);
  void DropOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Write(const std::string& key, const Slate& slate, absl::Duration ttl,
             std::function<void(bool)> done);
  void WriteSoon(const std::string& key, SharedSlate slate);

  redis::Client* const redis_;
  rpc::Executor* const executor_;
  const Clock& clock_;
  const Options options_;
  const std::shared_ptr<Leaving> leaving_ = std::make_shared<Leaving>();

  mutable absl::Mutex mutex_;
  List recent_ ABSL_GUARDED_BY(mutex_);  // latest first
  absl::flat_hash_map<std::string, List::iterator> by_key_
      ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<uint64_t, List::iterator> by_id_ ABSL_GUARDED_BY(mutex_);
  Stats stats_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_SLATES_SLATE_CACHE_H_
