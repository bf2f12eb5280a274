// What a call ended with, as the status that its server made.

#ifndef MITRA_TESTS_SUPPORT_GRPC_STATUS_H_
#define MITRA_TESTS_SUPPORT_GRPC_STATUS_H_

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"
#include "common/status/errors.h"
#include "google/rpc/status.pb.h"

namespace mitra {

inline absl::Status ToStatus(const grpc::Status& status) {
  google::rpc::Status proto;
  // What gRPC itself refuses has no details.
  if (!status.error_details().empty() &&
      proto.ParseFromString(status.error_details())) {
    return FromRpcStatus(proto);
  }
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
}

}  // namespace mitra

#endif  // MITRA_TESTS_SUPPORT_GRPC_STATUS_H_
