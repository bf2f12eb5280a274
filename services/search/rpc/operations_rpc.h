// mitra.v1.SearchOperations: status and snapshots.

#ifndef MITRA_SERVICES_SEARCH_RPC_OPERATIONS_RPC_H_
#define MITRA_SERVICES_SEARCH_RPC_OPERATIONS_RPC_H_

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/feed/follower.h"
#include "common/rpc/call_context.h"
#include "common/rpc/executor.h"
#include "common/rpc/task.h"
#include "services/search/canary/canary.h"
#include "services/search/index/index_state.h"
#include "services/search/maintenance/maintainer.h"

namespace mitra::v1 {
class GetStatusRequest;
class ServiceStatus;
class WriteSnapshotRequest;
class WriteSnapshotResponse;
}  // namespace mitra::v1

namespace mitra::search {

// Thread-safe. What it is given must outlive it.
class OperationsRpc {
 public:
  OperationsRpc(const IndexState& state, const feed::Follower& follower,
                Maintainer& maintainer, const Canary& canary,
                rpc::Executor& executor);

  rpc::Task<absl::Status> GetSearchStatus(rpc::CallContext& call,
                                          const v1::GetStatusRequest& request,
                                          v1::ServiceStatus& response);
  rpc::Task<absl::Status> WriteSearchSnapshot(
      rpc::CallContext& call, const v1::WriteSnapshotRequest& request,
      v1::WriteSnapshotResponse& response);

 private:
  const IndexState& state_;
  const feed::Follower& follower_;
  Maintainer& maintainer_;
  const Canary& canary_;
  rpc::Executor& executor_;
  const absl::Time start_;
};

// Keeps the gauges of search in the process's metrics up to date. Both must
// live as long as the process.
void ExportIndexMetrics(const IndexState& state, const Canary& canary);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_RPC_OPERATIONS_RPC_H_
