// The parts of RegisterProfileMethods. Internal to rpc/.

#ifndef MITRA_SERVICES_PROFILE_RPC_METHODS_H_
#define MITRA_SERVICES_PROFILE_RPC_METHODS_H_

#include "services/profile/ingest/signal.h"
#include "services/profile/rpc/profile_rpc.h"

namespace mitra::profile {

// Internal methods are for the other services: the gateway does not offer them,
// and a credential that came through it is refused by this, too.
absl::Status RefuseOutsiders(const rpc::CallContext& call);

void RegisterRecordMethods(ProfileParts& parts, rpc::Server::Builder& builder);
void RegisterFeedMethods(ProfileParts& parts, rpc::Server::Builder& builder);
void RegisterArchiveMethods(ProfileParts& parts, rpc::Server::Builder& builder);
void RegisterOperations(ProfileParts& parts, rpc::Server::Builder& builder);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_RPC_METHODS_H_
