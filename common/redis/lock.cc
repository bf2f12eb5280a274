#include "common/redis/lock.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/redis/keys.h"

namespace mitra::redis {
namespace {

// The lock's value is "<fence>:<token>". A number is at least the server's time
// in microseconds, so that it grows even if the counter is lost; Lua holds it
// exactly until the year 2255.
// KEYS: lock, fence; ARGV: token, lease in ms, time to live of the fence in ms.
const Script& AcquireScript() {
  static const Script& script = *new Script(R"lua(
local held = redis.call('GET', KEYS[1])
if held then
  local fence, token = held:match('^(%d+):(.*)$')
  if token ~= ARGV[1] then return 0 end
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
  return tonumber(fence)
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local fence = math.max(now, (tonumber(redis.call('GET', KEYS[2])) or 0) + 1)
local text = string.format('%.0f', fence)
redis.call('SET', KEYS[2], text, 'PX', ARGV[3])
redis.call('SET', KEYS[1], text .. ':' .. ARGV[1], 'PX', ARGV[2])
return fence
)lua");
  return script;
}

// KEYS: lock; ARGV: value, lease in ms.
const Script& ExtendScript() {
  static const Script& script = *new Script(R"lua(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
)lua");
  return script;
}

// KEYS: lock; ARGV: value.
const Script& ReleaseScript() {
  static const Script& script = *new Script(R"lua(
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
)lua");
  return script;
}

std::string ValueOf(const LockGrant& grant) {
  return absl::StrCat(grant.fence, ":", grant.token);
}

std::string Milliseconds(absl::Duration d) {
  return absl::StrCat(absl::ToInt64Milliseconds(d));
}

absl::Status CheckLease(absl::Duration lease) {
  if (lease >= absl::Milliseconds(1) && lease <= absl::Hours(1)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "lease: must be 1 ms to 1 h, is ", absl::FormatDuration(lease)));
}

absl::StatusOr<int64_t> Number(const absl::StatusOr<Reply>& reply) {
  if (!reply.ok()) return reply.status();
  if (reply->type != Reply::Type::kInteger) {
    return UnexpectedReply("EVAL", *reply);
  }
  return reply->integer;
}

}  // namespace

std::string NewLockToken() {
  std::array<char, 16> bytes;
  size_t filled = 0;
  while (filled < bytes.size()) {
    const ssize_t n =
        getrandom(bytes.data() + filled, bytes.size() - filled, 0);
    if (n > 0) filled += static_cast<size_t>(n);
  }
  return absl::BytesToHexString(absl::string_view(bytes.data(), bytes.size()));
}

void AcquireLock(
    Client& client, std::string name, std::string token, absl::Duration lease,
    absl::Time deadline,
    std::function<void(absl::StatusOr<std::optional<LockGrant>>)> done) {
  if (absl::Status status = CheckLease(lease); !status.ok()) {
    return done(status);
  }
  if (token.empty()) {
    return done(absl::InvalidArgumentError("token: is empty"));
  }
  std::vector<std::string> keys = {LockKey(name), FenceKey(name)};
  std::vector<std::string> args = {token, Milliseconds(lease),
                                   Milliseconds(kLocks.ttl)};
  LockGrant grant = {std::move(name), std::move(token), 0, absl::Now() + lease};
  client.Eval(AcquireScript(), std::move(keys), std::move(args), deadline,
              [grant = std::move(grant),
               done = std::move(done)](const absl::StatusOr<Reply>& reply) mutable {
                const absl::StatusOr<int64_t> fence = Number(reply);
                if (!fence.ok()) return done(fence.status());
                if (*fence <= 0) return done(std::optional<LockGrant>());
                grant.fence = static_cast<uint64_t>(*fence);
                done(std::optional<LockGrant>(std::move(grant)));
              });
}

void ExtendLock(
    Client& client, const LockGrant& grant, absl::Duration lease,
    absl::Time deadline,
    std::function<void(absl::StatusOr<std::optional<LockGrant>>)> done) {
  if (absl::Status status = CheckLease(lease); !status.ok()) {
    return done(status);
  }
  LockGrant renewed = grant;
  renewed.expires = absl::Now() + lease;
  client.Eval(
      ExtendScript(), {LockKey(grant.name)},
      {ValueOf(grant), Milliseconds(lease)}, deadline,
      [renewed = std::move(renewed),
       done = std::move(done)](const absl::StatusOr<Reply>& reply) {
        const absl::StatusOr<int64_t> extended = Number(reply);
        if (!extended.ok()) return done(extended.status());
        done(*extended == 1 ? std::optional<LockGrant>(renewed) : std::nullopt);
      });
}

void ReleaseLock(Client& client, const LockGrant& grant, absl::Time deadline,
                 std::function<void(absl::StatusOr<bool>)> done) {
  client.Eval(ReleaseScript(), {LockKey(grant.name)}, {ValueOf(grant)},
              deadline, [done = std::move(done)](const absl::StatusOr<Reply>& reply) {
                const absl::StatusOr<int64_t> released = Number(reply);
                if (!released.ok()) return done(released.status());
                done(*released == 1);
              });
}

}  // namespace mitra::redis
