// Token buckets that all gateways share, kept in Redis.

#ifndef MITRA_SERVICES_GATEWAY_PROXY_SHARED_QUOTAS_H_
#define MITRA_SERVICES_GATEWAY_PROXY_SHARED_QUOTAS_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "services/gateway/edge/quota_book.h"

namespace mitra::redis {
class Client;
}

namespace mitra::gateway {

// One script call per exchange, by Redis's own clock. Thread-safe.
class SharedQuotas final : public QuotaExchange {
 public:
  static constexpr absl::Duration kPatience = absl::Milliseconds(100);

  // `redis` must outlive this.
  explicit SharedQuotas(redis::Client& redis) : redis_(redis) {}

  void Settle(const std::string& credential, const Quota& quota, double spent,
              std::function<void(absl::StatusOr<double>)> done) override;

 private:
  redis::Client& redis_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_PROXY_SHARED_QUOTAS_H_
