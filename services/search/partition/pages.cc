#include "services/search/partition/pages.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace mitra::search {

void Unmap::operator()(void* memory) const { munmap(memory, bytes); }

void* MapZeros(size_t bytes, bool huge) {
  constexpr size_t kHugePage = size_t{2} << 20;
  const size_t extra = huge ? kHugePage : 0;
  // Aligned by cutting off both ends of a larger piece.
  auto* piece =
      static_cast<char*>(mmap(nullptr, bytes + extra, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (piece == MAP_FAILED) throw std::bad_alloc();
  if (!huge) return piece;
  const size_t before =
      (kHugePage - reinterpret_cast<uintptr_t>(piece) % kHugePage) % kHugePage;
  if (before > 0) munmap(piece, before);
  if (before < kHugePage) munmap(piece + before + bytes, kHugePage - before);
  madvise(piece + before, bytes, MADV_HUGEPAGE);
  return piece + before;
}

}  // namespace mitra::search
