// The gateway: who are you, may you, how much, until when, which service.
//
//   mitra-gateway --backends.profile=unix:… --backends.search=unix:…
//       --backends.matching=unix:… --auth.keys_file=keys.jsonl

#include "common/config/main.h"

#include <memory>

#include "common/config/service_config.h"
#include "common/observability/admin_server.h"
#include "common/observability/log.h"
#include "common/observability/metrics.h"
#include "common/redis/redis_config.h"
#include "common/rpc/channel.h"
#include "common/rpc/channelz_server.h"
#include "common/rpc/lifecycle.h"
#include "common/rpc/server.h"
#include "common/security/exposure.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"
#include "services/gateway/api/api_page.h"
#include "services/gateway/api/openapi.h"
#include "services/gateway/console/console.h"
#include "services/gateway/edge/audit_log.h"
#include "services/gateway/edge/call_metrics.h"
#include "services/gateway/edge/key_file_source.h"
#include "services/gateway/edge/token_source.h"
#include "services/gateway/http/http_edge.h"
#include "services/gateway/http/tls_context.h"
#include "services/gateway/proxy/grpc_proxy.h"
#include "services/gateway/proxy/shared_quotas.h"

namespace mitra::gateway {
namespace {

struct Config {
  std::string profile, search, matching;
  std::vector<std::string> grpc_listen = {"127.0.0.1:0"};
  std::string http_listen = "127.0.0.1:0";
  AdminConfig admin;
  std::string channelz_listen;
  redis::RedisConfig redis;
  std::string keys_file;
  std::string jwks_file;
  TokenSource::Options tokens;
  std::string audit_file;
  TlsFiles tls, links;
  std::vector<std::string> cors_origins;
  bool insecure = false;
  bool insecure_plaintext = false;
  std::string console_dir;
  std::string console_d3 = "/usr/share/nodejs/d3/dist/d3.min.js";
  int server_threads = 1;
  int max_in_flight = 1000;
  bool adaptive = true;
  int min_in_flight = 100;
  double units_per_second = 0;
  double burst_units = 0;
  absl::Duration drain_pause = absl::ZeroDuration();

  bool identity() const { return !keys_file.empty() || !jwks_file.empty(); }

  void AddTo(Schema& schema) {
    schema.Add("backends.profile", &profile, "Where the profile service is.");
    schema.Add("backends.search", &search, "Where the search service is.");
    schema.Add("backends.matching", &matching, "Where matching is.");
    schema.Add("grpc.listen", &grpc_listen, "Where gRPC listens.");
    schema.Add("http.listen", &http_listen, "Where HTTP/JSON listens.");
    admin.AddTo(schema);
    schema.Add("admin.channelz_listen", &channelz_listen,
               "Where gRPC's channelz is, on loopback; empty: off.");
    redis.AddTo(schema,
                "each gateway remembers writes and counts quotas for itself");
    schema.Add("auth.keys_file", &keys_file, "File of the API keys.");
    schema.Add("auth.jwks_file", &jwks_file,
               "File of the keys that sign tokens (JWKS); empty: no tokens.");
    schema.Add("auth.jwt_issuer", &tokens.rules.issuer,
               "Who must have issued a token (iss).");
    schema.Add("auth.jwt_audience", &tokens.rules.audience,
               "For whom a token must be (aud).");
    schema.Add("auth.jwt_member_claim", &tokens.rules.member_claim,
               "The claim of a token that names the member.");
    schema.Add("auth.jwt_scope_claim", &tokens.rules.scope_claim,
               "The claim of a token that holds its scopes.");
    schema
        .Add("auth.jwt_leeway", &tokens.rules.leeway,
             "How far the issuer's clock may differ.")
        .Range(0, 600);
    schema.Add(
        "auth.jwt_platforms", &tokens.platforms,
        "Whether tokens that name no member are taken, as a platform's.");
    schema.Add("audit.file", &audit_file,
               "File that all writes are noted in, one JSON object a line; "
               "empty: none.");
    schema.Add("auth.insecure", &insecure,
               "Let everybody do everything; loopback only.");
    schema.Add(
        "listen.insecure_plaintext", &insecure_plaintext,
        "Let other machines connect without TLS, so that keys and data "
        "travel in the clear; for networks that are safe by themselves.");
    AddTlsFiles(schema, "tls", "the public addresses", tls);
    AddTlsFiles(schema, "links", "the links to the services", links);
    schema.Add("http.cors_origins", &cors_origins,
               "Origins whose pages may call the API; empty: none.");
    schema.Add("console.dir", &console_dir,
               "Folder of the web console, served at /console/; empty: none.");
    schema.Add("console.d3", &console_d3,
               "The library that the console draws with.");
    schema.Add("server.threads", &server_threads, "Threads that forward calls.")
        .Range(1, 256);
    schema
        .Add("limits.max_in_flight", &max_in_flight,
             "Calls open at once, at most.")
        .Range(1, 1e6);
    schema.Add("limits.adaptive", &adaptive,
               "Take fewer calls at once while they take longer than usual.");
    schema
        .Add("limits.min_in_flight", &min_in_flight,
             "Calls open at once that are taken however slow.")
        .Range(1, 1e6);
    schema
        .Add(
            "limits.units_per_second", &units_per_second,
            "Quota of each credential, in units of the methods' cost; 0: none.")
        .Range(0, 1e9);
    schema
        .Add("limits.burst_units", &burst_units,
             "Units saved up at most; 0: what flows in during a second.")
        .Range(0, 1e9);
    schema
        .Add("drain.pause", &drain_pause,
             "How long to answer NOT_SERVING before refusing calls.")
        .Range(0, 60);
  }
};

// What the gateway tells about itself, and the console.
absl::StatusOr<Documents> MakeDocuments(const Config& config,
                                        const MethodTable& methods) {
  MITRA_ASSIGN_OR_RETURN(const ProtoDocs docs, ProtoDocs::Create());
  Documents documents;
  documents.Add("/openapi.json", "application/json",
                OpenApiJson(methods, docs));
  documents.Add("/docs", "text/html; charset=utf-8", ApiPage(methods, docs));
  documents.Add("/docs/style.css", "text/css; charset=utf-8", ApiPageStyle());
  if (!config.console_dir.empty()) {
    MITRA_RETURN_IF_ERROR(
        AddConsole(config.console_dir, config.console_d3, documents));
  }
  return documents;
}

void WarnOfWhatIsOpen(const Config& config,
                      const std::vector<std::string>& addresses) {
  if (!config.identity()) {
    LogWarning("gateway: auth.insecure is set, everybody may do everything");
  }
  for (const std::string& address : addresses) {
    if (IsLoopback(address) || !config.tls.cert_file.empty()) continue;
    LogWarning(
        "gateway: listen.insecure_plaintext is set, others can read along",
        {{"address", address}});
  }
}

absl::Status Run(const Config& config) {
  for (const auto& [name, target] :
       {std::pair("backends.profile", &config.profile),
        std::pair("backends.search", &config.search),
        std::pair("backends.matching", &config.matching)}) {
    if (target->empty()) return InvalidField(name, "is required");
  }
  MITRA_RETURN_IF_ERROR(CheckTlsFiles(config.links, "links", absl::Now()));
  rpc::ShutdownSignal shutdown;
  std::vector<std::string> exposed = config.grpc_listen;
  exposed.push_back(config.http_listen);
  MITRA_RETURN_IF_ERROR(CheckExposure(
      exposed, {.identity = config.identity(),
                .tls = !config.tls.cert_file.empty(),
                .insecure_identity = config.insecure,
                .insecure_plaintext = config.insecure_plaintext}));
  WarnOfWhatIsOpen(config, exposed);
  std::unique_ptr<KeyFileSource> keys;  // edge: who may do what
  if (!config.keys_file.empty()) {
    MITRA_ASSIGN_OR_RETURN(keys, KeyFileSource::Open(config.keys_file));
  }
  std::unique_ptr<TokenSource> tokens;
  if (!config.jwks_file.empty()) {
    MITRA_ASSIGN_OR_RETURN(tokens,
                           TokenSource::Open(config.jwks_file, config.tokens));
  }
  const Authenticator authenticator(keys.get(), tokens.get());
  const Admission::Options limits = {
      .max_in_flight = config.max_in_flight,
      .adaptive = config.adaptive,
      .min_in_flight = std::min(config.min_in_flight, config.max_in_flight),
      .units_per_second = config.units_per_second,
      .burst_units = config.burst_units};
  MITRA_RETURN_IF_ERROR(Admission::Check(limits));
  std::unique_ptr<redis::Client> redis;
  std::unique_ptr<QuotaExchange> quotas;
  std::unique_ptr<LastWrites> last_writes = std::make_unique<LocalLastWrites>();
  if (!config.redis.target.empty()) {
    MITRA_ASSIGN_OR_RETURN(
        redis, redis::HiredisClient::Create(config.redis.ClientOptions()));
    last_writes = std::make_unique<SharedLastWrites>(*redis);
    quotas = std::make_unique<SharedQuotas>(*redis);
  }
  Admission admission(limits, quotas.get());
  Metrics().OnCollect([&admission, &config] {
    const std::string& cert = config.tls.cert_file;
    Metrics()
        .GetGauge("mitra_tls_certificate_expiry_timestamp_seconds",
                  "When the certificate of the public addresses expires; 0 "
                  "without TLS.")
        .Set(cert.empty()
                 ? 0
                 : static_cast<double>(absl::ToUnixSeconds(ExpiryOf(cert))));
    Metrics()
        .GetGauge("mitra_gateway_in_flight", "Calls that are open.")
        .Set(admission.in_flight());
    Metrics()
        .GetGauge("mitra_gateway_concurrency_limit",
                  "Calls that may be open at once, as learned.")
        .Set(admission.limit());
  });
  CallMetrics metrics;
  // So that it can be watched before the first of them.
  Metrics().GetCounter("mitra_gateway_refused_total",
                       "Calls that were not let in.",
                       {{"reason", "OVERLOADED"}});
  Metrics().GetCounter("mitra_gateway_audit_lost_total",
                       "Lines of the audit log that were not written.");
  CallObservers observers;
  observers.Add(&metrics);
  std::unique_ptr<AuditLog> audit;
  if (!config.audit_file.empty()) {
    MITRA_ASSIGN_OR_RETURN(audit, AuditLog::Open(config.audit_file));
    observers.Add(audit.get());
  }

  MITRA_ASSIGN_OR_RETURN(const MethodTable methods, MethodTable::Create());
  MITRA_ASSIGN_OR_RETURN(const RouteTable routes, RouteTable::Create(methods));
  const auto link = [&config](const std::string& target) {
    return rpc::Channel::Create(target, {.batched = true,
                                         .resume_on_queue = true,
                                         .tls = config.links});
  };
  const Backends backends = {link(config.profile), link(config.search),
                             link(config.matching)};
  RecordedDelegations delegations(backends.profile);
  Forwarder forwarder(backends, authenticator, admission, *last_writes,
                      delegations);

  GrpcProxy proxy(methods, forwarder, observers);  // the two ways in
  rpc::Server::Builder builder({.listen = config.grpc_listen,
                                .threads = config.server_threads,
                                .max_in_flight = config.max_in_flight,
                                .trust_identity = false,
                                .tls = config.tls,
                                .drain_pause = config.drain_pause});
  for (const auto& method : methods.methods()) {
    builder.Announce(method->descriptor->service()->full_name());
  }
  builder.Fallback([&proxy](rpc::CallContext& call, rpc::RawStream& stream) {
    return proxy.Handle(call, stream);
  });
  MITRA_ASSIGN_OR_RETURN(const auto grpc, builder.Start());
  std::atomic<bool> ready{true};
  MITRA_ASSIGN_OR_RETURN(const Documents documents,
                         MakeDocuments(config, methods));
  HttpEdge edge(
      routes, documents, forwarder, observers,
      [&ready] { return ready.load(); }, Cors(config.cors_origins));
  HttpServer::Options http_options;
  http_options.listen = config.http_listen;
  std::unique_ptr<TlsContext> tls;
  if (!config.tls.cert_file.empty()) {
    MITRA_ASSIGN_OR_RETURN(tls, TlsContext::Create(config.tls, "tls"));
    http_options.tls = tls.get();
  }
  MITRA_ASSIGN_OR_RETURN(const auto http,
                         HttpServer::Start(http_options, edge));

  rpc::Addresses addresses = {.grpc = grpc->addresses(),
                              .http = http->address()};
  std::unique_ptr<AdminServer> admin;
  if (!config.admin.listen.empty()) {
    AdminServer::Options options = {
        .listen = config.admin.listen,
        .service = "gateway",
        .readiness =
            [&ready] {
              return std::vector<AdminServer::Check>{
                  {"serving", ready.load(), ""}};
            },
        .allow_remote = config.admin.allow_remote};
    MITRA_ASSIGN_OR_RETURN(admin, AdminServer::Start(options));
    addresses.admin = admin->address();
  }
  std::unique_ptr<rpc::ChannelzServer> channelz;
  if (!config.channelz_listen.empty()) {
    // After the public server, which must not have it.
    MITRA_ASSIGN_OR_RETURN(channelz,
                           rpc::ChannelzServer::Start(config.channelz_listen));
    LogInfo("gateway: channelz", {{"address", channelz->address()}});
  }
  grpc->SetServing(true);
  MITRA_RETURN_IF_ERROR(
      rpc::WriteAddressFile(config.admin.address_file, addresses));
  shutdown.Wait();
  ready = false;
  grpc->SetServing(false);
  http->Drain(absl::Seconds(10));
  grpc->Drain();
  return absl::OkStatus();
}

}  // namespace
}  // namespace mitra::gateway

int main(int argc, char** argv) {
  mitra::gateway::Config config;
  mitra::Schema schema("gateway");
  config.AddTo(schema);
  return mitra::RunMain(argc, argv, "gateway", schema,
                        [&config] { return mitra::gateway::Run(config); });
}
