// The Standings service: a member's own reputation, and capital in aggregate.

#ifndef MITRA_SERVICES_MATCHING_RPC_STANDINGS_RPC_H_
#define MITRA_SERVICES_MATCHING_RPC_STANDINGS_RPC_H_

#include <functional>

#include "common/rpc/server.h"
#include "mitra/v1/standing_service.pb.h"
#include "services/matching/capital/peer_cache.h"
#include "services/matching/graph/tie_options.h"
#include "services/matching/state/matching_state.h"

namespace mitra::matching {

// Thread-safe. Everything that it is made from must outlive it.
class StandingsRpc {
 public:
  // `ties` are the options of the graph in the view.
  StandingsRpc(std::function<MatchingView()> view, PeerCache& peers,
               std::function<bool()> ready, const TieOptions& ties = {});

  void Register(rpc::Server::Builder& builder);

  rpc::Task<absl::Status> GetStanding(rpc::CallContext& call,
                                      const v1::GetStandingRequest& request,
                                      v1::GetStandingResponse& response);
  rpc::Task<absl::Status> DescribeCapital(
      rpc::CallContext& call, const v1::DescribeCapitalRequest& request,
      v1::DescribeCapitalResponse& response);

 private:
  const std::function<MatchingView()> view_;
  PeerCache& peers_;
  const std::function<bool()> ready_;
  const TieOptions ties_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_STANDINGS_RPC_H_
