// gRPC in, gRPC out: any call to a method of the table, by bytes.

#ifndef MITRA_SERVICES_GATEWAY_PROXY_GRPC_PROXY_H_
#define MITRA_SERVICES_GATEWAY_PROXY_GRPC_PROXY_H_

#include <string>

#include "absl/status/status.h"
#include "common/rpc/call_context.h"
#include "common/rpc/server.h"
#include "common/rpc/task.h"
#include "services/gateway/edge/call_observer.h"
#include "services/gateway/proxy/forwarder.h"
#include "services/gateway/proxy/method_table.h"

namespace mitra::gateway {

// Thread-safe. Everything given must outlive it.
class GrpcProxy {
 public:
  GrpcProxy(const MethodTable& methods, Forwarder& forwarder,
            CallObserver& observer)
      : methods_(methods), forwarder_(forwarder), observer_(observer) {}

  // The handler for rpc::Server::Builder::Fallback. UNIMPLEMENTED
  // (UNKNOWN_METHOD) for what is not in the table, which includes the methods
  // that the services speak only among themselves.
  rpc::Task<absl::Status> Handle(rpc::CallContext& call,
                                 rpc::RawStream& stream);

 private:
  rpc::Task<absl::Status> Serve(rpc::CallContext& call, const Method* method,
                                rpc::RawStream& stream, std::string& resource);

  const MethodTable& methods_;
  Forwarder& forwarder_;
  CallObserver& observer_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_PROXY_GRPC_PROXY_H_
