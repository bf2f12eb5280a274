// The gateway: who are you, may you, how much, until when, which service.
//
//   mitra-gateway --backends.profile=unix:… --backends.search=unix:…
//       --backends.matching=unix:… --auth.keys_file=keys.jsonl

#include "common/config/main.h"

#include "common/rpc/lifecycle.h"
#include "common/status/status_macros.h"
#include "services/gateway/process/gateway_config.h"
#include "services/gateway/process/gateway_process.h"

namespace {

absl::Status Run(const mitra::gateway::GatewayConfig& config) {
  mitra::rpc::ShutdownSignal shutdown;
  MITRA_ASSIGN_OR_RETURN(const auto process,
                         mitra::gateway::GatewayProcess::Start(config));
  MITRA_RETURN_IF_ERROR(mitra::rpc::WriteAddressFile(config.admin.address_file,
                                                     process->addresses()));
  shutdown.Wait();
  process->Drain();
  return absl::OkStatus();
}

}  // namespace

int main(int argc, char** argv) {
  mitra::gateway::GatewayConfig config;
  mitra::Schema schema("gateway");
  config.AddTo(schema);
  return mitra::RunMain(argc, argv, "gateway", schema,
                        [&config] { return Run(config); });
}
