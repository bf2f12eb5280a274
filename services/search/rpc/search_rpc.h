// mitra.v1.Search over the index.

#ifndef MITRA_SERVICES_SEARCH_RPC_SEARCH_RPC_H_
#define MITRA_SERVICES_SEARCH_RPC_SEARCH_RPC_H_

#include <string>

#include "absl/status/status.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"
#include "services/search/filter/member_filter.h"
#include "services/search/index/index_state.h"
#include "services/search/partition/role_search.h"
#include "services/search/retrieval/query_embedder.h"
#include "services/search/retrieval/result_lists.h"
#include "services/search/rpc/gate.h"

namespace mitra::v1 {
class SearchProfilesRequest;
class SearchProfilesResponse;
}  // namespace mitra::v1

namespace mitra::search {

// Thread-safe. What it is given must outlive it.
class SearchRpc {
 public:
  SearchRpc(const IndexState& state, QueryEmbedder& embedder, Gate gate,
            SearchPlan plan);

  rpc::Task<absl::Status> SearchProfiles(
      rpc::CallContext& call, const v1::SearchProfilesRequest& request,
      v1::SearchProfilesResponse& response);

 private:
  // Lists that can be paged through at the same time.
  static constexpr size_t kLists = 2000;

  absl::Status Answer(const rpc::CallContext& call,
                      const v1::SearchProfilesRequest& request,
                      v1::SearchProfilesResponse& response);
  absl::StatusOr<std::shared_ptr<const ResultList>> FirstList(
      const IndexView& view, const v1::SearchProfilesRequest& request,
      const std::vector<int>& roles, const MemberFilter& filter);

  const IndexState& state_;
  QueryEmbedder& embedder_;
  const Gate gate_;
  const SearchPlan plan_;
  const std::string token_key_;
  ResultLists lists_{kLists};
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_RPC_SEARCH_RPC_H_
