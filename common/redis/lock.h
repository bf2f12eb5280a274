// Locks that survive the death of their owner: a lease with an owner's token
// and a fencing number.
//
// A lock keeps others away in normal running. It cannot promise to: the owner
// may be paused past its lease, and Redis may lose everything. So whatever the
// lock protects must compare fencing numbers and refuse one that is lower than
// the highest seen.

#ifndef MITRA_COMMON_REDIS_LOCK_H_
#define MITRA_COMMON_REDIS_LOCK_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/redis/client.h"

namespace mitra::redis {

struct LockGrant {
  std::string name;
  // Known to the owner alone.
  std::string token;
  // Higher than that of every grant before, even if Redis lost its data
  // meanwhile, as long as its clock does not go backwards.
  uint64_t fence = 0;
  // By this process's clock, counted from before the command was sent.
  absl::Time expires;

  friend bool operator==(const LockGrant&, const LockGrant&) = default;
};

// A token that nobody else has: 128 random bits in hex.
std::string NewLockToken();

// Takes the lock in one step, with its expiry; nothing if somebody else has it.
// Asking again with the same token renews the lease and keeps the number, so a
// caller that got no answer may simply ask again. INVALID_ARGUMENT if the lease
// is not between 1 ms and 1 h, or the token is empty.
void AcquireLock(
    Client& client, std::string name, std::string token, absl::Duration lease,
    absl::Time deadline,
    std::function<void(absl::StatusOr<std::optional<LockGrant>>)> done);

// Renews the lease; gives the grant with its new expiry, or nothing if the lock
// is no longer this owner's: then stop, another may have it.
void ExtendLock(
    Client& client, const LockGrant& grant, absl::Duration lease,
    absl::Time deadline,
    std::function<void(absl::StatusOr<std::optional<LockGrant>>)> done);

// Gives the lock back; false if it was no longer this owner's, and then nothing
// is changed.
void ReleaseLock(Client& client, const LockGrant& grant, absl::Time deadline,
                 std::function<void(absl::StatusOr<bool>)> done);

}  // namespace mitra::redis

#endif  // MITRA_COMMON_REDIS_LOCK_H_
