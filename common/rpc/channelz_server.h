// gRPC's own view of its channels and sockets (grpc.channelz.v1), for operators
// on this machine.

#ifndef MITRA_COMMON_RPC_CHANNELZ_SERVER_H_
#define MITRA_COMMON_RPC_CHANNELZ_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace mitra::rpc {

// A gRPC server with that service alone. gRPC adds the service to every server
// that is built after the first Start(), so start it after all others.
class ChannelzServer {
 public:
  // INVALID_ARGUMENT (admin.channelz_listen) unless the address is loopback or
  // a unix socket; UNAVAILABLE if it cannot be used.
  static absl::StatusOr<std::unique_ptr<ChannelzServer>> Start(
      const std::string& listen);
  ~ChannelzServer();
  ChannelzServer(const ChannelzServer&) = delete;
  ChannelzServer& operator=(const ChannelzServer&) = delete;

  // With the port that was chosen.
  const std::string& address() const;

 private:
  struct Impl;
  explicit ChannelzServer(std::unique_ptr<Impl> impl);
  const std::unique_ptr<Impl> impl_;
};

}  // namespace mitra::rpc

#endif  // MITRA_COMMON_RPC_CHANNELZ_SERVER_H_
