// The calls of the Recommendations service that tell what is known, without
// ranking anybody: scores of given pairs, trust, a member's social capital.

#ifndef MITRA_SERVICES_MATCHING_RPC_INSIGHTS_RPC_H_
#define MITRA_SERVICES_MATCHING_RPC_INSIGHTS_RPC_H_

#include <functional>

#include "common/rpc/server.h"
#include "mitra/v1/recommendations_service.pb.h"
#include "services/matching/capital/peer_cache.h"
#include "services/matching/rpc/request_reader.h"

namespace mitra::matching {

// Thread-safe. Everything that it is made from must outlive it.
class InsightsRpc {
 public:
  InsightsRpc(std::function<MatchingView()> view, Recommender& recommender,
              std::function<bool()> ready, FindProfile find_profile,
              PeerCache& peers);

  void Register(rpc::Server::Builder& builder);

  rpc::Task<absl::Status> ScorePairs(rpc::CallContext& call,
                                     const v1::ScorePairsRequest& request,
                                     v1::ScorePairsResponse& response);
  rpc::Task<absl::Status> GetTrust(rpc::CallContext& call,
                                   const v1::GetTrustRequest& request,
                                   v1::GetTrustResponse& response);
  rpc::Task<absl::Status> DiagnoseCapital(
      rpc::CallContext& call, const v1::DiagnoseCapitalRequest& request,
      v1::DiagnoseCapitalResponse& response);

 private:
  const std::function<MatchingView()> view_;
  Recommender& recommender_;
  const std::function<bool()> ready_;
  const FindProfile find_profile_;
  PeerCache& peers_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_INSIGHTS_RPC_H_
