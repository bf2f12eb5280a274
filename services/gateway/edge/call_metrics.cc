#include "services/gateway/edge/call_metrics.h"

#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/status/errors.h"

namespace mitra::gateway {
namespace {

bool IsOurFault(absl::StatusCode code) {
  return code == absl::StatusCode::kInternal ||
         code == absl::StatusCode::kUnknown ||
         code == absl::StatusCode::kDataLoss ||
         code == absl::StatusCode::kUnavailable;
}

bool IsRefusal(absl::StatusCode code) {
  return code == absl::StatusCode::kUnauthenticated ||
         code == absl::StatusCode::kPermissionDenied ||
         code == absl::StatusCode::kResourceExhausted;
}

}  // namespace

void CallMetrics::OnCall(const CallRecord& record) {
  const std::string transport(record.transport);
  const std::string method(record.method);
  Metrics()
      .GetCounter("mitra_gateway_calls_total", "Calls answered, by outcome.",
                  {{"transport", transport},
                   {"method", method},
                   {"code", absl::StatusCodeToString(record.status.code())}})
      .Increment();
  Metrics()
      .GetHistogram("mitra_gateway_call_duration_seconds",
                    "Time from request to answer.",
                    {{"transport", transport}, {"method", method}})
      .Observe(record.latency);
  if (IsRefusal(record.status.code())) {
    const std::string reason = ReasonOf(record.status);
    Metrics()
        .GetCounter("mitra_gateway_refused_total",
                    "Calls that were not let in.",
                    {{"reason", reason.empty() ? "other" : reason}})
        .Increment();
  }
  if (!IsOurFault(record.status.code())) return;
  static LogLimiter limiter(absl::Milliseconds(100));
  if (!limiter.Allow()) return;
  LogWarning("gateway: a call failed",
             {{"transport", transport},
              {"method", method},
              {"code", absl::StatusCodeToString(record.status.code())},
              {"reason", ReasonOf(record.status)},
              {"request_id", record.request_id},
              {"credential", record.credential},
              {"ms", absl::ToDoubleMilliseconds(record.latency)}});
}

}  // namespace mitra::gateway
