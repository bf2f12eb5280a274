#include "services/gateway/edge/call_metrics.h"

#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/status/errors.h"

namespace mitra::gateway {
namespace {

constexpr size_t kUnknownCode = 2;

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

void CallMetrics::Count(const CallRecord& record) {
  const auto code = static_cast<size_t>(record.status.code());
  Counter* calls = nullptr;
  Histogram* latency = nullptr;
  {
    absl::MutexLock lock(&mutex_);
    auto& all = record.transport == "grpc" ? grpc_ : http_;
    auto at = all.find(record.method);
    if (at == all.end()) {
      at = all.try_emplace(std::string(record.method)).first;
      at->second.latency = &Metrics().GetHistogram(
          "mitra_gateway_call_duration_seconds", "Time from request to answer.",
          {{"transport", std::string(record.transport)},
           {"method", std::string(record.method)}});
    }
    Series& series = at->second;
    Counter*& counter =
        series.calls[code < series.calls.size() ? code : kUnknownCode];
    if (counter == nullptr) {
      counter = &Metrics().GetCounter(
          "mitra_gateway_calls_total", "Calls answered, by outcome.",
          {{"transport", std::string(record.transport)},
           {"method", std::string(record.method)},
           {"code", absl::StatusCodeToString(record.status.code())}});
    }
    calls = counter;
    latency = series.latency;
  }
  calls->Increment();
  latency->Observe(record.latency);
}

void CallMetrics::OnCall(const CallRecord& record) {
  Count(record);
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
             {{"transport", std::string(record.transport)},
              {"method", std::string(record.method)},
              {"code", absl::StatusCodeToString(record.status.code())},
              {"reason", ReasonOf(record.status)},
              {"request_id", record.request_id},
              {"credential", record.credential},
              {"ms", absl::ToDoubleMilliseconds(record.latency)}});
}

}  // namespace mitra::gateway
