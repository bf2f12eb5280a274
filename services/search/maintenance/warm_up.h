// What is asked before the first caller may ask.

#ifndef MITRA_SERVICES_SEARCH_MAINTENANCE_WARM_UP_H_
#define MITRA_SERVICES_SEARCH_MAINTENANCE_WARM_UP_H_

#include <atomic>
#include <cstddef>

#include "services/search/index/index_view.h"
#include "services/search/partition/role_search.h"

namespace mitra::search {

// Asks for the likes of some members of each role, so that code, tables and the
// ways into the graphs are in memory and nearby when callers come. Returns how
// many questions were answered. About 0.2 ms each.
size_t WarmUp(const IndexView& view, const SearchPlan& plan,
              const std::atomic<bool>& stop);

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_MAINTENANCE_WARM_UP_H_
