// What matching knows as a file, so that a restart goes on where it stopped
// instead of asking the feed for everything.

#ifndef MITRA_SERVICES_MATCHING_STATE_STATE_SNAPSHOT_H_
#define MITRA_SERVICES_MATCHING_STATE_STATE_SNAPSHOT_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/snapshot/snapshot.h"
#include "services/matching/state/known_network.h"
#include "services/matching/trust/vouching.h"

namespace mitra::matching {

// Writes the network as of `watermark` to `path`, atomically. What waits for a
// member is told again only by the feed: it is saved too. `vouching` may be
// null.
absl::Status WriteStateSnapshot(const KnownNetwork& network,
                                const Vouching* vouching, uint64_t watermark,
                                const std::string& path);

struct RestoredState {
  uint64_t watermark = 0;
  std::shared_ptr<const Vouching> vouching;  // null: nobody was weighed
};

// The newest at `path` whose checksums are right; NOT_FOUND if there is none.
absl::StatusOr<std::unique_ptr<snapshot::Reader>> OpenStateSnapshot(
    const std::string& path);

// Reads it into an empty network. After an error (DATA_LOSS: damaged;
// FAILED_PRECONDITION: of another taxonomy) the network may hold part of it.
absl::StatusOr<RestoredState> ReadStateSnapshot(snapshot::Reader& reader,
                                                KnownNetwork& network);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_STATE_STATE_SNAPSHOT_H_
