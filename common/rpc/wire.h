// How identity, deadlines and errors stand on the wire. Internal to common/rpc.

#ifndef MITRA_COMMON_RPC_WIRE_H_
#define MITRA_COMMON_RPC_WIRE_H_

#include <grpcpp/client_context.h>
#include <grpcpp/server_context.h>
#include <grpcpp/support/channel_arguments.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "common/rpc/call_context.h"

namespace mitra::rpc::internal {

// A key and value that gRPC's client takes without aborting the process.
bool IsLegalMetadata(absl::string_view key, absl::string_view value);

using MetadataViews =
    absl::InlinedVector<std::pair<absl::string_view, absl::string_view>, 3>;

// Protected metadata of `call`, only legal pairs. `scratch` may be written to;
// the views point into it and into `call`.
MetadataViews MetadataOf(const CallContext& call, std::string& scratch);

// Sets one protected pair on `call`; unknown keys are ignored.
void ReadMetadata(absl::string_view key, absl::string_view value,
                  bool trust_identity, CallContext& call);

// Makes a request id if `call` has none that is well-formed.
void EnsureRequestId(CallContext& call);

grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

// Deadline and metadata of an outgoing call.
void Prepare(const CallContext& call, grpc::ClientContext& context);

// "mitra-*" trailers of a finished call.
std::vector<std::pair<std::string, std::string>> TrailersOf(
    const grpc::ClientContext& context);

// Keep-alive and sizes, the same on both ends: clients ping every 30 s while
// calls are open, servers allow it every 10 s.
grpc::ChannelArguments ClientArguments(int max_message_bytes);
inline constexpr int kClientPingMs = 30'000;
inline constexpr int kServerMinPingMs = 10'000;

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_WIRE_H_
