// The index on disk: written from a view, read back into an IndexState.

#ifndef MITRA_SERVICES_SEARCH_SNAPSHOT_INDEX_SNAPSHOT_H_
#define MITRA_SERVICES_SEARCH_SNAPSHOT_INDEX_SNAPSHOT_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "common/feed/follower.h"
#include "services/search/index/index_state.h"

namespace mitra::search {

struct WrittenSnapshot {
  uint64_t revision = 0;
  uint64_t bytes = 0;
};

// Writes the state of now to `path`; the one before stays as ".prev". Takes no
// lock that readers or the feed would wait for. FAILED_PRECONDITION if there is
// nothing to write yet. One call at a time.
absl::StatusOr<WrittenSnapshot> WriteIndexSnapshot(const IndexState& state,
                                                   const std::string& path);

// Restores the newest snapshot that is whole and fits this program's tables:
// `path`, else ".prev". Says where the feed must go on; zero if there is none
// to use (the reason is logged).
feed::Position RestoreIndexSnapshot(IndexState& state, const std::string& path);

// Removes both, for when they are of another embedding space.
void RemoveIndexSnapshots(const std::string& path);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_SNAPSHOT_INDEX_SNAPSHOT_H_
