// The parts of RegisterProfileMethods. Internal to rpc/.

#ifndef MITRA_SERVICES_PROFILE_RPC_METHODS_H_
#define MITRA_SERVICES_PROFILE_RPC_METHODS_H_

#include "services/profile/ingest/signal.h"
#include "services/profile/rpc/profile_rpc.h"

namespace mitra::profile {

void RegisterRecordMethods(ProfileParts& parts, rpc::Server::Builder& builder);
void RegisterFeedMethods(ProfileParts& parts, rpc::Server::Builder& builder);
void RegisterArchiveMethods(ProfileParts& parts, rpc::Server::Builder& builder);
void RegisterOperations(ProfileParts& parts, rpc::Server::Builder& builder);

}  // namespace mitra::profile

#endif  // MITRA_SERVICES_PROFILE_RPC_METHODS_H_
