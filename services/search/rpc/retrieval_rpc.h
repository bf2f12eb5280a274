// mitra.v1.Retrieval over the index.

#ifndef MITRA_SERVICES_SEARCH_RPC_RETRIEVAL_RPC_H_
#define MITRA_SERVICES_SEARCH_RPC_RETRIEVAL_RPC_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "common/rpc/executor.h"
#include "common/rpc/task.h"
#include "services/search/canary/canary.h"
#include "services/search/index/index_state.h"
#include "services/search/partition/role_search.h"
#include "services/search/retrieval/query_embedder.h"
#include "services/search/retrieval/retriever.h"
#include "services/search/rpc/crew.h"
#include "services/search/rpc/gate.h"

namespace mitra::v1 {
class RetrieveBatchRequest;
class RetrieveBatchResponse;
class RetrieveRequest;
class RetrieveResponse;
}  // namespace mitra::v1

namespace mitra::search {

// Thread-safe. What it is given must outlive it.
class RetrievalRpc {
 public:
  // `canary` may be null. `batches`: threads of their own for large batches, so
  // that they run beside each other and hold up nobody; may be null. `crew`:
  // who answers everything else; null: the thread that it comes on.
  RetrievalRpc(const IndexState& state, QueryEmbedder& embedder, Gate gate,
               SearchPlan plan, Canary* canary = nullptr,
               rpc::Executor* batches = nullptr, Crew* crew = nullptr)
      : state_(state),
        embedder_(embedder),
        gate_(std::move(gate)),
        plan_(plan),
        canary_(canary),
        batches_(batches),
        crew_(crew) {}

  rpc::Task<absl::Status> Retrieve(rpc::CallContext& call,
                                   const v1::RetrieveRequest& request,
                                   v1::RetrieveResponse& response);

  rpc::Task<absl::Status> RetrieveBatch(rpc::CallContext& call,
                                        const v1::RetrieveBatchRequest& request,
                                        v1::RetrieveBatchResponse& response);

  // The request, checked against a view.
  absl::StatusOr<Retrieval> FromProto(const IndexView& view,
                                      const v1::RetrieveRequest& request);

 private:
  // Lets a call in that has so many requests, and moves it to whom it is to be
  // answered by.
  rpc::Task<absl::Status> EnterShared(rpc::CallContext& call, uint64_t revision,
                                      int requests);
  absl::Status Answer(const v1::RetrieveRequest& request,
                      v1::RetrieveResponse& response);

  const IndexState& state_;
  QueryEmbedder& embedder_;
  const Gate gate_;
  const SearchPlan plan_;
  Canary* const canary_;
  rpc::Executor* const batches_;
  Crew* const crew_;
};

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_RPC_RETRIEVAL_RPC_H_
