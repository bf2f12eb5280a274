// Hands out the numbers of chunks to every process that helps, over a Redis
// stream with a consumer group.
//
// The stream is a convenience, not the truth: what is done stands in the
// ledger. A number that is handed out twice costs a computation; numbers that
// Redis has lost are found by the coordinator, who goes through its ledger when
// the stream has nothing left.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_CHUNK_QUEUE_H_
#define MITRA_SERVICES_MATCHING_REFRESH_CHUNK_QUEUE_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "common/redis/client.h"

namespace mitra::matching {

// Thread-safe. Methods wait for Redis.
class ChunkQueue {
 public:
  struct Options {
    absl::Duration timeout = absl::Seconds(2);
    // A number that its consumer has had for longer is given to another.
    absl::Duration abandoned = absl::Seconds(15);
  };
  // `consumer` is this process's name. `client` must outlive the queue.
  ChunkQueue(redis::Client& client, const std::string& refresh_id,
             std::string consumer, Options options);

  // Makes the stream anew with these numbers. For the coordinator.
  absl::Status Fill(absl::Span<const uint32_t> chunks);

  struct Claim {
    uint32_t chunk = 0;
    std::string entry;
  };
  // The next number, or one of a consumer that seems dead; nothing when all
  // are handed out. NOT_FOUND if there is no such stream (any more).
  absl::StatusOr<std::optional<Claim>> Take();
  // The chunk is done. Does not wait.
  void Done(const Claim& claim);
  // Removes the stream. Does not wait.
  void Remove();

 private:
  absl::StatusOr<redis::Reply> Execute(std::vector<std::string> args);

  redis::Client& client_;
  const std::string key_;
  const std::string consumer_;
  const Options options_;
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_CHUNK_QUEUE_H_
