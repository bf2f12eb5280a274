// Latency and outcome per method. Internal to common/rpc.

#ifndef MITRA_COMMON_RPC_SERVER_METRICS_H_
#define MITRA_COMMON_RPC_SERVER_METRICS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace mitra::rpc::internal {

struct MethodMetrics;

// The metrics of a registered method; lives as long as the process.
MethodMetrics* MetricsOf(const std::string& method);

// Measures one call. Null metrics: unknown methods share one row, "other".
class MethodTimer {
 public:
  explicit MethodTimer(MethodMetrics* metrics);
  void Done(absl::StatusCode code);

 private:
  MethodMetrics* metrics_;
  absl::Time start_;
};

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_SERVER_METRICS_H_
