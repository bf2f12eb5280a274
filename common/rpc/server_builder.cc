#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "common/rpc/health.h"
#include "common/rpc/hop_session.h"
#include "common/rpc/queue_thread.h"
#include "common/rpc/reflection.h"
#include "common/rpc/server_impl.h"
#include "common/rpc/tls.h"
#include "common/rpc/wire.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::rpc {
namespace {

constexpr char kHopMethod[] = "/mitra.v1.Hop/Exchange";
constexpr int kAcceptsPerQueue = 32;

using ServerQueues = std::vector<std::unique_ptr<grpc::ServerCompletionQueue>>;

// Queues without a server end at once.
void Close(ServerQueues& queues) {
  for (auto& queue : queues) queue->Shutdown();
  void* tag = nullptr;
  bool ok = false;
  for (auto& queue : queues) {
    while (queue->Next(&tag, &ok)) {
    }
  }
}

// What every server says of itself.
void SetArguments(const Server::Options& options,
                  grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(options.max_message_bytes);
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Nothing is ever sent packed; what comes packed is unpacked all the same.
  builder.AddChannelArgument(GRPC_ARG_ENABLE_PER_MESSAGE_COMPRESSION, 0);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
      internal::kServerMinPingMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, 10'000);
}

}  // namespace

struct Server::Builder::Impl {
  Options options;
  absl::flat_hash_map<std::string, std::unique_ptr<internal::ServerMethod>>
      methods;
  StreamHandler fallback;
  std::set<std::string> announced;
  absl::Status status;

  void Add(absl::string_view name,
           std::unique_ptr<internal::ServerMethod> method,
           absl::string_view request_type, absl::string_view response_type) {
    method->name = std::string(name);
    absl::Status checked =
        internal::CheckDescriptor(*method, request_type, response_type);
    if (checked.ok() && methods.contains(name)) {
      checked = absl::InternalError(absl::StrCat(name, ": registered twice"));
    }
    if (!checked.ok()) {
      status.Update(checked);
      return;
    }
    methods.emplace(name, std::move(method));
  }
};

Server::Builder::Builder(Options options) : impl_(std::make_unique<Impl>()) {
  impl_->options = std::move(options);
}
Server::Builder::~Builder() = default;

Server::Builder& Server::Builder::RawUnary(absl::string_view method,
                                           UnaryHandler handler,
                                           absl::string_view request_type,
                                           absl::string_view response_type) {
  auto entry = std::make_unique<internal::ServerMethod>();
  entry->unary = std::move(handler);
  impl_->Add(method, std::move(entry), request_type, response_type);
  return *this;
}

Server::Builder& Server::Builder::RawStreaming(
    absl::string_view method, StreamHandler handler,
    absl::string_view request_type, absl::string_view response_type) {
  auto entry = std::make_unique<internal::ServerMethod>();
  entry->streaming = std::move(handler);
  impl_->Add(method, std::move(entry), request_type, response_type);
  return *this;
}

Server::Builder& Server::Builder::Fallback(StreamHandler handler) {
  impl_->fallback = std::move(handler);
  return *this;
}

Server::Builder& Server::Builder::Announce(absl::string_view service) {
  impl_->announced.emplace(service);
  return *this;
}

void Server::Impl::AddOwnMethods() {
  runner = [this](CallContext& call, const RawMessage& request,
                  RawMessage& response) {
    return RunUnary(call, request, response);
  };
  const auto add_stream = [&](const char* name, StreamHandler handler) {
    auto method = std::make_unique<Method>();
    method->name = name;
    method->streaming = std::move(handler);
    method->default_timeout = internal::kMaxTimeout;
    method->carrier = true;
    methods.emplace(name, std::move(method));
  };
  if (!fallback) {
    add_stream(kHopMethod, [this](CallContext& call, RawStream& stream) {
      return internal::ServeHop(call, stream, runner, options.max_in_flight,
                                options.trust_identity);
    });
  }
  for (const char* name :
       {internal::kReflectionV1, internal::kReflectionV1Alpha}) {
    add_stream(name, [this](CallContext&, RawStream& stream) {
      return internal::ServeReflection(services, stream);
    });
  }
  const auto add_health = [&](const char* name, StreamHandler handler) {
    add_stream(name, std::move(handler));
    Method& method = *methods.at(name);
    method.carrier = false;
    method.subscription = true;  // a watch only listens
    method.always = true;
  };
  add_health(internal::kHealthCheck, [this](CallContext&, RawStream& stream) {
    return internal::ServeHealthCheck(stream, health);
  });
  add_health(internal::kHealthWatch,
             [this](CallContext& call, RawStream& stream) {
               return internal::ServeHealthWatch(call, stream, health);
             });
}

absl::Status Server::Impl::Listen() {
  grpc::ServerBuilder builder;
  std::vector<int> ports(options.listen.size(), 0);
  const auto credentials = internal::ServerCredentialsOf(options.tls);
  for (size_t i = 0; i < options.listen.size(); ++i) {
    const bool plain = absl::StartsWith(options.listen[i], "unix:");
    builder.AddListeningPort(
        options.listen[i],
        plain ? grpc::InsecureServerCredentials() : credentials, &ports[i]);
  }
  builder.RegisterAsyncGenericService(&generic);
  SetArguments(options, builder);
  ServerQueues accepting;
  for (int i = 0; i < std::max(1, options.threads); ++i) {
    accepting.push_back(builder.AddCompletionQueue());
  }
  server = builder.BuildAndStart();
  for (size_t i = 0; i < ports.size(); ++i) {
    const std::string& asked = options.listen[i];
    const bool is_unix = absl::StartsWith(asked, "unix:");
    if (server == nullptr || (!is_unix && ports[i] == 0)) {
      Close(accepting);
      return MakeError(absl::StatusCode::kUnavailable, "CANNOT_LISTEN",
                       absl::StrCat("cannot listen on ", asked));
    }
    addresses.push_back(
        is_unix
            ? asked
            : absl::StrCat(asked.substr(0, asked.rfind(':')), ":", ports[i]));
  }
  for (auto& queue : accepting) {
    for (int i = 0; i < kAcceptsPerQueue; ++i) Spawn(Accept(*this, *queue));
    queues.push_back(std::make_shared<internal::QueueThread>(
        std::move(queue), /*has_courier=*/true));
  }
  queues.front()->MakeHome();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<Server>> Server::Builder::Start() {
  MITRA_RETURN_IF_ERROR(impl_->status);
  MITRA_RETURN_IF_ERROR(CheckTlsFiles(impl_->options.tls,
                                      impl_->options.tls_section, absl::Now()));
  auto impl = std::make_unique<Server::Impl>(impl_->options);
  impl->methods = std::move(impl_->methods);
  impl->fallback = std::move(impl_->fallback);
  std::set<std::string> services = std::move(impl_->announced);
  services.insert("grpc.health.v1.Health");
  for (const auto& [name, method] : impl->methods) {
    method->metrics = internal::MetricsOf(name);
    services.insert(internal::ServiceOf(name));
  }
  impl->services.assign(services.begin(), services.end());
  impl->AddOwnMethods();
  MITRA_RETURN_IF_ERROR(impl->Listen());
  auto server = std::unique_ptr<Server>(new Server(std::move(impl)));
  server->SetServing(false);
  return server;
}

}  // namespace mitra::rpc
