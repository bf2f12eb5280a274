// Memory straight from the system: zeros that take room only where they are
// written to.

#ifndef MITRA_SERVICES_SEARCH_PARTITION_PAGES_H_
#define MITRA_SERVICES_SEARCH_PARTITION_PAGES_H_

#include <cstddef>
#include <memory>

namespace mitra::search {

struct Unmap {
  size_t bytes = 0;
  void operator()(void* memory) const;
};

template <typename T>
using Pages = std::unique_ptr<T[], Unmap>;

// Throws std::bad_alloc. With `huge`, in pages of 2 MiB if the machine gives
// them: a scan then crosses few page boundaries, where the processor's
// prefetching stops, and a walk finds the page of most rows without a search.
void* MapZeros(size_t bytes, bool huge);

// `count` values that are zero.
template <typename T>
Pages<T> SmallPages(size_t count) {
  return Pages<T>(static_cast<T*>(MapZeros(count * sizeof(T), false)),
                  Unmap{count * sizeof(T)});
}

// The same in huge pages; takes whole ones.
template <typename T>
Pages<T> HugePages(size_t count) {
  constexpr size_t kHugePage = size_t{2} << 20;
  const size_t pages = (count * sizeof(T) + kHugePage - 1) / kHugePage;
  const size_t bytes = (pages > 0 ? pages : 1) * kHugePage;
  return Pages<T>(static_cast<T*>(MapZeros(bytes, true)), Unmap{bytes});
}

}  // namespace mitra::search

#endif  // MITRA_SERVICES_SEARCH_PARTITION_PAGES_H_
