// Memory that was freed goes back to the system.

#ifndef MITRA_SERVICES_SEARCH_MAINTENANCE_FREE_MEMORY_H_
#define MITRA_SERVICES_SEARCH_MAINTENANCE_FREE_MEMORY_H_

namespace mitra::search {

// Gives back what the allocator keeps for later. Building a graph or reading a
// snapshot takes as much memory again as the index, and nobody needs it soon.
// Milliseconds for each 100 MB, during which others may wait for memory.
void ReturnFreeMemory();

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_MAINTENANCE_FREE_MEMORY_H_
