// What has become of a refresh's recommendations: read from the record.

#ifndef MITRA_SERVICES_MATCHING_RPC_REFRESH_FUNNEL_H_
#define MITRA_SERVICES_MATCHING_RPC_REFRESH_FUNNEL_H_

#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "common/rpc/channel.h"
#include "services/matching/refresh/funnel.h"

namespace mitra::matching {

// Thread-safe.
class RefreshFunnel {
 public:
  explicit RefreshFunnel(std::shared_ptr<rpc::Channel> record)
      : record_(std::move(record)) {}

  // Adds the engagements that were asked for and the feedback of things that
  // happened in [from, until). Goes through all that the record holds of both.
  // Errors: those of the record.
  rpc::Task<absl::Status> Count(rpc::CallContext& call, absl::Time from,
                                absl::Time until, Funnel& funnel) const;

 private:
  const std::shared_ptr<rpc::Channel> record_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_REFRESH_FUNNEL_H_
