// Helps another process of the cluster with its refresh: takes numbers of
// chunks from the queue, asks whose turn that is, and sends what it finds.

#ifndef MITRA_SERVICES_MATCHING_RPC_REFRESH_HELPER_H_
#define MITRA_SERVICES_MATCHING_RPC_REFRESH_HELPER_H_

#include <atomic>
#include <functional>
#include <string>

#include "absl/time/time.h"
#include "common/rpc/channel.h"
#include "services/matching/refresh/chunk_queue.h"
#include "services/matching/refresh/lease.h"
#include "services/matching/refresh/refresh_job.h"

namespace mitra::matching {

// Not thread-safe. Everything must outlive it. `tools.redis` is not null.
class RefreshHelper {
 public:
  RefreshHelper(const RefreshTools& tools, std::string name)
      : tools_(tools), name_(std::move(name)) {}

  // Works at the refresh until nothing is left of it, somebody stops it, or
  // its coordinator does not answer. Blocks. Returns how many chunks it sent.
  size_t Help(const Announcement& announcement, const std::atomic<bool>& stop);

 private:
  // True if there may be more.
  bool OneChunk(rpc::Channel& coordinator, const std::string& refresh_id,
                ChunkQueue& queue, const std::atomic<bool>& stop,
                std::atomic<size_t>& sent);

  const RefreshTools& tools_;
  const std::string name_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_RPC_REFRESH_HELPER_H_
