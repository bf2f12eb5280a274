#include "services/matching/rpc/epoch_teller.h"

#include <string>

#include "common/rpc/task.h"
#include "mitra/v1/events_service.pb.h"

namespace mitra::matching {

void EpochTeller::Tell(const EpochState& state, absl::Duration timeout) {
  if (state.order <= told_) return;
  v1::TellEpochRequest request;
  request.mutable_epoch()->set_order(state.order);
  for (const auto& [kind, one] : state.kinds) {
    v1::KindEpochs& epochs = *request.mutable_epoch()->add_kinds();
    epochs.set_kind(kind);
    for (const uint64_t epoch : one.epochs) epochs.add_epochs(epoch);
  }
  rpc::CallContext call;
  call.deadline = absl::Now() + timeout;
  std::string method = "/mitra.v1.Events/TellEpoch";
  const auto response = rpc::SyncWait(
      record_->Call<v1::TellEpochResponse>(call, std::move(method), request));
  // A record that is away is told the next time.
  if (response.ok()) told_ = state.order;
}

}  // namespace mitra::matching
