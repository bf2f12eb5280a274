// Spans to an OpenTelemetry collector: OTLP over HTTP with JSON, behind the
// variables OTEL_* of its specification. Off unless an endpoint is set.
//
// Taken: OTEL_SDK_DISABLED, OTEL_EXPORTER_OTLP_ENDPOINT and _TRACES_ENDPOINT
// (http:// and https://), OTEL_EXPORTER_OTLP_CERTIFICATE (whom to believe; else
// the system's authorities), _CLIENT_CERTIFICATE and _CLIENT_KEY, all three
// also as OTEL_EXPORTER_OTLP_TRACES_…, OTEL_EXPORTER_OTLP_HEADERS,
// OTEL_EXPORTER_OTLP_TIMEOUT, OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES,
// OTEL_TRACES_SAMPLER (always_on, always_off, traceidratio and parentbased_
// before each) with _ARG, and OTEL_BSP_MAX_QUEUE_SIZE, _SCHEDULE_DELAY,
// _MAX_EXPORT_BATCH_SIZE.

#ifndef MITRA_COMMON_OBSERVABILITY_TRACE_EXPORT_H_
#define MITRA_COMMON_OBSERVABILITY_TRACE_EXPORT_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/observability/trace.h"

namespace mitra {

// One piece of work that has ended. Names and codes only, never content.
struct Span {
  TraceContext context;
  std::string parent_id;  // empty for the root of a trace
  std::string name;       // "/mitra.v1.Profiles/GetProfile"
  absl::Time start;
  absl::Time end;
  absl::StatusCode code = absl::StatusCode::kOk;
  std::string request_id;
};

// Whether spans go anywhere. Costs one relaxed load.
bool TracingEnabled();

// The span of a call that came with `traceparent` (or nothing, or nonsense):
// below the caller's if there is one, else the root of a new trace. Its flags
// say whether it is sampled. `parent_id` is set to the caller's span.
TraceContext StartSpan(absl::string_view traceparent, std::string& parent_id);

// Queues a sampled span; drops it if the queue is full or tracing is off. Never
// blocks on the collector. Thread-safe.
void ExportSpan(Span span);

// Sends what is queued, on a thread of its own, in batches. A collector that is
// away, slow or refuses costs spans, nothing else; they are counted
// (mitra_trace_spans_total by outcome). One per process at a time.
class TraceExporter {
 public:
  using Environment = std::map<std::string, std::string>;

  // Null if the variables ask for no export; INVALID_ARGUMENT naming the
  // variable if one is wrong.
  static absl::StatusOr<std::unique_ptr<TraceExporter>> Start(
      absl::string_view service, const Environment& environment);
  // Sends what is left, for a second at most.
  ~TraceExporter();
  TraceExporter(const TraceExporter&) = delete;
  TraceExporter& operator=(const TraceExporter&) = delete;

  struct Impl;

 private:
  explicit TraceExporter(std::shared_ptr<Impl> impl);
  const std::shared_ptr<Impl> impl_;
};

// The body of one export; for tests.
std::string OtlpJson(
    const std::vector<std::pair<std::string, std::string>>& resource,
    const std::vector<Span>& spans);

}  // namespace mitra

#endif  // MITRA_COMMON_OBSERVABILITY_TRACE_EXPORT_H_
