// Read-your-writes: the last revision that each member wrote, so that the
// member's next read waits for it.

#ifndef MITRA_SERVICES_GATEWAY_PROXY_LAST_WRITES_H_
#define MITRA_SERVICES_GATEWAY_PROXY_LAST_WRITES_H_

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"

namespace mitra::redis {
class Client;
}

namespace mitra::gateway {

// The value of the trailer `mitra-revision`, "<incarnation>-<n>".
struct RecordRevision {
  uint64_t incarnation = 0;
  uint64_t revision = 0;
};
std::optional<RecordRevision> ParseRevision(absl::string_view text);

// The key of a credential's writes.
std::string WriterOf(const rpc::Identity& identity);

// Remembers for a minute; forgetting means a read that may be older, never a
// wrong one. Thread-safe.
class LastWrites {
 public:
  virtual ~LastWrites() = default;
  virtual rpc::Task<> Remember(std::string writer, RecordRevision revision) = 0;
  // 0 if nothing is remembered.
  virtual rpc::Task<uint64_t> Recall(std::string writer) = 0;
};

// In this process. Another incarnation of the record replaces, a lower
// revision of the same one changes nothing.
class LocalLastWrites final : public LastWrites {
 public:
  static constexpr absl::Duration kTtl = absl::Seconds(60);
  // More writers than this are not remembered.
  static constexpr size_t kMaxWriters = 200'000;

  rpc::Task<> Remember(std::string writer, RecordRevision revision) override;
  rpc::Task<uint64_t> Recall(std::string writer) override;

  // The same at a given time.
  void RememberAt(absl::string_view writer, RecordRevision revision,
                  absl::Time now);
  uint64_t RecallAt(absl::string_view writer, absl::Time now);

 private:
  struct Entry {
    RecordRevision revision;
    absl::Time expires;
  };
  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Entry> entries_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_sweep_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

// The same for all gateways that share a Redis. Each also remembers its own
// writes, so that without Redis a member still reads what it wrote through the
// same gateway.
class SharedLastWrites final : public LastWrites {
 public:
  // How long a call waits for Redis.
  static constexpr absl::Duration kPatience = absl::Milliseconds(50);

  // `redis` must outlive this.
  explicit SharedLastWrites(redis::Client& redis,
                            absl::Duration patience = kPatience)
      : redis_(redis), patience_(patience) {}

  rpc::Task<> Remember(std::string writer, RecordRevision revision) override;
  rpc::Task<uint64_t> Recall(std::string writer) override;

 private:
  redis::Client& redis_;
  const absl::Duration patience_;
  LocalLastWrites local_;
  // Of the last write seen here. What another gateway wrote to another
  // incarnation of the record (before a restore) says nothing about this one.
  std::atomic<uint64_t> incarnation_{0};
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_PROXY_LAST_WRITES_H_
