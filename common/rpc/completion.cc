#include "common/rpc/completion.h"

#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"

namespace mitra::rpc::internal {
namespace {

struct Guests {
  absl::Mutex mutex;
  absl::flat_hash_map<grpc::CompletionQueue*,
                      std::vector<std::function<void()>>>
      by_queue ABSL_GUARDED_BY(mutex);
};

Guests& AllGuests() {
  static auto* const guests = new Guests;  // outlives all servers
  return *guests;
}

}  // namespace

void OnQueueEnd(grpc::CompletionQueue* queue, std::function<void()> stop) {
  Guests& guests = AllGuests();
  absl::MutexLock lock(&guests.mutex);
  guests.by_queue[queue].push_back(std::move(stop));
}

void EndGuests(grpc::CompletionQueue* queue) {
  Guests& guests = AllGuests();
  std::vector<std::function<void()>> stops;
  {
    absl::MutexLock lock(&guests.mutex);
    const auto at = guests.by_queue.find(queue);
    if (at == guests.by_queue.end()) return;
    stops = std::move(at->second);
    guests.by_queue.erase(at);
  }
  for (const auto& stop : stops) stop();
}

}  // namespace mitra::rpc::internal
