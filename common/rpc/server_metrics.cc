#include "common/rpc/server_metrics.h"

#include <array>
#include <memory>
#include <utility>

#include "common/observability/metrics.h"

namespace mitra::rpc::internal {

// Handles by status code, looked up once per process and method.
struct MethodMetrics {
  explicit MethodMetrics(const std::string& method)
      : latency(&Metrics().GetHistogram("mitra_rpc_server_duration_seconds",
                                        "Time from request to answer.",
                                        {{"method", method}})) {
    for (size_t code = 0; code < handled.size(); ++code) {
      handled[code] = &Metrics().GetCounter(
          "mitra_rpc_server_handled_total", "Calls answered, by outcome.",
          {{"method", method},
           {"code",
            absl::StatusCodeToString(static_cast<absl::StatusCode>(code))}});
    }
  }
  Histogram* latency;
  std::array<Counter*, 17> handled;
};

MethodMetrics* MetricsOf(const std::string& method) {
  return new MethodMetrics(method);  // lives as long as the process
}

MethodTimer::MethodTimer(MethodMetrics* metrics)
    : metrics_(metrics), start_(absl::Now()) {
  static MethodMetrics* const other = MetricsOf("other");
  if (metrics_ == nullptr) metrics_ = other;
}

void MethodTimer::Done(absl::StatusCode code) {
  metrics_->latency->Observe(absl::Now() - start_);
  const auto index = static_cast<size_t>(code);
  metrics_->handled[index < metrics_->handled.size() ? index : 2]->Increment();
}

}  // namespace mitra::rpc::internal
