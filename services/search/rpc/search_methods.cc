#include "services/search/rpc/search_methods.h"

#include <functional>

#include "mitra/v1/operations_service.pb.h"
#include "mitra/v1/retrieval_service.pb.h"
#include "mitra/v1/search_service.pb.h"

namespace mitra::search {

void RegisterSearchMethods(RetrievalRpc& retrieval, SearchRpc& search,
                           OperationsRpc& operations,
                           rpc::Server::Builder& builder) {
  builder.Unary<v1::RetrieveRequest, v1::RetrieveResponse>(
      "/mitra.v1.Retrieval/Retrieve",
      std::bind_front(&RetrievalRpc::Retrieve, &retrieval));
  builder.Unary<v1::RetrieveBatchRequest, v1::RetrieveBatchResponse>(
      "/mitra.v1.Retrieval/RetrieveBatch",
      std::bind_front(&RetrievalRpc::RetrieveBatch, &retrieval));
  builder.Unary<v1::SearchProfilesRequest, v1::SearchProfilesResponse>(
      "/mitra.v1.Search/SearchProfiles",
      std::bind_front(&SearchRpc::SearchProfiles, &search));
  builder.Unary<v1::GetStatusRequest, v1::ServiceStatus>(
      "/mitra.v1.SearchOperations/GetSearchStatus",
      std::bind_front(&OperationsRpc::GetSearchStatus, &operations));
  builder.Unary<v1::WriteSnapshotRequest, v1::WriteSnapshotResponse>(
      "/mitra.v1.SearchOperations/WriteSearchSnapshot",
      std::bind_front(&OperationsRpc::WriteSearchSnapshot, &operations));
}

}  // namespace mitra::search
