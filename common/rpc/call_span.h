// The span of a call that a server answers. Internal to common/rpc and to the
// gateway's HTTP edge.

#ifndef MITRA_COMMON_RPC_CALL_SPAN_H_
#define MITRA_COMMON_RPC_CALL_SPAN_H_

#include <optional>

#include "absl/status/status.h"
#include "common/observability/trace_export.h"
#include "common/rpc/call_context.h"

namespace mitra::rpc {

// Made when a call begins, on its thread: its own calls then hang below it.
// Without an exporter it does nothing.
class CallSpan {
 public:
  explicit CallSpan(CallContext& call) {
    if (TracingEnabled()) Begin(call);
  }
  // Once, at the end.
  void End(const CallContext& call, absl::StatusCode code) {
    if (span_) Finish(call, code);
  }

 private:
  void Begin(CallContext& call);
  void Finish(const CallContext& call, absl::StatusCode code);
  std::optional<Span> span_;
};

}  // namespace mitra::rpc

#endif  // MITRA_COMMON_RPC_CALL_SPAN_H_
