// One matching process: all parts, in the order in which they depend on each
// other, started and stopped together. Tests run it inside themselves.

#ifndef MITRA_SERVICES_MATCHING_RPC_MATCHING_PROCESS_H_
#define MITRA_SERVICES_MATCHING_RPC_MATCHING_PROCESS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "common/rpc/lifecycle.h"
#include "services/matching/rpc/matching_config.h"

namespace mitra::matching {

class MatchingProcess {
 public:
  // `shutdown` is raised when the process cannot go on.
  static absl::StatusOr<std::unique_ptr<MatchingProcess>> Start(
      const MatchingConfig& config, rpc::ShutdownSignal& shutdown);
  ~MatchingProcess();

  const rpc::Addresses& addresses() const;
  // Brings what health checks tell up to date; call it several times a second.
  void UpdateHealth();
  // Lets open calls finish, then stops and keeps a last snapshot.
  absl::Status Drain();

 private:
  struct Parts;
  explicit MatchingProcess(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_MATCHING_PROCESS_H_
