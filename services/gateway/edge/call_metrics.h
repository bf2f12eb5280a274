// Calls as metrics and log lines.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_CALL_METRICS_H_
#define MITRA_SERVICES_GATEWAY_EDGE_CALL_METRICS_H_

#include "services/gateway/edge/call_observer.h"

namespace mitra::gateway {

// Counts every call by transport, method and outcome, with its latency; logs
// those that failed on our side.
class CallMetrics final : public CallObserver {
 public:
  void OnCall(const CallRecord& record) override;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_CALL_METRICS_H_
