// Calls as metrics and log lines.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_CALL_METRICS_H_
#define MITRA_SERVICES_GATEWAY_EDGE_CALL_METRICS_H_

#include <array>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "common/observability/metrics.h"
#include "services/gateway/edge/call_observer.h"

namespace mitra::gateway {

// Counts every call by transport, method and outcome, with its latency; logs
// those that failed on our side.
class CallMetrics final : public CallObserver {
 public:
  void OnCall(const CallRecord& record) override;

 private:
  // The series of one method and transport; looking them up by their labels
  // takes longer than a call's whole way through the gateway should.
  struct Series {
    Histogram* latency = nullptr;
    std::array<Counter*, 17> calls{};  // by status code; null: not met yet
  };
  void Count(const CallRecord& record);

  absl::Mutex mutex_;
  absl::flat_hash_map<std::string, Series> grpc_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_map<std::string, Series> http_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_CALL_METRICS_H_
