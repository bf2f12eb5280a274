#include "services/gateway/proxy/shared_quotas.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/redis/client.h"
#include "common/redis/keys.h"

namespace mitra::gateway {
namespace {

// KEYS[1] the bucket; ARGV: units per second, burst, spent, milliseconds to
// live. Something that is no bucket is a full one.
const redis::Script& SettleScript() {
  static const auto* const script = new redis::Script(R"lua(
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local kept = redis.call('HMGET', KEYS[1], 'units', 'time')
local units, updated = tonumber(kept[1]), tonumber(kept[2])
if units and updated then
  units = math.min(burst, units + rate * math.max(0, now - updated))
else
  units = burst
end
local text = string.format('%.6f', units - tonumber(ARGV[3]))
redis.call('HSET', KEYS[1], 'units', text, 'time', string.format('%.6f', now))
redis.call('PEXPIRE', KEYS[1], ARGV[4])
return text
)lua");
  return *script;
}

}  // namespace

void SharedQuotas::Settle(const std::string& credential, const Quota& quota,
                          double spent,
                          std::function<void(absl::StatusOr<double>)> done) {
  redis_.Eval(SettleScript(), {redis::QuotaKey(credential, "calls")},
              {absl::StrCat(quota.units_per_second),
               absl::StrCat(quota.burst_units), absl::StrCat(spent),
               absl::StrCat(absl::ToInt64Milliseconds(redis::kQuotas.ttl))},
              absl::Now() + kPatience,
              [done = std::move(done)](absl::StatusOr<redis::Reply> reply) {
                double left = 0;
                if (!reply.ok()) {
                  done(reply.status());
                } else if (reply->type != redis::Reply::Type::kString ||
                           !absl::SimpleAtod(reply->text, &left)) {
                  done(redis::UnexpectedReply("EVALSHA", *reply));
                } else {
                  done(left);
                }
              });
}

}  // namespace mitra::gateway
