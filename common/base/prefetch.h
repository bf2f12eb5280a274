// Calling for memory that will be read soon.
//
// Not __builtin_prefetch: to GCC 12 it has no effect, so a function that does
// nothing else is pure, and unless it is inlined early enough calls of it are
// dropped. The walk through the graph of vectors called for no list that way,
// and waited for each of them.

#ifndef MITRA_COMMON_BASE_PREFETCH_H_
#define MITRA_COMMON_BASE_PREFETCH_H_

#include <cstddef>

namespace mitra {

inline constexpr size_t kCacheLine = 64;

// Calls for the line that holds `address`, which need not be readable.
inline void PrefetchLine(const void* address) {
#if defined(__x86_64__)
  asm volatile("prefetcht0 %0" : : "m"(*static_cast<const char*>(address)));
#else
  __builtin_prefetch(address);
#endif
}

// Calls for `size` bytes that begin with a line.
inline void PrefetchBytes(const void* address, size_t size) {
  const auto* bytes = static_cast<const char*>(address);
  for (size_t at = 0; at < size; at += kCacheLine) PrefetchLine(bytes + at);
}

}  // namespace mitra

#endif  // MITRA_COMMON_BASE_PREFETCH_H_
