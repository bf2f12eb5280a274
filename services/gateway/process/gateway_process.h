// One gateway: all parts, in the order in which they depend on each other,
// started and stopped together. Tests may run it inside themselves.

#ifndef MITRA_SERVICES_GATEWAY_PROCESS_GATEWAY_PROCESS_H_
#define MITRA_SERVICES_GATEWAY_PROCESS_GATEWAY_PROCESS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "common/rpc/lifecycle.h"
#include "services/gateway/process/gateway_config.h"

namespace mitra::gateway {

class GatewayProcess {
 public:
  // Serves when it returns. The error of whatever is wrong, naming the field of
  // the configuration.
  static absl::StatusOr<std::unique_ptr<GatewayProcess>> Start(
      const GatewayConfig& config);
  ~GatewayProcess();
  GatewayProcess(const GatewayProcess&) = delete;
  GatewayProcess& operator=(const GatewayProcess&) = delete;

  // Where it listens, with the ports that were chosen.
  const rpc::Addresses& addresses() const;

  // Says that it takes no more calls and lets open ones end. Blocks.
  void Drain();

 private:
  struct Parts;
  explicit GatewayProcess(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace mitra::gateway

#endif  // MITRA_SERVICES_GATEWAY_PROCESS_GATEWAY_PROCESS_H_
