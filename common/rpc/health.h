// grpc.health.v1 as methods like all others.
//
// gRPC's own health service is made with the callback API, which brings two
// threads that poll the same connections as the server's queues and hand most
// of what they find on to them: a third of a small server's CPU. Internal to
// common/rpc.

#ifndef MITRA_COMMON_RPC_HEALTH_H_
#define MITRA_COMMON_RPC_HEALTH_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "common/rpc/call_context.h"
#include "common/rpc/server.h"
#include "common/rpc/task.h"
#include "grpc/health/v1/health.pb.h"

namespace mitra::rpc::internal {

inline constexpr char kHealthCheck[] = "/grpc.health.v1.Health/Check";
inline constexpr char kHealthWatch[] = "/grpc.health.v1.Health/Watch";

// What is said of each service. Thread-safe.
class HealthBoard {
 public:
  using Status = ::grpc::health::v1::HealthCheckResponse::ServingStatus;

  void Set(absl::string_view service, bool serving);
  // SERVICE_UNKNOWN for a service that was never set.
  Status Of(absl::string_view service) const;

 private:
  mutable absl::Mutex mutex_;
  absl::flat_hash_map<std::string, bool> serving_ ABSL_GUARDED_BY(mutex_);
};

// One answer; NOT_FOUND for an unknown service.
Task<absl::Status> ServeHealthCheck(RawStream& raw, const HealthBoard& board);
// The present status, then each other one, until the call is cancelled. Looks a
// few times a second: those who watch are few.
Task<absl::Status> ServeHealthWatch(CallContext& call, RawStream& raw,
                                    const HealthBoard& board);

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_HEALTH_H_
