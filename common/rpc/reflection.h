// Server reflection (v1 and v1alpha, the same messages) over the generated
// descriptors. Debian's gRPC brings v1alpha only and does not see methods that
// are registered by name. Internal to common/rpc.

#ifndef MITRA_COMMON_RPC_REFLECTION_H_
#define MITRA_COMMON_RPC_REFLECTION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "common/rpc/call_context.h"
#include "common/rpc/server.h"
#include "common/rpc/task.h"

namespace mitra::rpc::internal {

inline constexpr char kReflectionV1[] =
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
inline constexpr char kReflectionV1Alpha[] =
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";

// Answers until the client half-closes. `services` are full service names.
Task<absl::Status> ServeReflection(const std::vector<std::string>& services,
                                   RawStream& stream);

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_REFLECTION_H_
