// The right to run a refresh: one at a time in the cluster.
//
// Held in Redis with a lease that is renewed while it runs, and with a number
// that grows from holder to holder (common/redis/lock.h): whatever a holder
// makes current carries its number, so that one that was paused past its lease
// cannot undo what came after it. While held it tells helpers what is to be
// done and where. Without Redis it is a number only.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_LEASE_H_
#define MITRA_SERVICES_MATCHING_REFRESH_LEASE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "common/redis/client.h"
#include "common/redis/lock.h"

namespace mitra::matching {

// What helpers are told.
struct Announcement {
  std::string refresh_id;
  std::string address;  // of the coordinator

  friend bool operator==(const Announcement&, const Announcement&) = default;
};
// The refresh that wants help; nothing if there is none. Waits for Redis.
absl::StatusOr<std::optional<Announcement>> FindAnnouncement(
    redis::Client& redis, absl::Duration timeout);

// Thread-safe. The destructor gives the lease back.
class Lease {
 public:
  struct Options {
    absl::Duration lease = absl::Seconds(10);
    absl::Duration timeout = absl::Milliseconds(500);
  };
  // FAILED_PRECONDITION (REFRESH_RUNNING) if another process has it. `redis`
  // may be null; one that is away is as none. Waits for Redis.
  static absl::StatusOr<std::unique_ptr<Lease>> Take(redis::Client* redis,
                                                     const Options& options);
  ~Lease();
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  // Tells helpers, from now on.
  void Announce(Announcement announcement);
  // Greater than that of every holder before.
  uint64_t order() const { return order_; }
  // Somebody else has it.
  bool lost() const { return lost_; }

 private:
  Lease(redis::Client* redis, const Options& options);
  absl::Status Acquire();
  void Renew();
  void Run();

  redis::Client* const redis_;
  const Options options_;
  const std::string token_;
  std::atomic<uint64_t> order_{0};
  std::atomic<bool> lost_{false};
  absl::Mutex mutex_;
  std::optional<redis::LockGrant> grant_ ABSL_GUARDED_BY(mutex_);
  Announcement announcement_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  bool wake_ ABSL_GUARDED_BY(mutex_) = false;
  std::thread thread_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_LEASE_H_
