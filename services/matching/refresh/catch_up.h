// What a refresh waits for before it begins: this process and search must have
// read what the record held when it was started. Search that is behind does not
// know the members, finds nobody for them, and all slates would be empty.

#ifndef MITRA_SERVICES_MATCHING_REFRESH_CATCH_UP_H_
#define MITRA_SERVICES_MATCHING_REFRESH_CATCH_UP_H_

#include <cstdint>
#include <functional>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "services/matching/refresh/refresh_job.h"

namespace mitra::matching {

// `wanted`: a revision that the caller wants at least. Blocks for at most
// tools.catch_up; calls `on_wait` once if it has to wait. `pause` waits for a
// time, or until the refresh is stopped, and then returns false.
// UNAVAILABLE when the time is over: MATCHING_BEHIND or SEARCH_BEHIND, with how
// far it is and how far it should be, or SEARCH_UNAVAILABLE if search did not
// answer. CANCELLED once `pause` has returned false.
absl::Status CatchUp(const RefreshTools& tools, uint64_t wanted,
                     const std::function<bool(absl::Duration)>& pause,
                     const std::function<void()>& on_wait);

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_REFRESH_CATCH_UP_H_
