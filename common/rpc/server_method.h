// A method that a server offers. Internal to common/rpc.

#ifndef MITRA_COMMON_RPC_SERVER_METHOD_H_
#define MITRA_COMMON_RPC_SERVER_METHOD_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "common/rpc/server.h"
#include "common/rpc/server_metrics.h"

namespace mitra::rpc::internal {

inline constexpr absl::Duration kDefaultTimeout = absl::Seconds(10);
inline constexpr absl::Duration kMaxTimeout = absl::Hours(24);

struct ServerMethod {
  std::string name;
  UnaryHandler unary;
  StreamHandler streaming;
  absl::Duration default_timeout = kDefaultTimeout;
  absl::Duration max_timeout = kMaxTimeout;
  MethodMetrics* metrics = nullptr;
  // A subscription: the client only listens, so drain may end it at once.
  bool subscription = false;
  // Carries other calls: drain ends it when they are done.
  bool carrier = false;
  // Answered also when the server is full or going away.
  bool always = false;
};

// "/pkg.Service/Method" → "pkg.Service".
std::string ServiceOf(absl::string_view method);

// Reads time limits and the shape of the method from its descriptor; INTERNAL
// unless the types and the handler fit it.
absl::Status CheckDescriptor(ServerMethod& method,
                             absl::string_view request_type,
                             absl::string_view response_type);

}  // namespace mitra::rpc::internal

#endif  // MITRA_COMMON_RPC_SERVER_METHOD_H_
