// The calls of the Recommendations service that give reasons: why a pair fits,
// why somebody is not in a slate, how a ranking came about.

#ifndef MITRA_SERVICES_MATCHING_RPC_REASONS_RPC_H_
#define MITRA_SERVICES_MATCHING_RPC_REASONS_RPC_H_

#include <functional>
#include <string>

#include "common/rpc/server.h"
#include "mitra/v1/recommendations_service.pb.h"
#include "services/matching/rpc/request_reader.h"
#include "services/matching/slates/slate_server.h"

namespace mitra::matching {

// Thread-safe. Everything that it is made from must outlive it.
class ReasonsRpc {
 public:
  ReasonsRpc(SlateServer& slates, Recommender& recommender,
             std::function<bool()> ready, FindProfile find_profile);

  void Register(rpc::Server::Builder& builder);

  rpc::Task<absl::Status> ExplainPair(rpc::CallContext& call,
                                      const v1::ExplainPairRequest& request,
                                      v1::ExplainPairResponse& response);
  rpc::Task<absl::Status> WhyNot(rpc::CallContext& call,
                                 const v1::WhyNotRequest& request,
                                 v1::WhyNotResponse& response);
  rpc::Task<absl::Status> TraceRecommend(
      rpc::CallContext& call, const v1::TraceRecommendRequest& request,
      v1::TraceRecommendResponse& response);

 private:
  // One candidate's scores; no role where it is not eligible.
  rpc::Task<absl::StatusOr<Ranked>> ScoreOne(rpc::CallContext& call,
                                             const MatchingView& view,
                                             const Subject& subject,
                                             const RankQuery& query,
                                             const std::string& candidate_id);
  int64_t NowSeconds() const;

  SlateServer& slates_;
  Recommender& recommender_;
  const std::function<bool()> ready_;
  const FindProfile find_profile_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_REASONS_RPC_H_
