// W3C trace context (Recommendation of 2021-11-23, version 00): which trace a
// call belongs to.

#ifndef MITRA_COMMON_OBSERVABILITY_TRACE_H_
#define MITRA_COMMON_OBSERVABILITY_TRACE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace mitra {

struct TraceContext {
  std::string trace_id;  // 32 lower-case hexadecimal digits, not all zero
  std::string span_id;   // 16 of them, not all zero
  uint8_t flags = 0;     // bit 0: sampled
};

// The content of a traceparent header; nothing unless it is exactly
// "00-<trace id>-<span id>-<flags>".
std::optional<TraceContext> ParseTraceparent(absl::string_view text);

std::string FormatTraceparent(const TraceContext& trace);

// The root of a new trace, not sampled. Thread-safe.
TraceContext NewTrace();

// The same trace with a new span id. Thread-safe.
TraceContext ChildSpan(const TraceContext& parent);

}  // namespace mitra

#endif  // MITRA_COMMON_OBSERVABILITY_TRACE_H_
