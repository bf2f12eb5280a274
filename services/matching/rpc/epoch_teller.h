// Tells the record which slates are current, for those who follow its events.

#ifndef MITRA_SERVICES_MATCHING_RPC_EPOCH_TELLER_H_
#define MITRA_SERVICES_MATCHING_RPC_EPOCH_TELLER_H_

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "common/rpc/channel.h"
#include "services/matching/refresh/epoch_keeper.h"

namespace mitra::matching {

// For one thread. Every process tells what it knows; the record keeps what is
// latest, so that it does no harm when several do, or none for a while.
class EpochTeller {
 public:
  explicit EpochTeller(std::shared_ptr<rpc::Channel> record)
      : record_(std::move(record)) {}

  // Waits for the record at most `timeout`, unless it knows this already.
  void Tell(const EpochState& state, absl::Duration timeout);

 private:
  const std::shared_ptr<rpc::Channel> record_;
  uint64_t told_ = 0;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_EPOCH_TELLER_H_
