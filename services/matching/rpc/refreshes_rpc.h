// The Refreshes service.

#ifndef MITRA_SERVICES_MATCHING_RPC_REFRESHES_RPC_H_
#define MITRA_SERVICES_MATCHING_RPC_REFRESHES_RPC_H_

#include <functional>

#include "common/rpc/executor.h"
#include "common/rpc/server.h"
#include "mitra/v1/refreshes_service.pb.h"
#include "services/matching/refresh/refresh_runner.h"
#include "services/matching/rpc/refresh_directory.h"
#include "services/matching/rpc/refresh_funnel.h"
#include "services/matching/slates/timer.h"

namespace mitra::matching {

// INVALID_ARGUMENT naming each bad field.
absl::Status CheckStartRefresh(const v1::StartRefreshRequest& request);

// Thread-safe. Everything that it is made from must outlive it.
class RefreshesRpc {
 public:
  // `executor`: where slates are read for exports. `funnel` may be null; then
  // reports have none. `directory` may be null; then this process answers for
  // its own refreshes only.
  RefreshesRpc(RefreshRunner& runner, std::function<MatchingView()> views,
               Timer& timer, rpc::Executor& executor,
               std::function<bool()> ready,
               const RefreshFunnel* funnel = nullptr,
               RefreshDirectory* directory = nullptr);

  void Register(rpc::Server::Builder& builder);

  rpc::Task<absl::Status> Start(rpc::CallContext& call,
                                const v1::StartRefreshRequest& request,
                                v1::Refresh& response);
  rpc::Task<absl::Status> List(rpc::CallContext& call,
                               const v1::ListRefreshesRequest& request,
                               v1::ListRefreshesResponse& response);
  rpc::Task<absl::Status> Watch(rpc::CallContext& call,
                                const v1::WatchRefreshRequest& request,
                                rpc::Writer<v1::Refresh>& writer);
  rpc::Task<absl::Status> Wait(rpc::CallContext& call,
                               const v1::WaitRefreshRequest& request,
                               v1::Refresh& response);
  rpc::Task<absl::Status> Report(rpc::CallContext& call,
                                 const v1::GetRefreshReportRequest& request,
                                 v1::RefreshReport& response);
  rpc::Task<absl::Status> Export(rpc::CallContext& call,
                                 const v1::ExportSlatesRequest& request,
                                 rpc::Writer<v1::SlateLine>& writer);

 private:
  void RegisterReview(rpc::Server::Builder& builder);
  void RegisterHelp(rpc::Server::Builder& builder);
  absl::StatusOr<std::unique_ptr<SlateExport>> OpenExport(
      const v1::ExportSlatesRequest& request);
  // Answers by what this process says, or, where it does not know the refresh,
  // by asking who keeps it. `request` must outlive the task.
  template <typename Request, typename Response>
  rpc::Task<absl::Status> Answer(rpc::CallContext& call, const char* name,
                                 const Request& request,
                                 absl::StatusOr<Response> local,
                                 Response& response);
  rpc::Task<absl::Status> Ask(rpc::CallContext& call,
                              const std::string& refresh_id,
                              v1::Refresh& state);
  rpc::Task<absl::Status> Relay(rpc::CallContext& call,
                                const v1::ExportSlatesRequest& request,
                                absl::Status local,
                                rpc::Writer<v1::SlateLine>& writer);
  absl::Time EndOf(const v1::Refresh& refresh) const;
  rpc::Task<> Pause(absl::Duration time);

  RefreshRunner& runner_;
  const std::function<MatchingView()> views_;
  rpc::Executor& executor_;
  Timer& timer_;
  const std::function<bool()> ready_;
  const RefreshFunnel* const funnel_;
  RefreshDirectory* const directory_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_REFRESHES_RPC_H_
