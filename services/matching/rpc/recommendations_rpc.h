// The calls of the Recommendations service that recommend. Only translates:
// requests to questions, rankings to responses. The others of that service are
// in reasons_rpc.h and insights_rpc.h.

#ifndef MITRA_SERVICES_MATCHING_RPC_RECOMMENDATIONS_RPC_H_
#define MITRA_SERVICES_MATCHING_RPC_RECOMMENDATIONS_RPC_H_

#include <functional>
#include <memory>

#include "common/rpc/server.h"
#include "mitra/v1/recommendations_service.pb.h"
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
                     FeedGate gate, FindProfile find_profile,
                     ReplyCache* replies = nullptr);

  void Register(rpc::Server::Builder& builder);

  rpc::Task<absl::Status> Recommend(rpc::CallContext& call,
                                    const v1::RecommendRequest& request,
                                    v1::RecommendResponse& response);
  rpc::Task<absl::Status> BatchRecommend(
      rpc::CallContext& call, const v1::BatchRecommendRequest& request,
      v1::BatchRecommendResponse& response);

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
  ReplyCache* const replies_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_RECOMMENDATIONS_RPC_H_
