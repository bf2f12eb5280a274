// The Recommendations service. Only translates: requests to questions,
// rankings and diagnoses to responses.

#ifndef MITRA_SERVICES_MATCHING_RPC_RECOMMENDATIONS_RPC_H_
#define MITRA_SERVICES_MATCHING_RPC_RECOMMENDATIONS_RPC_H_

#include <functional>
#include <memory>

#include "common/rpc/server.h"
#include "mitra/v1/recommendations_service.pb.h"
#include "services/matching/capital/peer_cache.h"
#include "services/matching/rpc/feed_gate.h"
#include "services/matching/rpc/request_reader.h"
#include "services/matching/slates/reply_cache.h"
#include "services/matching/slates/slate_server.h"

namespace mitra::matching {

// Thread-safe. Everything that it is made from must outlive it.
class RecommendationsRpc {
 public:
  // `replies` may be null: then every answer is made anew.
  RecommendationsRpc(SlateServer& slates, Recommender& recommender,
                     FeedGate gate, FindProfile find_profile, PeerCache& peers,
                     ReplyCache* replies = nullptr);

  void Register(rpc::Server::Builder& builder);

  rpc::Task<absl::Status> Recommend(rpc::CallContext& call,
                                    const v1::RecommendRequest& request,
                                    v1::RecommendResponse& response);
  rpc::Task<absl::Status> BatchRecommend(
      rpc::CallContext& call, const v1::BatchRecommendRequest& request,
      v1::BatchRecommendResponse& response);
  rpc::Task<absl::Status> ExplainPair(rpc::CallContext& call,
                                      const v1::ExplainPairRequest& request,
                                      v1::ExplainPairResponse& response);
  rpc::Task<absl::Status> WhyNot(rpc::CallContext& call,
                                 const v1::WhyNotRequest& request,
                                 v1::WhyNotResponse& response);
  rpc::Task<absl::Status> TraceRecommend(
      rpc::CallContext& call, const v1::TraceRecommendRequest& request,
      v1::TraceRecommendResponse& response);
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
  rpc::Task<absl::Status> RecommendAt(rpc::CallContext& call,
                                      const v1::RecommendRequest& request,
                                      absl::string_view path,
                                      v1::RecommendResponse& response,
                                      Shown* shown);
  // Recommend by bytes: an answer that is still as good is sent again.
  rpc::Task<absl::Status> RecommendBytes(rpc::CallContext& call,
                                         const rpc::RawMessage& in,
                                         rpc::RawMessage& out);
  rpc::Task<absl::Status> RecommendAnew(rpc::CallContext& call,
                                        const v1::RecommendRequest& request,
                                        v1::RecommendResponse& response,
                                        Shown* shown);
  // True if `out` has become the answer to `question`.
  bool Repeat(rpc::CallContext& call, absl::string_view question,
              rpc::RawMessage& out);
  void Keep(std::string question, const v1::RecommendRequest& request,
            const Shown& shown, const rpc::RawMessage& out);

  SlateServer& slates_;
  Recommender& recommender_;
  const FeedGate gate_;
  const FindProfile find_profile_;
  PeerCache& peers_;
  ReplyCache* const replies_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_RECOMMENDATIONS_RPC_H_
