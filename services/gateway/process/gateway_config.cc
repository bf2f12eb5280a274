#include "services/gateway/process/gateway_config.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "common/security/exposure.h"
#include "common/status/errors.h"
#include "common/status/status_macros.h"

namespace mitra::gateway {

void GatewayConfig::AddTo(Schema& schema) {
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
  schema.Add("auth.jwt_platforms", &tokens.platforms,
             "Whether tokens that name no member are taken, as a platform's.");
  schema.Add("audit.file", &audit_file,
             "File that all writes are noted in, one JSON object a line; "
             "empty: none.");
  schema.Add("auth.insecure", &insecure,
             "Let everybody do everything; loopback only.");
  schema.Add("listen.insecure_plaintext", &insecure_plaintext,
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
      .Add("limits.units_per_second", &units_per_second,
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

absl::Status GatewayConfig::Check() const {
  for (const auto& [name, target] :
       {std::pair("backends.profile", &profile),
        std::pair("backends.search", &search),
        std::pair("backends.matching", &matching)}) {
    if (target->empty()) return InvalidField(name, "is required");
  }
  MITRA_RETURN_IF_ERROR(CheckTlsFiles(links, "links", absl::Now()));
  MITRA_RETURN_IF_ERROR(Admission::Check(limits()));
  return CheckExposure(exposed(), {.identity = identity(),
                                   .tls = !tls.cert_file.empty(),
                                   .insecure_identity = insecure,
                                   .insecure_plaintext = insecure_plaintext});
}

std::vector<std::string> GatewayConfig::exposed() const {
  std::vector<std::string> addresses = grpc_listen;
  addresses.push_back(http_listen);
  return addresses;
}

Admission::Options GatewayConfig::limits() const {
  return {.max_in_flight = max_in_flight,
          .adaptive = adaptive,
          .min_in_flight = std::min(min_in_flight, max_in_flight),
          .units_per_second = units_per_second,
          .burst_units = burst_units};
}

}  // namespace mitra::gateway
