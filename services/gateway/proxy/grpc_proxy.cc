#include "services/gateway/proxy/grpc_proxy.h"

#include "absl/time/clock.h"
#include "common/observability/trace.h"
#include "common/status/errors.h"
#include "services/gateway/edge/resource.h"

namespace mitra::gateway {

using rpc::CallContext;
using rpc::RawMessage;
using rpc::Task;

Task<absl::Status> GrpcProxy::Handle(CallContext& call,
                                     rpc::RawStream& stream) {
  const absl::Time start = absl::Now();
  const Method* method = methods_.Find(call.method);
  if (!ParseTraceparent(call.traceparent)) call.traceparent.clear();
  std::string resource;
  const absl::Status status = co_await Serve(call, method, stream, resource);
  CallRecord record;
  record.transport = "grpc";
  if (method != nullptr) record.method = method->name;
  record.status = status;
  record.latency = absl::Now() - start;
  record.request_id = call.request_id;
  record.credential = call.identity.credential;
  record.identity = &call.identity;
  record.audited = method != nullptr && IsAudited(call, method->read_only());
  record.resource = resource;
  record.detail = AuditDetail(call);
  observer_.OnCall(record);
  co_return status;
}

Task<absl::Status> GrpcProxy::Serve(CallContext& call, const Method* method,
                                    rpc::RawStream& stream,
                                    std::string& resource) {
  const Credentials credentials = {call.authorization, call.api_key};
  if (method == nullptr) {
    // Says nothing about methods to those who show no credential.
    const absl::Status known = forwarder_.Authenticate(credentials).status();
    if (!known.ok()) co_return known;
    co_return MakeError(absl::StatusCode::kUnimplemented, "UNKNOWN_METHOD",
                        "the API has no such method");
  }
  absl::StatusOr<Admission::Ticket> ticket =
      forwarder_.Enter(call, *method, credentials);
  if (!ticket.ok()) co_return ticket.status();
  if (method->streaming()) {
    co_return co_await forwarder_.Relay(call, *method, stream);
  }
  std::optional<RawMessage> request = co_await stream.Read();
  if (!request) {
    co_return MakeError(absl::StatusCode::kInvalidArgument, "MISSING_MESSAGE",
                        "the call brought no request");
  }
  if (!method->read_only()) {
    resource = ResourceOf(*method, request->ToString());
  }
  absl::StatusOr<RawMessage> response =
      co_await forwarder_.CallBytes(call, *method, *std::move(request));
  ticket->Finished(response.status());
  if (!response.ok()) co_return response.status();
  (void)co_await stream.WriteLast(*std::move(response));
  co_return absl::OkStatus();
}

}  // namespace mitra::gateway
