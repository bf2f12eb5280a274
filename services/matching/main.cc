// The matching service: who fits whom, weighted by trust. Follows the record's
// feed, asks search for candidates, shares slates through Redis.
//
//   mitra-matching --config=matching.toml

#include "common/config/main.h"

#include <cstdlib>

#include "absl/time/time.h"
#include "common/rpc/lifecycle.h"
#include "common/status/status_macros.h"
#include "services/matching/rpc/matching_config.h"
#include "services/matching/rpc/matching_process.h"

namespace {

constexpr absl::Duration kHealthInterval = absl::Milliseconds(100);

absl::Status Run(const mitra::matching::MatchingConfig& config) {
  mitra::rpc::ShutdownSignal shutdown;
  MITRA_ASSIGN_OR_RETURN(
      const auto process,
      mitra::matching::MatchingProcess::Start(config, shutdown));
  MITRA_RETURN_IF_ERROR(
      mitra::rpc::WriteAddressFile(config.service.admin.address_file, process->addresses()));
  do {
    process->UpdateHealth();
  } while (!shutdown.WaitFor(kHealthInterval));
  return process->Drain();
}

}  // namespace

int main(int argc, char** argv) {
  // As in the search service: few peers over streams, and no thread should take
  // in what came for another one and then have to wake it.
  setenv("GRPC_POLL_STRATEGY", "poll", /*overwrite=*/0);
  mitra::matching::MatchingConfig config;
  mitra::Schema schema("matching");
  config.AddTo(schema);
  return mitra::RunMain(argc, argv, "matching", schema,
                        [&config] { return Run(config); });
}
