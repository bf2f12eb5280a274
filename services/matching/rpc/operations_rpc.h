// The MatchingOperations service.

#ifndef MITRA_SERVICES_MATCHING_RPC_OPERATIONS_RPC_H_
#define MITRA_SERVICES_MATCHING_RPC_OPERATIONS_RPC_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "common/rpc/server.h"
#include "mitra/v1/operations_service.pb.h"

namespace mitra::matching {

// What operators can ask of the process.
struct Operations {
  // Fills everything but name, version and start.
  std::function<void(v1::ServiceStatus&)> describe;
  // Writes a snapshot and returns its revision and size.
  std::function<rpc::Task<absl::StatusOr<v1::WriteSnapshotResponse>>()>
      write_snapshot;
};

// Registers both methods; `operations` must outlive the server.
void RegisterOperations(const Operations& operations, absl::Time start_time,
                        rpc::Server::Builder& builder);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_OPERATIONS_RPC_H_
