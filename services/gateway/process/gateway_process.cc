#include "services/gateway/process/gateway_process.h"

#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include "common/observability/admin_server.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/rpc/channel.h"
#include "common/rpc/channelz_server.h"
#include "common/rpc/server.h"
#include "common/security/exposure.h"
#include "common/status/status_macros.h"
#include "services/gateway/api/api_page.h"
#include "services/gateway/api/openapi.h"
#include "services/gateway/console/console.h"
#include "services/gateway/edge/audit_log.h"
#include "services/gateway/edge/call_metrics.h"
#include "services/gateway/edge/key_file_source.h"
#include "services/gateway/http/http_edge.h"
#include "services/gateway/http/tls_context.h"
#include "services/gateway/proxy/grpc_proxy.h"
#include "services/gateway/proxy/shared_quotas.h"

namespace mitra::gateway {
namespace {

constexpr absl::Duration kHttpGrace = absl::Seconds(10);

// What the gateway tells about itself, and the console.
absl::StatusOr<Documents> MakeDocuments(const GatewayConfig& config,
                                        const MethodTable& methods) {
  MITRA_ASSIGN_OR_RETURN(const ProtoDocs docs, ProtoDocs::Create());
  Documents documents;
  documents.Add("/openapi.json", "application/json",
                OpenApiJson(methods, docs));
  documents.Add("/docs", "text/html; charset=utf-8", ApiPage(methods, docs));
  documents.AddRedirect("/docs/", "/docs");
  documents.Add("/docs/style.css", "text/css; charset=utf-8", ApiPageStyle());
  if (!config.console_dir.empty()) {
    MITRA_RETURN_IF_ERROR(
        AddConsole(config.console_dir, config.console_d3, documents));
  }
  return documents;
}

void WarnOfWhatIsOpen(const GatewayConfig& config) {
  if (!config.identity()) {
    LogWarning("gateway: auth.insecure is set, everybody may do everything");
  }
  for (const std::string& address : config.exposed()) {
    if (IsLoopback(address) || !config.tls.cert_file.empty()) continue;
    LogWarning(
        "gateway: listen.insecure_plaintext is set, others can read along",
        {{"address", address}});
  }
}

// Gauges of a gateway that is there; gone with `admission`.
void AddGauges(const std::shared_ptr<Admission>& admission,
               const std::string& cert_file) {
  Metrics().OnCollect([weak = std::weak_ptr<Admission>(admission), cert_file] {
    const std::shared_ptr<Admission> alive = weak.lock();
    if (alive == nullptr) return;
    Metrics()
        .GetGauge("mitra_tls_certificate_expiry_timestamp_seconds",
                  "When the certificate of the public addresses expires; 0 "
                  "without TLS.")
        .Set(cert_file.empty() ? 0
                               : static_cast<double>(
                                     absl::ToUnixSeconds(ExpiryOf(cert_file))));
    Metrics()
        .GetGauge("mitra_gateway_in_flight", "Calls that are open.")
        .Set(alive->in_flight());
    Metrics()
        .GetGauge("mitra_gateway_concurrency_limit",
                  "Calls that may be open at once, as learned.")
        .Set(alive->limit());
  });
  // So that it can be watched before the first of them.
  Metrics().GetCounter("mitra_gateway_refused_total",
                       "Calls that were not let in.",
                       {{"reason", "OVERLOADED"}});
  Metrics().GetCounter("mitra_gateway_audit_lost_total",
                       "Lines of the audit log that were not written.");
}

}  // namespace

// Members go in the reverse of their order: what others use stands first.
struct GatewayProcess::Parts {
  explicit Parts(const GatewayConfig& given) : config(given) {}

  // Each makes what the next needs.
  absl::Status OpenIdentity();
  absl::Status OpenLimits();
  absl::Status OpenObservers();
  absl::Status OpenLinks();
  absl::Status ServeGrpc();
  absl::Status ServeHttp();
  absl::Status ServeAdmin();

  const GatewayConfig config;
  std::atomic<bool> ready{false};
  rpc::Addresses addresses;

  std::unique_ptr<KeyFileSource> keys;
  std::unique_ptr<TokenSource> tokens;
  std::unique_ptr<Authenticator> authenticator;
  std::unique_ptr<redis::Client> redis;
  std::unique_ptr<QuotaExchange> quotas;
  std::unique_ptr<LastWrites> last_writes;
  std::shared_ptr<Admission> admission;
  CallMetrics metrics;
  std::unique_ptr<AuditLog> audit;
  CallObservers observers;
  std::unique_ptr<const MethodTable> methods;
  std::unique_ptr<const RouteTable> routes;
  std::unique_ptr<Delegations> delegations;
  std::unique_ptr<Forwarder> forwarder;
  std::unique_ptr<GrpcProxy> proxy;
  std::unique_ptr<rpc::Server> grpc;
  Documents documents;
  std::unique_ptr<HttpEdge> edge;
  std::unique_ptr<TlsContext> tls;
  std::unique_ptr<HttpServer> http;
  std::unique_ptr<AdminServer> admin;
  std::unique_ptr<rpc::ChannelzServer> channelz;
};

absl::Status GatewayProcess::Parts::OpenIdentity() {
  if (!config.keys_file.empty()) {
    MITRA_ASSIGN_OR_RETURN(keys, KeyFileSource::Open(config.keys_file));
  }
  if (!config.jwks_file.empty()) {
    MITRA_ASSIGN_OR_RETURN(tokens,
                           TokenSource::Open(config.jwks_file, config.tokens));
  }
  authenticator = std::make_unique<Authenticator>(keys.get(), tokens.get());
  return absl::OkStatus();
}

absl::Status GatewayProcess::Parts::OpenLimits() {
  last_writes = std::make_unique<LocalLastWrites>();
  if (!config.redis.target.empty()) {
    MITRA_ASSIGN_OR_RETURN(
        redis, redis::HiredisClient::Create(config.redis.ClientOptions()));
    last_writes = std::make_unique<SharedLastWrites>(*redis);
    quotas = std::make_unique<SharedQuotas>(*redis);
  }
  admission = std::make_shared<Admission>(config.limits(), quotas.get());
  return absl::OkStatus();
}

absl::Status GatewayProcess::Parts::OpenObservers() {
  AddGauges(admission, config.tls.cert_file);
  observers.Add(&metrics);
  if (config.audit_file.empty()) return absl::OkStatus();
  MITRA_ASSIGN_OR_RETURN(audit, AuditLog::Open(config.audit_file));
  observers.Add(audit.get());
  return absl::OkStatus();
}

absl::Status GatewayProcess::Parts::OpenLinks() {
  MITRA_ASSIGN_OR_RETURN(MethodTable table, MethodTable::Create());
  methods = std::make_unique<const MethodTable>(std::move(table));
  MITRA_ASSIGN_OR_RETURN(RouteTable paths, RouteTable::Create(*methods));
  routes = std::make_unique<const RouteTable>(std::move(paths));
  const auto link = [this](const std::string& target) {
    return rpc::Channel::Create(
        target,
        {.batched = true, .resume_on_queue = true, .tls = config.links});
  };
  const Backends backends = {link(config.profile), link(config.search),
                             link(config.matching)};
  delegations = std::make_unique<RecordedDelegations>(backends.profile);
  forwarder = std::make_unique<Forwarder>(backends, *authenticator, *admission,
                                          *last_writes, *delegations);
  return absl::OkStatus();
}

absl::Status GatewayProcess::Parts::ServeGrpc() {
  proxy = std::make_unique<GrpcProxy>(*methods, *forwarder, observers);
  rpc::Server::Builder builder({.listen = config.grpc_listen,
                                .threads = config.server_threads,
                                .max_in_flight = config.max_in_flight,
                                .trust_identity = false,
                                .tls = config.tls,
                                .drain_pause = config.drain_pause});
  for (const auto& method : methods->methods()) {
    builder.Announce(method->descriptor->service()->full_name());
  }
  builder.Fallback([this](rpc::CallContext& call, rpc::RawStream& stream) {
    return proxy->Handle(call, stream);
  });
  MITRA_ASSIGN_OR_RETURN(grpc, builder.Start());
  addresses.grpc = grpc->addresses();
  return absl::OkStatus();
}

absl::Status GatewayProcess::Parts::ServeHttp() {
  MITRA_ASSIGN_OR_RETURN(documents, MakeDocuments(config, *methods));
  edge = std::make_unique<HttpEdge>(
      *routes, documents, *forwarder, observers,
      [this] { return ready.load(); }, Cors(config.cors_origins));
  HttpServer::Options options;
  options.listen = config.http_listen;
  if (!config.tls.cert_file.empty()) {
    MITRA_ASSIGN_OR_RETURN(tls, TlsContext::Create(config.tls, "tls"));
    options.tls = tls.get();
  }
  MITRA_ASSIGN_OR_RETURN(http, HttpServer::Start(options, *edge));
  addresses.http = http->address();
  return absl::OkStatus();
}

absl::Status GatewayProcess::Parts::ServeAdmin() {
  if (!config.admin.listen.empty()) {
    const auto readiness = [this] {
      return std::vector<AdminServer::Check>{{"serving", ready.load(), ""}};
    };
    MITRA_ASSIGN_OR_RETURN(
        admin, AdminServer::Start({.listen = config.admin.listen,
                                   .service = "gateway",
                                   .readiness = readiness,
                                   .allow_remote = config.admin.allow_remote}));
    addresses.admin = admin->address();
  }
  if (config.channelz_listen.empty()) return absl::OkStatus();
  // After the public server, which must not have it.
  MITRA_ASSIGN_OR_RETURN(channelz,
                         rpc::ChannelzServer::Start(config.channelz_listen));
  LogInfo("gateway: channelz", {{"address", channelz->address()}});
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<GatewayProcess>> GatewayProcess::Start(
    const GatewayConfig& config) {
  MITRA_RETURN_IF_ERROR(config.Check());
  WarnOfWhatIsOpen(config);
  auto parts = std::make_unique<Parts>(config);
  MITRA_RETURN_IF_ERROR(parts->OpenIdentity());
  MITRA_RETURN_IF_ERROR(parts->OpenLimits());
  MITRA_RETURN_IF_ERROR(parts->OpenObservers());
  MITRA_RETURN_IF_ERROR(parts->OpenLinks());
  MITRA_RETURN_IF_ERROR(parts->ServeGrpc());
  parts->ready = true;
  MITRA_RETURN_IF_ERROR(parts->ServeHttp());
  MITRA_RETURN_IF_ERROR(parts->ServeAdmin());
  parts->grpc->SetServing(true);
  return std::unique_ptr<GatewayProcess>(new GatewayProcess(std::move(parts)));
}

GatewayProcess::GatewayProcess(std::unique_ptr<Parts> parts)
    : parts_(std::move(parts)) {}

GatewayProcess::~GatewayProcess() = default;

const rpc::Addresses& GatewayProcess::addresses() const {
  return parts_->addresses;
}

void GatewayProcess::Drain() {
  parts_->ready = false;
  parts_->grpc->SetServing(false);
  parts_->http->Drain(kHttpGrace);
  parts_->grpc->Drain();
}

}  // namespace mitra::gateway
