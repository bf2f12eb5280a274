// Memory of the published lists. Internal to graph/.
//
// Walks read lists at random: where each lies on pages of its own size, the
// search for the page costs as much as the miss itself. So lists come from
// regions of huge pages, where the system grants them; each begins so that its
// edges begin with a cache line. What is freed is used again by lists of about
// the same size; a region goes back to the system with the arena.

#ifndef MITRA_SERVICES_MATCHING_GRAPH_LIST_ARENA_H_
#define MITRA_SERVICES_MATCHING_GRAPH_LIST_ARENA_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/synchronization/mutex.h"

namespace mitra::matching {

// Thread-safe.
class alignas(64) ListArena {
 public:
  // Bytes in front of what Allocate gives, to the cache line's begin.
  static constexpr size_t kPrefix = 8;

  ListArena() = default;
  ~ListArena();
  ListArena(const ListArena&) = delete;
  ListArena& operator=(const ListArena&) = delete;

  // At least `bytes`, kPrefix behind the begin of a cache line.
  char* Allocate(size_t bytes);
  // Gives back what any arena has allocated, on any thread. The arena must
  // still live.
  static void Free(void* list);

  // Held from the system, free parts too.
  size_t bytes() const;

 private:
  static constexpr size_t kLine = 64;
  // Blocks of 1 to 16 lines, then each class a quarter larger than the last.
  static constexpr size_t kClasses = 48;
  static constexpr size_t kFineClasses = 16;
  struct Region {
    char* begin = nullptr;
    size_t size = 0;
  };

  static const std::array<size_t, kClasses>& Lines();
  static size_t ClassOf(size_t lines);
  char* Carve(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  mutable absl::Mutex mutex_;
  std::vector<Region> regions_ ABSL_GUARDED_BY(mutex_);
  char* next_ ABSL_GUARDED_BY(mutex_) = nullptr;
  size_t left_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  std::array<std::vector<char*>, kClasses> free_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace mitra::matching

#endif  // MITRA_SERVICES_MATCHING_GRAPH_LIST_ARENA_H_
