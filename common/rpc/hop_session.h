// The server's side of one batched stream (proto/mitra/v1/hop.proto): runs each
// call of a batch as its own coroutine and sends replies back in batches.
// Internal to common/rpc.

#ifndef MITRA_COMMON_RPC_HOP_SESSION_H_
#define MITRA_COMMON_RPC_HOP_SESSION_H_

#include <functional>

#include "absl/status/status.h"
#include "common/rpc/call_context.h"
#include "common/rpc/raw_message.h"
#include "common/rpc/server.h"
#include "common/rpc/task.h"

namespace mitra::rpc::internal {

// Runs one unary method with everything that a plain call gets: limits,
// deadline checks, exceptions, metrics. `call` and both messages outlive it.
using UnaryRunner = std::function<Task<absl::Status>(
    CallContext& call, const RawMessage& request, RawMessage& response)>;

// Serves `stream` until the client half-closes, then waits for open calls.
// At most `credit` calls may be open; calls beyond it get RESOURCE_EXHAUSTED.
Task<absl::Status> ServeHop(CallContext& call, RawStream& stream,
                            const UnaryRunner& runner, uint32_t credit,
                            bool trust_identity);

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_HOP_SESSION_H_
