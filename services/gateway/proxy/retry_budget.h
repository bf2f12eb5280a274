// Keeps retries from multiplying an outage: they may add a tenth of the load,
// no more.

#ifndef MITRA_SERVICES_GATEWAY_PROXY_RETRY_BUDGET_H_
#define MITRA_SERVICES_GATEWAY_PROXY_RETRY_BUDGET_H_

#include <algorithm>
#include <atomic>

namespace mitra::gateway {

// Every call earns a tenth of a retry, up to ten saved up. Thread-safe,
// lock-free; approximate under races.
class RetryBudget {
 public:
  void OnCall() {
    if (tenths_.load(std::memory_order_relaxed) < kMaxTenths) {
      tenths_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  bool TryRetry() {
    if (tenths_.fetch_sub(10, std::memory_order_relaxed) >= 10) return true;
    tenths_.fetch_add(10, std::memory_order_relaxed);
    return false;
  }

 private:
  static constexpr int kMaxTenths = 100;
  std::atomic<int> tenths_{kMaxTenths};
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_PROXY_RETRY_BUDGET_H_
