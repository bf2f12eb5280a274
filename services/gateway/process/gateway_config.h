// The gateway's configuration: what may be set, and what fits together.

#ifndef MITRA_SERVICES_GATEWAY_PROCESS_GATEWAY_CONFIG_H_
#define MITRA_SERVICES_GATEWAY_PROCESS_GATEWAY_CONFIG_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/config/service_config.h"
#include "common/redis/redis_config.h"
#include "common/security/tls_files.h"
#include "services/gateway/edge/admission.h"
#include "services/gateway/edge/token_source.h"

namespace mitra::gateway {

struct GatewayConfig {
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

  void AddTo(Schema& schema);

  // INVALID_ARGUMENT naming the field: a service that is not named, a limit
  // that fits no other, links whose certificates are wrong, an address that
  // others reach without TLS or identity. The certificates of the listeners are
  // checked by those who use them.
  absl::Status Check() const;

  // Whether callers must show who they are.
  bool identity() const { return !keys_file.empty() || !jwks_file.empty(); }
  // Where callers come in.
  std::vector<std::string> exposed() const;
  Admission::Options limits() const;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_PROCESS_GATEWAY_CONFIG_H_
