#include "common/observability/trace.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_format.h"
#include "common/base/random.h"

namespace mitra {
namespace {

constexpr absl::string_view kHex = "0123456789abcdef";

bool IsHex(absl::string_view text) {
  return text.find_first_not_of(kHex) == absl::string_view::npos;
}

bool IsHexId(absl::string_view text) {
  return IsHex(text) && text.find_first_not_of('0') != absl::string_view::npos;
}

uint64_t Next() {
  static thread_local Random random(RandomSeed());
  return random.Next64();
}

}  // namespace

std::optional<TraceContext> ParseTraceparent(absl::string_view text) {
  if (text.size() != 55 || text.substr(0, 3) != "00-" || text[35] != '-' ||
      text[52] != '-') {
    return std::nullopt;
  }
  const absl::string_view trace_id = text.substr(3, 32);
  const absl::string_view span_id = text.substr(36, 16);
  const absl::string_view flags = text.substr(53);
  if (!IsHexId(trace_id) || !IsHexId(span_id) || !IsHex(flags)) {
    return std::nullopt;
  }
  TraceContext trace;
  trace.trace_id = std::string(trace_id);
  trace.span_id = std::string(span_id);
  trace.flags = static_cast<uint8_t>(absl::HexStringToBytes(flags)[0]);
  return trace;
}

std::string FormatTraceparent(const TraceContext& trace) {
  return absl::StrFormat("00-%s-%s-%02x", trace.trace_id, trace.span_id,
                         static_cast<unsigned>(trace.flags));
}

TraceContext NewTrace() {
  TraceContext trace;
  do {
    trace.trace_id = absl::StrFormat("%016x%016x", Next(), Next());
  } while (!IsHexId(trace.trace_id));
  return ChildSpan(trace);
}

TraceContext ChildSpan(const TraceContext& parent) {
  TraceContext child = parent;
  do {
    child.span_id = absl::StrFormat("%016x", Next());
  } while (!IsHexId(child.span_id) || child.span_id == parent.span_id);
  return child;
}

}  // namespace mitra
