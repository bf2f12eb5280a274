// Where the edge tells what it did.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_CALL_OBSERVER_H_
#define MITRA_SERVICES_GATEWAY_EDGE_CALL_OBSERVER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mitra::gateway {

// One call that has ended. Holds no content, no ids of members and no keys.
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
};

// Thread-safe; called once per call, on any thread, and must not block.
class CallObserver {
 public:
  virtual ~CallObserver() = default;
  virtual void OnCall(const CallRecord& record) = 0;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_CALL_OBSERVER_H_
