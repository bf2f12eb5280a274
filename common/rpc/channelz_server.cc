#include "common/rpc/channelz_server.h"

#include <grpcpp/ext/channelz_service_plugin.h>
#include <grpcpp/grpcpp.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "common/security/exposure.h"
#include "common/status/errors.h"

namespace mitra::rpc {

struct ChannelzServer::Impl {
  std::unique_ptr<grpc::Server> server;
  std::string address;
};

ChannelzServer::ChannelzServer(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

ChannelzServer::~ChannelzServer() {
  impl_->server->Shutdown(std::chrono::system_clock::now());
}

const std::string& ChannelzServer::address() const { return impl_->address; }

absl::StatusOr<std::unique_ptr<ChannelzServer>> ChannelzServer::Start(
    const std::string& listen) {
  if (!IsLoopback(listen)) {
    return InvalidField("admin.channelz_listen",
                        "must be a loopback address or a unix socket");
  }
  static const bool once = [] {
    grpc::channelz::experimental::InitChannelzService();
    return true;
  }();
  (void)once;
  auto impl = std::make_unique<Impl>();
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(listen, grpc::InsecureServerCredentials(), &port);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  impl->server = builder.BuildAndStart();
  const bool is_unix = absl::StartsWith(listen, "unix:");
  if (impl->server == nullptr || (!is_unix && port == 0)) {
    return MakeError(absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
                     absl::StrCat("cannot listen on ", listen));
  }
  impl->address =
      is_unix ? listen
              : absl::StrCat(listen.substr(0, listen.rfind(':')), ":", port);
  return std::unique_ptr<ChannelzServer>(new ChannelzServer(std::move(impl)));
}

}  // namespace mitra::rpc
