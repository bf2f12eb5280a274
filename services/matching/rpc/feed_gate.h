// What handlers of matching need to know of the feed.

#ifndef MITRA_SERVICES_MATCHING_RPC_FEED_GATE_H_
#define MITRA_SERVICES_MATCHING_RPC_FEED_GATE_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "common/rpc/call_context.h"
#include "common/rpc/task.h"
#include "services/matching/state/matching_state.h"

namespace mitra::matching {

struct FeedGate {
  // The state has caught up once.
  std::function<bool()> ready = [] { return true; };
  // True once `revision` is applied; false when waiting took too long.
  std::function<rpc::Task<bool>(rpc::CallContext&, uint64_t revision)> wait;
};

// OK, or UNAVAILABLE (NOT_READY) with a delay for the retry.
absl::Status CheckReady(bool ready);

// Tells the caller which revision it was answered from.
void NameRevision(const MatchingView& view, rpc::CallContext& call);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_FEED_GATE_H_
