// The search service's methods, bound to what answers them.

#ifndef MITRA_SERVICES_SEARCH_RPC_SEARCH_METHODS_H_
#define MITRA_SERVICES_SEARCH_RPC_SEARCH_METHODS_H_

#include "common/rpc/server.h"
#include "services/search/rpc/operations_rpc.h"
#include "services/search/rpc/retrieval_rpc.h"
#include "services/search/rpc/search_rpc.h"

namespace mitra::search {

// Registers all methods of Retrieval, Search and SearchOperations. The three
// must outlive the server.
void RegisterSearchMethods(RetrievalRpc& retrieval, SearchRpc& search,
                           OperationsRpc& operations,
                           rpc::Server::Builder& builder);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_RPC_SEARCH_METHODS_H_
