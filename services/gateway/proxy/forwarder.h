// The way from the edge to the services behind it, the same for gRPC and HTTP.

#ifndef MITRA_SERVICES_GATEWAY_PROXY_FORWARDER_H_
#define MITRA_SERVICES_GATEWAY_PROXY_FORWARDER_H_

#include <array>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/rpc/call_context.h"
#include "common/rpc/channel.h"
#include "common/rpc/raw_message.h"
#include "common/rpc/server.h"
#include "common/rpc/task.h"
#include "google/protobuf/message.h"
#include "mitra/v1/options.pb.h"
#include "services/gateway/edge/admission.h"
#include "services/gateway/edge/authenticator.h"
#include "services/gateway/proxy/delegations.h"
#include "services/gateway/proxy/last_writes.h"
#include "services/gateway/proxy/method_table.h"
#include "services/gateway/proxy/retry_budget.h"

namespace mitra::gateway {

// One channel per service.
struct Backends {
  std::shared_ptr<rpc::Channel> profile;
  std::shared_ptr<rpc::Channel> search;
  std::shared_ptr<rpc::Channel> matching;

  rpc::Channel& For(v1::Backend backend) const;
};

// What a service behind said, in words for outside: errors that the transport
// made up become errors with a reason of ours and without addresses.
absl::Status Presentable(const absl::Status& status,
                         const v1::MethodPolicy& policy);

// Thread-safe. Everything given must outlive it.
class Forwarder {
 public:
  Forwarder(Backends backends, const Authenticator& authenticator,
            Admission& admission, LastWrites& last_writes,
            Delegations& delegations)
      : backends_(std::move(backends)),
        authenticator_(authenticator),
        admission_(admission),
        last_writes_(last_writes),
        delegations_(delegations) {}

  // Lets a call in: sets its identity and its deadline (the asked one, or the
  // method's default, at most the method's maximum). The ticket is kept until
  // the call has ended.
  absl::StatusOr<Admission::Ticket> Enter(rpc::CallContext& call,
                                          const Method& method,
                                          const Credentials& credentials) {
    return Enter(call, method, Authenticate(credentials));
  }
  // The same for who was authenticated already.
  absl::StatusOr<Admission::Ticket> Enter(rpc::CallContext& call,
                                          const Method& method,
                                          absl::StatusOr<Caller> caller);

  // Only says who it is.
  absl::StatusOr<Caller> Authenticate(const Credentials& credentials) const {
    return authenticator_.Authenticate(credentials);
  }

  // Sends a unary call that Enter() let in. The request of a member's
  // credential is read, checked and sent on as it was read; others pass as
  // bytes. A read that finds its service away is sent once more, as long as
  // retries stay a tenth of all calls.
  rpc::Task<absl::StatusOr<rpc::RawMessage>> CallBytes(rpc::CallContext& call,
                                                       const Method& method,
                                                       rpc::RawMessage request);
  rpc::Task<absl::StatusOr<rpc::RawMessage>> CallMessage(
      rpc::CallContext& call, const Method& method,
      google::protobuf::Message& request);

  // Joins a streaming call that Enter() let in with one to the service. Each
  // side is read only as fast as the other takes it.
  rpc::Task<absl::Status> Relay(rpc::CallContext& call, const Method& method,
                                rpc::RawStream& client);

 private:
  rpc::Task<absl::StatusOr<rpc::RawMessage>> CallParsed(
      rpc::CallContext& call, const Method& method, rpc::RawMessage request);
  rpc::Task<absl::StatusOr<rpc::RawMessage>> Send(rpc::CallContext& call,
                                                  const Method& method,
                                                  rpc::RawMessage request);

  const Backends backends_;
  const Authenticator& authenticator_;
  Admission& admission_;
  LastWrites& last_writes_;
  Delegations& delegations_;
  RetryBudget retries_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_PROXY_FORWARDER_H_
