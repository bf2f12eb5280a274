// Who changed what: one JSON object a line, for the operator to keep. Names of
// credentials and members, never content and never a key.

#ifndef MITRA_SERVICES_GATEWAY_EDGE_AUDIT_LOG_H_
#define MITRA_SERVICES_GATEWAY_EDGE_AUDIT_LOG_H_

#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "services/gateway/edge/call_observer.h"

namespace mitra::gateway {

// Writes down every call that may change something, whether it was let in or
// not, as long as a credential was shown that is known; and reads that a
// service marks as worth it. Fields: ts, transport, method, credential, member
// (whose credential it is), delegate (who acts for it), resource (the id that
// the call is about), detail (what the service says was done, for example how a
// contest was decided), code, reason, request_id.
//
// A line is one write() to the end of the file, so that several gateways may
// share it; it is on disk when the system gets to it. A file that was moved
// away is made anew within a second. Lines that cannot be written are counted
// (mitra_gateway_audit_lost_total). Thread-safe.
class AuditLog final : public CallObserver {
 public:
  // FAILED_PRECONDITION (AUDIT_UNWRITABLE) if the file cannot be opened or
  // made; it is made with mode 0600.
  static absl::StatusOr<std::unique_ptr<AuditLog>> Open(std::string path);
  ~AuditLog() override;

  void OnCall(const CallRecord& record) override;

 private:
  AuditLog(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}
  void ReopenIfMoved(absl::Time now) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const std::string path_;
  absl::Mutex mutex_;
  int fd_ ABSL_GUARDED_BY(mutex_);
  absl::Time next_look_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_EDGE_AUDIT_LOG_H_
