// Where the edge tells what it did.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_CALL_OBSERVER_H_
#define MITRA_SERVICES_GATEWAY_EDGE_CALL_OBSERVER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/rpc/call_context.h"

namespace mitra::gateway {

// One call that has ended. Holds no content and no keys; ids of members only in
// what is said to be for the audit log.
struct CallRecord {
  // "grpc" or "http".
  absl::string_view transport;
  // "/mitra.v1.Profiles/GetProfile", or "other" for what is no method.
  absl::string_view method = "other";
  // The HTTP status; 0 for gRPC.
  int http_status = 0;
  absl::Status status;
  absl::Duration latency;
  // For the log only.
  absl::string_view request_id;
  absl::string_view credential;
  // For the audit log: whether the call belongs there, who made it, and the id
  // that it is about. `identity` may be null.
  bool audited = false;
  const rpc::Identity* identity = nullptr;
  absl::string_view resource;
  // What of it the service wants to be written down.
  absl::string_view detail;
};

// A service says by this trailer that a read belongs into the audit log, and
// with its value, in a word, what the call was or decided.
inline constexpr char kAuditKey[] = "mitra-audit";

// Empty if the service said nothing.
inline absl::string_view AuditDetail(const rpc::CallContext& call) {
  for (const auto& [key, value] : call.trailers()) {
    if (key == kAuditKey) return value;
  }
  return "";
}

// Whether a finished call belongs there: `read_only` as its method says.
inline bool IsAudited(const rpc::CallContext& call, bool read_only) {
  return !read_only || !AuditDetail(call).empty();
}

// Thread-safe; called once per call, on any thread, and must not block.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void OnCall(const CallRecord& record) = 0;
};

// Tells several, each of which must outlive this.
class CallObservers final : public CallObserver {
 public:
  void Add(CallObserver* observer) { observers_.push_back(observer); }
  void OnCall(const CallRecord& record) override {
    for (CallObserver* observer : observers_) observer->OnCall(record);
  }

 private:
  std::vector<CallObserver*> observers_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_CALL_OBSERVER_H_
