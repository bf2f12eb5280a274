// The Refreshes service.

#ifndef MITRA_SERVICES_MATCHING_RPC_REFRESHES_RPC_H_
#define MITRA_SERVICES_MATCHING_RPC_REFRESHES_RPC_H_

#include <functional>

#include "common/rpc/executor.h"
#include "common/rpc/server.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "services/matching/refresh/refresh_runner.h"
#include "services/matching/slates/timer.h"

namespace mitra::matching {

// INVALID_ARGUMENT naming each bad field.
absl::Status CheckStartRefresh(const v1::StartRefreshRequest& request);

// Thread-safe. Everything that it is made from must outlive it.
class RefreshesRpc {
 public:
  // `executor`: where slates are read for exports.
  RefreshesRpc(RefreshRunner& runner, std::function<MatchingView()> views,
               Timer& timer, rpc::Executor& executor,
               std::function<bool()> ready);

  void Register(rpc::Server::Builder& builder);

  rpc::Task<absl::Status> Start(rpc::CallContext& call,
                                const v1::StartRefreshRequest& request,
                                v1::Refresh& response);
  rpc::Task<absl::Status> Watch(rpc::CallContext& call,
                                const v1::WatchRefreshRequest& request,
                                rpc::Writer<v1::Refresh>& writer);
  rpc::Task<absl::Status> Wait(rpc::CallContext& call,
                               const v1::WaitRefreshRequest& request,
                               v1::Refresh& response);
  rpc::Task<absl::Status> Export(rpc::CallContext& call,
                                 const v1::ExportSlatesRequest& request,
                                 rpc::Writer<v1::SlateLine>& writer);

 private:
  void RegisterReview(rpc::Server::Builder& builder);
  void RegisterHelp(rpc::Server::Builder& builder);
  absl::StatusOr<std::unique_ptr<SlateExport>> OpenExport(
      const v1::ExportSlatesRequest& request);
  rpc::Task<> Pause(absl::Duration time);

  RefreshRunner& runner_;
  const std::function<MatchingView()> views_;
  rpc::Executor& executor_;
  Timer& timer_;
  const std::function<bool()> ready_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_REFRESHES_RPC_H_
