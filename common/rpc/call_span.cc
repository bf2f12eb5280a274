#include "common/rpc/call_span.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/time/clock.h"

namespace mitra::rpc {

namespace {

// Anybody may call "/…" by any name; only real ones are short and plain.
bool IsPlainName(absl::string_view method) {
  return !method.empty() && method.size() <= 120 &&
         std::all_of(method.begin(), method.end(), [](unsigned char c) {
           return absl::ascii_isalnum(c) || c == '/' || c == '.' || c == '_';
         });
}

}  // namespace

void CallSpan::Begin(CallContext& call) {
  span_.emplace();
  span_->context = StartSpan(call.traceparent, span_->parent_id);
  span_->start = absl::Now();
  call.traceparent = FormatTraceparent(span_->context);
}

void CallSpan::Finish(const CallContext& call, absl::StatusCode code) {
  span_->end = absl::Now();
  span_->name = IsPlainName(call.method) ? call.method : "other";
  span_->code = code;
  span_->request_id = call.request_id;
  ExportSpan(*std::move(span_));
  span_.reset();
}

}  // namespace mitra::rpc
